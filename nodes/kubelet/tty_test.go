package kubelet

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// A keyboard shows what is typed and hands over lines, of which each can be mended while it
// is typed.
func TestKeyboard(t *testing.T) {
	for typed, want := range map[string]struct{ line, shown string }{
		"ls\r":                 {"ls\n", "ls\r\n"},
		"lx\x7fs\r":            {"ls\n", "lx\b \bs\r\n"},
		"\x7f\x1b[Als\x1bOB\r": {"ls\n", "ls\r\n"},
		"rm -rf\x03ls\r":       {"\n", "rm -rf^C\r\nls\r\n"},
		"ls\rpwd\r":            {"ls\n", "ls\r\npwd\r\n"},
		"äö\x7f\r":             {"ä\n", "äö\b \b\r\n"},
	} {
		var shown bytes.Buffer
		k := &keyboard{from: strings.NewReader(typed), show: &shown}
		b := make([]byte, 100)
		n, err := k.Read(b)
		if string(b[:n]) != want.line || err != nil || shown.String() != want.shown {
			t.Errorf("%q gives %q, %v and shows %q", typed, b[:n], err, shown.String())
		}
	}
	k := &keyboard{from: strings.NewReader("\x04ls\r"), show: io.Discard}
	if n, err := k.Read(make([]byte, 10)); n != 0 && err != io.EOF {
		t.Errorf("the end of the input gives %d, %v", n, err)
	}
}
