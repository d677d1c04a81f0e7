package guard

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"sync"
)

// pipeSize is what a pipe of the host's holds.
const pipeSize = 64 << 10

// output is a file that is only written to.
type output struct {
	io.Writer
	release func() // when it is closed
}

// Read ends at once.
func (o *output) Read([]byte) (int, error) { return 0, io.EOF }

// Close implements [io.Closer].
func (o *output) Close() error { o.release(); return nil }

// File counts a file that is open for writing, of which the process has only so many.
func (p *Process) File(name string, to io.Writer) (io.ReadWriteCloser, error) {
	release, err := p.open(name)
	if err != nil {
		return nil, err
	}
	return &output{to, release}, nil
}

// Input is a file to read, as what the interpreter reads from: given anything else, it
// makes a pipe that it does not close.
func (p *Process) Input(name string, content []byte) (*os.File, error) {
	release, err := p.open(name)
	if err != nil {
		return nil, err
	}
	in, out, err := os.Pipe()
	if err != nil {
		release()
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	write := func() {
		defer release()
		_, _ = io.Copy(out, bytes.NewReader(content)) // ends when the reader does
		_ = out.Close()                               // a pipe's end
	}
	if len(content) < pipeSize {
		write()
	} else {
		go write()
	}
	return in, nil
}

func (p *Process) open(name string) (release func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.files >= maxFiles {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errFiles}
	}
	p.files++
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.files--
	}), nil
}
