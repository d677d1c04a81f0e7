package upstream

import (
	"fmt"
	"net/http"
	"reflect"
	"sync/atomic"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
)

// CallLoopback has every client that an API server makes of itself, or has made already,
// ask by rt. They are made from one configuration, and client-go keeps one transport for
// each: whoever holds on to what is returned keeps it there.
//
// Without this, an API server speaks to itself by a connection of the kernel's. The
// transport cannot be told by its own RegisterProtocol, which panics: HTTP/2 has
// registered itself.
func CallLoopback(loopback *rest.Config, rt http.RoundTripper) (kept any, err error) {
	cfg, err := loopback.TransportConfig()
	if err != nil {
		return nil, err
	}
	outermost, err := transport.New(cfg)
	if err != nil {
		return nil, err
	}
	for layer := outermost; ; {
		switch l := layer.(type) {
		case *http.Transport:
			protocols, err := field[atomic.Value](reflect.ValueOf(l), "altProto")
			if err != nil {
				return nil, err
			}
			protocols.Store(map[string]http.RoundTripper{"https": rt})
			return outermost, nil
		case utilnet.RoundTripperWrapper:
			layer = l.WrappedRoundTripper()
		default:
			return nil, fmt.Errorf("client-go's transport is a %T", layer)
		}
	}
}
