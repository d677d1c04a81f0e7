package accept

import (
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
)

// failing is a listener whose Accept has these results, one after the other.
type failing struct {
	net.Listener
	results []error // nil for a connection
}

func (f *failing) Accept() (net.Conn, error) {
	err := f.results[0]
	f.results = f.results[1:]
	if err != nil {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: err}
	}
	c, _ := net.Pipe()
	return c, nil
}

// A listener outlives that there are too many open files, and ends when it is closed.
func TestAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tooMany := os.NewSyscallError("accept4", syscall.EMFILE)
		taken := 0
		All(&failing{results: []error{nil, tooMany, tooMany, nil, net.ErrClosed}}, func(c net.Conn) {
			taken++
			c.Close()
		})
		if taken != 2 {
			t.Errorf("%d connections were taken in, want 2", taken)
		}
	})
}
