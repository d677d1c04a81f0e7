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

func holdPort(port int) (*portHold, string, error) {
	// Where the port is asked for by number, somebody else's listener must be
	// found out: sharing a port with another user's process is not possible,
	// with another engine of ours it is, and would mix two clusters.
	if port != 0 {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			return nil, "", &PortError{Port: port, Err: err}
		}
		l.Close()
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, "", err
	}
	unix.CloseOnExec(fd)
	h := &portHold{fd}
	if err := setShare(fd); err != nil {
		h.release()
		return nil, "", err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		h.release()
		return nil, "", fmt.Errorf("bind 127.0.0.1:%d: %w", port, err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		h.release()
		return nil, "", err
	}
	return h, net.JoinHostPort("127.0.0.1", strconv.Itoa(sa.(*unix.SockaddrInet4).Port)), nil
}

func (h *portHold) release() { unix.Close(h.fd) }

// sharePort lets a listener share the port of a hold.
func sharePort(_, _ string, c syscall.RawConn) error {
	var err error
	if cerr := c.Control(func(fd uintptr) { err = setShare(int(fd)) }); cerr != nil {
		return cerr
	}
	return err
}

func setShare(fd int) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
}
