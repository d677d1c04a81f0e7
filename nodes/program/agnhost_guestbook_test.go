package program

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A replica finds its primary, has what was stored before, and hears what is set later.
func TestGuestbook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pods := map[string]http.Handler{}
		var down atomic.Bool
		spec := func(ip string, args ...string) Spec {
			return Spec{Image: testImage, Args: append([]string{"guestbook"}, args...), PodIP: ip,
				Dial: func(_ context.Context, _, address string) (net.Conn, error) {
					if down.Load() {
						return nil, syscall.ECONNREFUSED
					}
					there, here := net.Pipe()
					go func() { _ = http.Serve(&one{conn: here}, pods[address]) }()
					return there, nil
				}}
		}
		primary := Plan(spec("10.0.0.1", "--http-port", "6379"))
		replica := Plan(spec("10.0.0.2", "--replicaof", "agnhost-primary", "--http-port", "6379"))
		front := Plan(spec("10.0.0.3", "--backend-port", "6379"))
		if len(front.Ports) != 1 || front.Ports[0] != 80 {
			t.Errorf("the front end's ports: got %v", front.Ports)
		}
		pods["agnhost-primary:6379"], pods["agnhost-replica:6379"], pods["10.0.0.2:6379"] = primary.Handler, replica.Handler, replica.Handler
		expect := func(h http.Handler, target string, code int, want string) {
			t.Helper()
			if got, body := ask(h, target); got != code || strings.TrimSpace(body) != want {
				t.Errorf("%s: got %d, %s, want %d, %s", target, got, body, code, want)
			}
		}
		expect(primary.Handler, "/set?key=old&value=1", 200, `{"message":"Updated"}`)

		down.Store(true)
		var out strings.Builder
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan int, 1)
		go func() { ended <- replica.Script(ctx, &out) }()
		time.Sleep(3500 * time.Millisecond)
		down.Store(false)
		time.Sleep(time.Second)
		expect(replica.Handler, "/get", 200, `{"data":{"old":"1"}}`)
		expect(front.Handler, "/guestbook?cmd=get&key=messages&value=", 200, `{"data":""}`)
		expect(front.Handler, "/guestbook?cmd=set&key=messages&value=an+entry", 200, `{"message":"Updated"}`)
		expect(front.Handler, "/guestbook?cmd=get&key=messages&value=", 200, `{"data":"an entry"}`)
		expect(front.Handler, "/guestbook?cmd=drop&key=messages", 400, "unsupported cmd: 'drop'")
		expect(front.Handler, "/guestbook?cmd=set", 400, "cannot set with empty key.")
		cancel()
		if code := <-ended; code != 0 || strings.Count(out.String(), "Retrying") != 4 || !strings.Contains(out.String(), "Registered to node: agnhost-primary") {
			t.Errorf("the replica: got %d, %q", code, out.String())
		}

		down.Store(true)
		began := time.Now()
		if code := replica.Script(t.Context(), &out); code != 1 || time.Since(began) < 15*time.Second {
			t.Errorf("without a primary: got %d after %v", code, time.Since(began))
		}
		if front.Script != nil {
			t.Error("a front end has a script: it registers nowhere")
		}
	})
}

// A picture serves the files that are in it, unless the pod has it do something else.
func TestPictures(t *testing.T) {
	for name, want := range map[string]string{"kitten:1.0": `{"image": "kitten.jpg"}`, "nautilus:1.7": `{"image": "nautilus.jpg"}`} {
		b := Plan(Spec{Image: "registry.k8s.io/e2e-test-images/" + name})
		if code, body := ask(b.Handler, "/data.json"); code != 200 || body != want || b.Ports[0] != 80 {
			t.Errorf("%s: got %d, %q, %v", name, code, body, b.Ports)
		}
	}
	b := Plan(Spec{Image: "registry.k8s.io/e2e-test-images/nautilus:1.7", Args: []string{"netexec"}})
	if _, body := ask(b.Handler, "/echo?msg=x"); body != "x" {
		t.Errorf("netexec: got %q", body)
	}
}
