//go:build !unix

package controlplane

import "syscall"

// portHold is nothing here: between two lives of the API server somebody else
// could take its port.
type portHold struct{}

func holdPort(port int) (*portHold, string, error) {
	l, err := listenNear(port)
	if err != nil {
		return nil, "", err
	}
	defer l.Close()
	return &portHold{}, l.Addr().String(), nil
}

func (h *portHold) release() {}

func sharePort(_, _ string, _ syscall.RawConn) error { return nil }
