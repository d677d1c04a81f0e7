package controlplane

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/kubernetes/pkg/controller/certificates/rootcacertpublisher"
)

// slimTransport leaves out of kube-controller-manager's watches what none of its
// controllers reads. Its garbage collector and its quotas keep every ConfigMap and
// Secret of the cluster in memory, and look at their metadata alone.
type slimTransport struct{ http.RoundTripper }

// slimWatches are the paths of those watches, behind that of the client's own
// entrance.
var slimWatches = []string{"/api/v1/configmaps", "/api/v1/secrets"}

func slims(path string) bool {
	return slices.ContainsFunc(slimWatches, func(w string) bool { return strings.HasSuffix(path, w) })
}

// RoundTrip implements [http.RoundTripper].
func (t slimTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusOK || !slims(r.URL.Path) {
		return resp, err
	}
	watches, _ := strconv.ParseBool(r.URL.Query().Get("watch")) // else a list
	if watches && strings.HasPrefix(resp.Header.Get("Content-Type"), runtime.ContentTypeProtobuf) {
		resp.Body = &slimStream{body: resp.Body}
	}
	return resp, nil
}

// slimStream is a watch's answer: frames of a length and that many bytes.
type slimStream struct {
	body io.ReadCloser
	left []byte // of the newest frame
}

// Read implements [io.Reader].
func (s *slimStream) Read(b []byte) (int, error) {
	if len(s.left) == 0 {
		if err := s.next(); err != nil {
			return 0, err
		}
	}
	n := copy(b, s.left)
	s.left = s.left[n:]
	return n, nil
}

// next reads one frame.
func (s *slimStream) next() error {
	var length [4]byte
	if _, err := io.ReadFull(s.body, length[:]); err != nil {
		return err
	}
	frame := make([]byte, binary.BigEndian.Uint32(length[:]))
	if _, err := io.ReadFull(s.body, frame); err != nil {
		return err
	}
	frame = slimEvent(frame)
	s.left = append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...)
	return nil
}

// Close implements [io.Closer].
func (s *slimStream) Close() error { return s.body.Close() }

// protobufMagic is what Kubernetes' protobuf objects begin with.
var protobufMagic = []byte("k8s\x00")

// slimEvent is an encoded [metav1.WatchEvent] without what nobody reads. What it
// does not understand it leaves as it is.
func slimEvent(frame []byte) []byte {
	var event metav1.WatchEvent
	var object runtime.Unknown
	if event.Unmarshal(frame) != nil {
		return frame
	}
	encoded, ok := bytes.CutPrefix(event.Object.Raw, protobufMagic)
	if !ok || object.Unmarshal(encoded) != nil || object.ContentEncoding != "" {
		return frame
	}
	slimmed, err := slimObject(object.Kind, object.Raw)
	if err != nil || slimmed == nil {
		return frame
	}
	object.Raw = slimmed
	if encoded, err = object.Marshal(); err != nil {
		return frame
	}
	event.Object.Raw = append(bytes.Clone(protobufMagic), encoded...)
	slim, err := event.Marshal()
	if err != nil {
		return frame
	}
	return slim
}

// slimObject is an encoded object without its data; nil if that is read: the
// certificate that is published to all namespaces, and service accounts' tokens.
func slimObject(kind string, encoded []byte) ([]byte, error) {
	switch kind {
	case "ConfigMap":
		var o corev1.ConfigMap
		if err := o.Unmarshal(encoded); err != nil || o.Name == rootcacertpublisher.RootCACertConfigMapName {
			return nil, err
		}
		o.Data, o.BinaryData = nil, nil
		return o.Marshal()
	case "Secret":
		var o corev1.Secret
		if err := o.Unmarshal(encoded); err != nil || o.Type == corev1.SecretTypeServiceAccountToken {
			return nil, err
		}
		o.Data = nil
		return o.Marshal()
	}
	return nil, nil
}
