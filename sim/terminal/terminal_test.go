package terminal

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"text/tabwriter"
)

func TestWriter(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"plain text, größer, 日本\n\tindented\n", "plain text, größer, 日本\n\tindented\n"},
		{"\x1b[2J\x1b]0;title\a", `\u001b[2J\u001b]0;title\u0007`},
		{"a\rb\x00\x7f\b", `a\u000db\u0000\u007f\u0008`},
		{"\u009b31m\u0085", `\u009b31m\u0085`},
		{"\x9b31m\xff\xc3", `\x9b31m\xff\xc3`},
		{"\u202egpj.exe\u2066\u200f\u2028", `\u202egpj.exe\u2066\u200f\u2028`},
		{Own("\x1b[31m") + "red\x1b[0m" + Own("\x1b[0m"), "\x1b[31mred" + `\u001b[0m` + "\x1b[0m"},
		{Own("\r\x1b[K"), "\r\x1b[K"},
	} {
		var out bytes.Buffer
		n, err := Writer{&out}.Write([]byte(c.in))
		if out.String() != c.want || n != len(c.in) || err != nil {
			t.Errorf("%q: got %q, %d, %v, want %q", c.in, out.String(), n, err, c.want)
		}
	}
}

// TestWriterJSON checks that a value is the same after it went through JSON and
// the writer, which encoding/json alone leaves with raw control characters.
func TestWriterJSON(t *testing.T) {
	value := "\x1b[2J\u009b\x7f\u202e\"\\\n日本"
	var out bytes.Buffer
	if err := json.NewEncoder(Writer{&out}).Encode(value); err != nil {
		t.Fatal(err)
	}
	var got string
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got != value {
		t.Errorf("got %q, %v, want %q", got, err, value)
	}
	if strings.ContainsAny(out.String(), "\x1b\u009b\x7f\u202e") {
		t.Errorf("raw control characters in %q", out.String())
	}
}

func TestFprintf(t *testing.T) {
	type name string
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	if _, err := Fprintf(w, "%s\t%s\t%d\n", "a\nb\tc", name("d\vf\f"), 7); err != nil {
		t.Error(err)
	}
	if err := w.Flush(); err != nil || out.String() != `a\nb\tc  d\vf\f  7`+"\n" {
		t.Errorf("got %q, %v", out.String(), err)
	}
}
