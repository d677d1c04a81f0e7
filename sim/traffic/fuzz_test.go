package traffic

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// FuzzSpec reads what traffic somebody wants: what is right can be sent, bounded, and is
// the same after it was written.
func FuzzSpec(f *testing.F) {
	for _, text := range []string{
		`{"name":"buyers","from":"outside","to":"service/shop","rate":2}`, `{"name":"stock","from":"inside","to":"service/default/stock:8080","path":"/a?b=c","rate":0.5,"timeout":1000000000}`,
		`{"name":"x","from":"node/a","to":"http://10.0.0.1:80/","rate":1000}`, `{"name":"x","from":"inside","to":"http://[::1]%zz/","rate":1e300}`, `{"name":"x","from":"inside","to":"service/a/b/c:0","rate":1e-300,"timeout":-1}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var s Spec
		if json.Unmarshal(text, &s) != nil || s.Validate() != nil {
			return
		}
		if !(s.Rate >= MinRate && s.Rate <= MaxRate) || s.Timeout < 0 || len(s.Name) > 63 || strings.ContainsAny(s.Name, "\n\x1b") {
			t.Errorf("%+v was believed", s)
		}
		to, err := parseTarget(s.To)
		if err != nil || to.url == nil && to.service == "" {
			t.Errorf("%q leads nowhere: %+v, %v", s.To, to, err)
		}
		written, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var again Spec
		if err := json.Unmarshal(written, &again); err != nil || !reflect.DeepEqual(again, s) || again.Validate() != nil {
			t.Errorf("%+v again: %+v, %v", s, again, err)
		}
	})
}
