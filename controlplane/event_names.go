package controlplane

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
)

// eventNames is how many names are tried for an event.
const eventNames = 16

// renamed is a request to make an event once more, under the name of a nanosecond later, if
// the one that was answered had a name that is taken; else nil. client-go names an event by
// its object and the time in nanoseconds (client-go 0.37, tools/record: GenerateEventName), and
// drops one whose name is taken. Virtual time stands still while anything works: whatever two
// components say of one pod in one instant had one name, and only the first was heard.
func renamed(r *http.Request, resp *http.Response, err error) *http.Request {
	if err != nil || resp.StatusCode != http.StatusConflict || r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/events") || r.GetBody == nil {
		return nil
	}
	body, err := r.GetBody()
	if err != nil {
		return nil
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		return nil
	}
	if data, err = renameEvent(data, r.Header.Get("Content-Type")); err != nil {
		return nil
	}
	again := r.Clone(r.Context())
	again.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
	again.Body, _ = again.GetBody() // never fails
	again.ContentLength = int64(len(data))
	return again
}

// renameEvent is an encoded event with the name of a nanosecond later.
func renameEvent(data []byte, contentType string) ([]byte, error) {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, err
	}
	info, ok := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), media)
	if !ok {
		return nil, fmt.Errorf("an event of type %s", media)
	}
	obj, gvk, err := info.Serializer.Decode(data, nil, nil)
	if err != nil {
		return nil, err
	}
	m, err := meta.Accessor(obj)
	if err != nil {
		return nil, err
	}
	nanosecond := path.Ext(m.GetName())
	n, err := strconv.ParseInt(strings.TrimPrefix(nanosecond, "."), 16, 64)
	if err != nil {
		return nil, err
	}
	m.SetName(fmt.Sprintf("%s.%x", strings.TrimSuffix(m.GetName(), nanosecond), n+1))
	return runtime.Encode(scheme.Codecs.EncoderForVersion(info.Serializer, gvk.GroupVersion()), obj)
}
