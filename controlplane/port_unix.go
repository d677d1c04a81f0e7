//go:build unix

package controlplane

import (
	"fmt"
	"net"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// portHold keeps a loopback port for us while nobody listens on it: a bound
// socket that does not listen, so that the kernel refuses connections.
type portHold struct{ fd int }

// holdPort holds a port, or a free one if port is 0 or somebody else has it.
func holdPort(port int) (h *portHold, address string, err error) {
	if port != 0 && free(port) {
		if h, address, err = hold(port); err == nil {
			return h, address, nil
		}
	}
	return hold(0)
}

// free says whether nobody has a port. Another user's could not be shared anyway;
// that of another engine of ours could, and would mix two clusters.
func free(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	l.Close()
	return true
}

func hold(port int) (_ *portHold, address string, err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, "", err
	}
	unix.CloseOnExec(fd)
	h := &portHold{fd}
	defer func() {
		if err != nil {
			h.release()
		}
	}()
	// Not SO_REUSEADDR too: then who asks whether the port is free would share it.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return nil, "", err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return nil, "", fmt.Errorf("bind 127.0.0.1:%d: %w", port, err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return nil, "", err
	}
	return h, net.JoinHostPort("127.0.0.1", strconv.Itoa(sa.(*unix.SockaddrInet4).Port)), nil
}

func (h *portHold) release() { unix.Close(h.fd) }

// sharePort lets a listener share the port of a hold.
func sharePort(_, _ string, c syscall.RawConn) error {
	var err error
	if cerr := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }); cerr != nil {
		return cerr
	}
	return err
}
