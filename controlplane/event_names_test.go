package controlplane

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

func TestEventWhoseNameIsTaken(t *testing.T) {
	named := metav1.ObjectMeta{Namespace: "default", Name: "shop.example-0.18ad0c3b5eff"}
	for _, x := range []struct {
		media  string
		object runtime.Object
		group  schema.GroupVersion
	}{
		{runtime.ContentTypeProtobuf, &corev1.Event{ObjectMeta: named, Reason: "Killing"}, corev1.SchemeGroupVersion},
		{runtime.ContentTypeJSON, &eventsv1.Event{ObjectMeta: named, Reason: "Killing"}, eventsv1.SchemeGroupVersion},
	} {
		info, _ := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), x.media)
		data, err := runtime.Encode(scheme.Codecs.EncoderForVersion(info.Serializer, x.group), x.object)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://x/api/v1/namespaces/default/events", bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", x.media)
		if again := renamed(r, &http.Response{StatusCode: http.StatusCreated}, nil); again != nil {
			t.Errorf("%s: one that was made is asked for again", x.media)
		}
		again := renamed(r, &http.Response{StatusCode: http.StatusConflict}, nil)
		if again == nil {
			t.Fatalf("%s: one whose name is taken is not asked for again", x.media)
		}
		body, err := io.ReadAll(again.Body)
		if err != nil || int64(len(body)) != again.ContentLength {
			t.Fatalf("%s: got %d bytes of %d, %v", x.media, len(body), again.ContentLength, err)
		}
		obj, gvk, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, nil)
		if err != nil || gvk.GroupVersion() != x.group {
			t.Fatalf("%s: got a %v, %v", x.media, gvk, err)
		}
		if got, want := obj.(metav1.Object).GetName(), "shop.example-0.18ad0c3b5f00"; got != want {
			t.Errorf("%s: got the name %s, want %s", x.media, got, want)
		}
		if renamed(again, &http.Response{StatusCode: http.StatusConflict}, nil) == nil {
			t.Errorf("%s: the next name is not tried if that is taken too", x.media)
		}
	}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://x/api/v1/namespaces/default/events", bytes.NewReader([]byte("{")))
	if renamed(r, &http.Response{StatusCode: http.StatusConflict}, nil) != nil {
		t.Error("one that nobody can read is asked for again")
	}
}
