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

// opened is a file of which the process has only so many.
type opened struct {
	io.ReadWriteCloser
	release func()
}

// Close implements [io.Closer].
func (o *opened) Close() error {
	defer o.release()
	return o.ReadWriteCloser.Close()
}

// File counts a file that is open for writing.
func (p *Process) File(name string, f io.ReadWriteCloser) (io.ReadWriteCloser, error) {
	release, err := p.open(name)
	if err != nil {
		return nil, err
	}
	return &opened{f, release}, nil
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
