// Package accept takes in the connections of a listener for as long as that is open.
package accept

import (
	"errors"
	"net"
	"time"
)

// pause is the wait after a failure that may pass: there are too many open files, or
// the client is gone already.
const pause = 100 * time.Millisecond

// All gives take each connection that comes in, until the listener is closed.
func All(l net.Listener, take func(net.Conn)) {
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			take(c)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			time.Sleep(pause)
		}
	}
}
