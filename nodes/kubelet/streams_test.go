package kubelet

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"demarc/nodes/program"
)

// A client that never ends a request's header is not listened to for ever.
func TestPortForwardEndlessHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pod{k: &Kubelet{ks: &Kubelets{Config: Config{Lock: &sync.Mutex{}}}}}
		p.containers = []*container{{p: p, state: running, behaviour: program.Behaviour{Handler: http.NotFoundHandler(), Ports: []int32{80}}}}
		client, stream := net.Pipe()
		defer client.Close()
		go func() { _ = forwarder{p}.PortForward(t.Context(), "", "", 80, stream) }()
		if _, err := io.WriteString(client, "GET / HTTP/1.1\r\nEndless: "); err != nil {
			t.Fatal(err)
		}
		piece, sent := []byte(strings.Repeat("a", 64<<10)), 0
		for sent < 16<<20 {
			n, err := client.Write(piece)
			if sent += n; err != nil {
				return
			}
		}
		t.Errorf("%d bytes of a header were taken", sent)
	})
}
