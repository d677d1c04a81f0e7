package program

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Two pods find each other by their Service's endpoints, and say so when each has heard of
// both.
func TestNettestFindsItsPeers(t *testing.T) {
	_, keyPEM, ca := identity(t, "")
	s := clusterSpec(ca)
	behind(t, &s, keyPEM, ca, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer pods-token" || r.URL.Path != "/api/v1/namespaces/ns/endpoints/peers" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		fmt.Fprint(w, `{"subsets":[{"addresses":[{"ip":"10.244.0.1"},{"ip":"10.244.0.2"}],"ports":[{"port":8080}]}]}`)
	}))
	s.Trust = func() []byte { return nil }
	api, served := s.Dial, map[string]*httptest.Server{}
	s.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if to := served[address]; to != nil {
			return (&net.Dialer{}).DialContext(ctx, "tcp", to.Listener.Addr().String())
		}
		return api(ctx, network, address)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var plans []Behaviour
	for _, name := range []string{"1", "2"} {
		s.Hostname, s.Disk = "pod-"+name, NewDisk()
		s.Args = []string{"nettest", "--service=peers", "--namespace=ns", "--peers=2"}
		b := Plan(s)
		server := httptest.NewServer(b.Handler)
		t.Cleanup(server.Close)
		plans, served["10.244.0."+name+":8080"] = append(plans, b), server
	}
	if _, status := ask(plans[0].Handler, "/status"); status != "running" {
		t.Errorf("at first: got %q", status)
	}
	ended := make(chan int, len(plans))
	for _, b := range plans {
		go func() { ended <- b.Script(ctx, io.Discard) }()
	}
	for status := ""; status != "pass" && ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
		_, status = ask(plans[0].Handler, "/status")
	}
	if _, state := ask(plans[0].Handler, "/read"); ctx.Err() != nil || !strings.Contains(state, `"pod-2": 1`) {
		t.Errorf("got %s", state)
	}
	for _, b := range plans {
		ask(b.Handler, "/quit")
	}
	for range plans {
		if code := <-ended; code != 0 || ctx.Err() != nil {
			t.Errorf("asked to quit: got %d, %v", code, ctx.Err())
		}
	}
}
