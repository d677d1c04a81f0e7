package program

import "io"

// device is what the files below /dev are that a script may name.
type device struct {
	out  io.Writer
	rest []byte
}

// Read ends at once.
func (d *device) Read(p []byte) (int, error) { return readFrom(&d.rest, p) }

// Write implements [io.Writer].
func (d *device) Write(p []byte) (int, error) { return d.out.Write(p) }

// Close implements [io.Closer].
func (d *device) Close() error { return nil }

// deviceFor finds the device of a name; stdout and stderr are the caller's.
func deviceFor(name string, stdout, stderr io.Writer) (*device, bool) {
	switch name {
	case "/dev/null", "/dev/tty":
		return &device{out: io.Discard}, true
	case "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/1/fd/1":
		return &device{out: stdout}, true
	case "/dev/stderr", "/dev/fd/2", "/proc/self/fd/2", "/proc/1/fd/2":
		return &device{out: stderr}, true
	}
	return nil, false
}

func readFrom(rest *[]byte, p []byte) (int, error) {
	if len(*rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, *rest)
	*rest = (*rest)[n:]
	return n, nil
}
