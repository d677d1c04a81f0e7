package kubelet

import (
	"bytes"
	"io"
	"unicode/utf8"
)

// keyboard is what a terminal does between the keys and a program: it shows what is typed,
// and hands it over line by line.
type keyboard struct {
	from  io.Reader
	show  io.Writer
	line  []byte // that is being typed
	ready []byte // to be read
	codes int    // of an escape sequence under way; 0 if there is none
	over  bool
}

// Keys that do something.
const (
	ctrlC     = 0x03
	ctrlD     = 0x04
	backspace = 0x08
	escape    = 0x1b
	delete_   = 0x7f
)

// maxLine bounds a line, as a terminal does.
const maxLine = 4096

// Read implements [io.Reader].
func (k *keyboard) Read(p []byte) (int, error) {
	var keys [256]byte
	for len(k.ready) == 0 {
		if k.over {
			return 0, io.EOF
		}
		n, err := k.from.Read(keys[:])
		var shown bytes.Buffer
		for _, key := range keys[:n] {
			k.press(key, &shown)
		}
		_, _ = k.show.Write(shown.Bytes()) // the client may be gone
		if err != nil {
			k.over = true
			k.ready = append(k.ready, k.line...)
		}
	}
	n := copy(p, firstLine(k.ready))
	k.ready = k.ready[n:]
	return n, nil
}

// firstLine is a text up to the end of its first line: nobody reads more of what is typed
// at once, so that a shell leaves the rest to what it starts.
func firstLine(text []byte) []byte {
	if i := bytes.IndexByte(text, '\n'); i >= 0 {
		return text[:i+1]
	}
	return text
}

func (k *keyboard) press(key byte, shown *bytes.Buffer) {
	switch {
	case k.over:
	case k.codes > 0: // arrows and their like: ESC [ A
		k.codes++
		if k.codes > 2 && key >= '@' && key <= '~' || k.codes == 2 && key != '[' && key != 'O' {
			k.codes = 0
		}
	case key == escape:
		k.codes = 1
	case key == '\r', key == '\n':
		shown.WriteString("\r\n")
		k.ready, k.line = append(append(k.ready, k.line...), '\n'), nil
	case key == backspace, key == delete_:
		if len(k.line) > 0 {
			_, size := utf8.DecodeLastRune(k.line)
			k.line = k.line[:len(k.line)-size]
			shown.WriteString("\b \b")
		}
	case key == ctrlC:
		shown.WriteString("^C\r\n")
		k.ready, k.line = append(k.ready, '\n'), nil
	case key == ctrlD:
		k.over = len(k.line) == 0
	case key >= ' ' && len(k.line) < maxLine:
		k.line = append(k.line, key)
		shown.WriteByte(key)
	}
}

// screen is where a program's lines end as a terminal's do.
type screen struct{ to io.Writer }

// Write implements [io.Writer].
func (s screen) Write(p []byte) (int, error) {
	if _, err := s.to.Write(bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n"))); err != nil {
		return 0, err
	}
	return len(p), nil
}
