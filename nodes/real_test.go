package nodes

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"demarc/sim/annotation"

	"github.com/gorilla/websocket"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// A real program behind a pod's port answers its probes, whatever the image is, and not
// while the clock runs free.
func TestRealProgramIsProbed(t *testing.T) {
	var sick atomic.Bool
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sick.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprint(w, "real")
	}))
	defer server.Close()
	address := server.Listener.Addr().String()
	synctest.Test(t, func(t *testing.T) {
		var free atomic.Bool
		w := makeWorld(t, Config{Nodes: 1, Live: func() bool { return !free.Load() }})
		defer w.stop()
		probed := func(name string, h corev1.ProbeHandler) {
			w.create(testPod(w.f, name, func(p *corev1.Pod) {
				p.Annotations = map[string]string{annotation.Backend: "8443=" + address}
				c := &p.Spec.Containers[0]
				c.Image, c.Command = "ghcr.io/acme/operator:1", nil
				c.ReadinessProbe = &corev1.Probe{ProbeHandler: h, PeriodSeconds: 5, FailureThreshold: 1, SuccessThreshold: 1, TimeoutSeconds: 1}
			}))
		}
		probed("http", corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Port: intstr.FromInt32(8443), Scheme: corev1.URISchemeHTTPS, Path: "/readyz"}})
		probed("tcp", corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(8443)}})
		ready := func(what string, http, tcp bool) {
			t.Helper()
			w.pass(12 * time.Second)
			for name, want := range map[string]bool{"http": http, "tcp": tcp} {
				if s := w.pod(name).Status.ContainerStatuses; len(s) != 1 || s[0].Ready != want {
					t.Errorf("%s: %s is ready: want %v\n%s", what, name, want, w.events(name))
				}
			}
		}
		ready("well", true, true)
		sick.Store(true)
		ready("sick", false, true)
		sick.Store(false)
		free.Store(true)
		ready("the clock runs free", false, false)
		if e := w.events("tcp"); !strings.Contains(e, "BackendRefused") || !strings.Contains(e, address) {
			t.Errorf("it is not said why: %s", e)
		}
		free.Store(false)
		ready("it has a rate", true, true)
		server.Close()
		ready("gone", false, false)
		if e := w.events("http"); !strings.Contains(e, "connect: connection refused") || strings.Contains(e, "dial tcp "+address) {
			t.Errorf("what its probe says: %s", e)
		}
	})
}

// Bytes of a port-forward go to a real program as they are.
func TestPortForwardToARealProgram(t *testing.T) {
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		for {
			c, err := echo.Accept()
			if err != nil {
				return
			}
			go func() {
				b := make([]byte, 4)
				_, _ = io.ReadFull(c, b)
				_, _ = c.Write(bytes.ToUpper(b))
				c.Close()
			}()
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "raw", func(p *corev1.Pod) {
			p.Annotations = map[string]string{annotation.Backend: echo.Addr().String()}
			p.Spec.Containers[0].Image, p.Spec.Containers[0].Command = "ghcr.io/acme/raw:1", nil
			p.Spec.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 5432}}
		}))
		w.pass(5 * time.Second)
		conn := stream(t, w.f, "/portForward/default/raw?port=5432", "v4.channel.k8s.io")
		defer conn.Close()
		for range 2 { // each channel begins with its port's number
			if _, b, err := conn.ReadMessage(); err != nil || len(b) != 3 {
				t.Fatalf("first message %v %v", b, err)
			}
		}
		if err := conn.WriteMessage(websocket.BinaryMessage, []byte("\x00ping")); err != nil {
			t.Fatal(err)
		}
		if got := readAll(t, conn)[0]; got != "PING" {
			t.Errorf("got %q", got)
		}
	})
}
