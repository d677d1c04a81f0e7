package strictjson

import "testing"

func TestDecode(t *testing.T) {
	for text, ok := range map[string]bool{
		`{"name":"a"}`: true, " {} \n": true, `null`: true,
		``: false, `{"name":"a"`: false, `{"name":1}`: false, `{"named":"a"}`: false, `{} {}`: false, `{"name":"a"} x`: false,
	} {
		var v struct{ Name string }
		if err := Decode([]byte(text), &v); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}
