package nodes

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// stream opens a web socket to the kubelet of the first node.
func stream(t *testing.T, f *Fleet, path, protocol string) *websocket.Conn {
	t.Helper()
	d := websocket.Dialer{
		NetDialContext:  func(ctx context.Context, _, address string) (net.Conn, error) { return f.DialKubelet(ctx, address) },
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{clientCertificate(t)}},
		Subprotocols:    []string{protocol},
	}
	conn, resp, err := d.Dial("wss://10.224.0.4:10250"+path, nil)
	if err != nil {
		t.Fatalf("%s: %v %v", path, err, resp)
	}
	return conn
}

// readAll collects what comes in by channel, until the far end closes.
func readAll(t *testing.T, conn *websocket.Conn) map[byte]string {
	t.Helper()
	got := map[byte]string{}
	for {
		_, b, err := conn.ReadMessage()
		if err != nil {
			var closed *websocket.CloseError
			if !errors.As(err, &closed) && !errors.Is(err, io.EOF) {
				t.Logf("read: %v", err)
			}
			return got
		}
		if len(b) > 0 {
			got[b[0]] += string(b[1:])
		}
	}
}

// exec runs a command in the container of a pod, and returns its output.
func (w *world) exec(pod, command string) string {
	w.t.Helper()
	conn := stream(w.t, w.f, "/exec/default/"+pod+"/c?output=1&error=1&command=sh&command=-c&command="+url.QueryEscape(command), "v4.channel.k8s.io")
	defer conn.Close()
	return readAll(w.t, conn)[1]
}

func TestExec(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "web"))
		w.pass(5 * time.Second)
		for _, tc := range []struct{ query, stdout, status string }{
			{"command=echo&command=hello", "hello", `"status":"Success"`},
			{"command=sh&command=-c&command=exit+3", "", `"message":"3"`},
		} {
			conn := stream(t, w.f, "/exec/default/web/c?output=1&error=1&"+tc.query, "v4.channel.k8s.io")
			got := readAll(t, conn)
			conn.Close()
			if !strings.Contains(got[1], tc.stdout) || !strings.Contains(got[3], tc.status) {
				t.Errorf("%s: %q, want output %q and status %q", tc.query, got, tc.stdout, tc.status)
			}
		}
	})
}

func TestPortForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "web"))
		w.pass(5 * time.Second)
		conn := stream(t, w.f, "/portForward/default/web?port=80", "v4.channel.k8s.io")
		defer conn.Close()
		for range 2 { // each channel begins with its port's number
			_, b, err := conn.ReadMessage()
			if err != nil || len(b) != 3 || binary.LittleEndian.Uint16(b[1:]) != 80 {
				t.Fatalf("first message %v %v, want port 80", b, err)
			}
		}
		request := "GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n"
		if err := conn.WriteMessage(websocket.BinaryMessage, append([]byte{0}, request...)); err != nil {
			t.Fatal(err)
		}
		answer := readAll(t, conn)[0]
		resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
		if err != nil {
			t.Fatalf("%v in %q", err, answer)
		}
		if resp.StatusCode != http.StatusOK {
			t.Errorf("status = %d, want 200", resp.StatusCode)
		}
	})
}
