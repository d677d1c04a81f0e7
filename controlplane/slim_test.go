package controlplane

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// encode is an object as the API server sends it in a watch.
func encode(t *testing.T, kind string, o interface{ Marshal() ([]byte, error) }) []byte {
	t.Helper()
	raw, err := o.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	u := runtime.Unknown{TypeMeta: runtime.TypeMeta{APIVersion: "v1", Kind: kind}, Raw: raw}
	encoded, err := u.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	e := metav1.WatchEvent{Type: string(watch.Added), Object: runtime.RawExtension{Raw: append(bytes.Clone(protobufMagic), encoded...)}}
	frame, err := e.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...)
}

func TestWatchesWithoutWhatNobodyReads(t *testing.T) {
	of := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: name, Namespace: "shop", OwnerReferences: []metav1.OwnerReference{{Name: "owner"}}}
	}
	text, data := map[string]string{"a": "b"}, map[string][]byte{"a": []byte("b")}
	objects := map[string][]runtime.Object{
		"configmaps": {
			&corev1.ConfigMap{ObjectMeta: of("big"), Data: text, BinaryData: data},
			&corev1.ConfigMap{ObjectMeta: of("kube-root-ca.crt"), Data: text},
		},
		"secrets": {
			&corev1.Secret{ObjectMeta: of("big"), Type: corev1.SecretTypeOpaque, Data: data},
			&corev1.Secret{ObjectMeta: of("token"), Type: corev1.SecretTypeServiceAccountToken, Data: data},
		},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", runtime.ContentTypeProtobuf+";stream=watch")
		for _, o := range objects["configmaps"] {
			if r.URL.Path == "/entrance/api/v1/configmaps" {
				_, _ = w.Write(encode(t, "ConfigMap", o.(*corev1.ConfigMap)))
			}
		}
		for _, o := range objects["secrets"] {
			if r.URL.Path == "/entrance/api/v1/secrets" {
				_, _ = w.Write(encode(t, "Secret", o.(*corev1.Secret)))
			}
		}
	}))
	defer server.Close()
	cfg := &rest.Config{Host: server.URL + "/entrance", ContentConfig: rest.ContentConfig{ContentType: runtime.ContentTypeProtobuf}}
	cfg.Wrap(func(rt http.RoundTripper) http.RoundTripper { return slimTransport{rt} })
	core := kubernetes.NewForConfigOrDie(cfg).CoreV1()

	configMaps, err := core.ConfigMaps("").Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	secrets, err := core.Secrets("").Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]runtime.Object{"configmaps": received(configMaps), "secrets": received(secrets)}
	objects["configmaps"][0] = &corev1.ConfigMap{ObjectMeta: of("big")}
	objects["secrets"][0] = &corev1.Secret{ObjectMeta: of("big"), Type: corev1.SecretTypeOpaque}
	if diff := cmp.Diff(objects, got); diff != "" {
		t.Errorf("received (-want +got):\n%s", diff)
	}
}

// received is the objects of a watch until its end.
func received(w watch.Interface) (list []runtime.Object) {
	for e := range w.ResultChan() {
		list = append(list, e.Object)
	}
	return list
}

func TestEventsThatAreNotUnderstoodStay(t *testing.T) {
	for _, frame := range []string{"", "garbage", "k8s\x00"} {
		in := append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...)
		out, err := io.ReadAll(&slimStream{body: io.NopCloser(bytes.NewReader(in))})
		if err != nil || !bytes.Equal(in, out) {
			t.Errorf("%q became %q, %v", in, out, err)
		}
	}
}
