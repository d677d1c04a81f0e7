package annotation

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for _, c := range []struct{ key, value, message, suggestion string }{
		{ReadyAfter, "10s", "", ""},
		{ReadyAfter, "soon", "annotation demarc.dev/ready-after: time: invalid duration", ""},
		{ReadyAfter, "-1s", "is negative", ""},
		{ExitCode, "1", "", ""},
		{ExitCode, "256", "not between 0 and 255", ""},
		{PullSeconds, "2.5", "", ""},
		{PullSeconds, "NaN", "not a number of seconds", ""},
		{HTTPStatus, "503", "", ""},
		{HTTPStatus, "99", "not between", ""},
		{Latency, "fast", "invalid duration", ""},
		{IgnoreSIGTERM, "true", "", ""},
		{IgnoreSIGTERM, "maybe", "invalid syntax", ""},
		{ExitAfter + ".worker", "30s", "", ""},
		{"demarc.dev/reddy-after", "10s", "there is no annotation demarc.dev/reddy-after", ReadyAfter},
		{"demarc.dev/reddy-after.worker", "10s", "there is no annotation", ReadyAfter + ".worker"},
		{"demarc.io/ready-after", "10s", "there is no annotation demarc.io/ready-after", ReadyAfter},
		{"demarc.dev/colour", "red", "there is no annotation", ""},
		{"example.com/ready-after", "soon", "", ""},
		{"owner", "sales", "", ""},
	} {
		message, suggestion := "", ""
		if m := Check(c.key, c.value); m != nil {
			message, suggestion = m.Message, m.Suggestion
		}
		if (c.message == "") != (message == "") || !strings.Contains(message, c.message) || suggestion != c.suggestion {
			t.Errorf("%s=%s: got %q, %q", c.key, c.value, message, suggestion)
		}
	}
}

func TestMistakes(t *testing.T) {
	got := Mistakes(map[string]string{"demarc.dev/reddy-after": "1s", ExitCode: "x", ReadyAfter: "1s", "b": "c"})
	if len(got) != 2 || got[0].Key != ExitCode || !strings.HasSuffix(got[1].String(), `(did you mean "demarc.dev/ready-after"?)`) {
		t.Errorf("got %v", got)
	}
}

// Each example is right.
func TestExamples(t *testing.T) {
	for _, a := range All {
		if m := Check(a.Name, a.Example); m != nil || a.Doc == "" {
			t.Errorf("%s: %v", a.Name, m)
		}
	}
}
