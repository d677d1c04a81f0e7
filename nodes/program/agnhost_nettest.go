package program

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"demarc/nodes/shell"
	"demarc/sim/clock"
)

// How nettest looks for its peers (kubernetes 1.37, test/images/agnhost/nettest:
// contactOthers).
const (
	nettestPause    = 5 * time.Second
	nettestPatience = 5 * time.Minute
	nettestRounds   = 15
)

// nettest tells every pod of its Service that it can reach it, and says whether enough of
// them have heard and told so.
type nettest struct {
	http.Handler
	spec     Spec
	peers    int
	endpoint string // of the API server, for those of the Service

	mu    sync.Mutex
	state nettestState
	quit  func() // ends its work, and its container
}

// nettestState is what nettest shows of itself.
type nettestState struct {
	Hostname             string
	Sent, Received       map[string]int // by hostname
	Errors, Log          []string
	StillContactingPeers bool
}

func newNettest(s Spec, args []string) http.Handler {
	of := func(name, otherwise string) string {
		if v := flag(args, name); v != "" {
			return v
		}
		return otherwise
	}
	mux := http.NewServeMux()
	t := &nettest{
		Handler: mux, spec: s, peers: number(flag(args, "peers"), 8),
		endpoint: "/api/v1/namespaces/" + of("namespace", "default") + "/endpoints/" + of("service", "nettest"),
		state:    nettestState{Hostname: s.Hostname, Sent: map[string]int{}, Received: map[string]int{}, StillContactingPeers: true},
		quit:     func() {},
	}
	mux.HandleFunc("/read", t.read)
	mux.HandleFunc("/write", t.write)
	mux.HandleFunc("/status", t.status)
	mux.HandleFunc("/quit", func(http.ResponseWriter, *http.Request) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.quit()
	})
	return t
}

// status says pass, running or fail.
func (t *nettest) status(w http.ResponseWriter, _ *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case len(t.state.Sent) >= t.peers && len(t.state.Received) >= t.peers:
		say(w, "pass")
	case t.state.StillContactingPeers:
		say(w, "running")
	default:
		say(w, "fail")
	}
}

func (t *nettest) read(w http.ResponseWriter, _ *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b, _ := json.MarshalIndent(t.state, "", "\t") // text and numbers can be
	_, _ = w.Write(b)                             // ends when the client does
}

// write notes that a peer has reached this one.
func (t *nettest) write(w http.ResponseWriter, r *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var from struct{ Source, Dest string }
	switch err := json.NewDecoder(r.Body).Decode(&from); {
	case err != nil:
		t.state.Errors = append(t.state.Errors, err.Error())
	case from.Source == "":
		t.state.Errors = append(t.state.Errors, t.state.Hostname+": Got request with no source")
	default:
		t.state.Received[from.Source]++
	}
	reply(w, "Hostname", t.state.Hostname)
}

// logged bounds what nettest keeps of what it does.
const logged = 500

func (t *nettest) logf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state.Log = append(t.state.Log, fmt.Sprintf(format, args...))
	t.state.Log = t.state.Log[max(len(t.state.Log)-logged, 0):]
}

// work waits for enough peers, and contacts all several times.
func (t *nettest) work(ctx context.Context, _ io.Writer) int {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t.mu.Lock()
	t.quit = cancel
	t.mu.Unlock()
	for end := time.Now().Add(nettestPatience); time.Now().Before(end) && len(t.others(ctx)) < t.peers; {
		if !clock.Sleep(ctx, nettestPause) {
			return 0
		}
	}
	for range nettestRounds {
		for _, to := range t.others(ctx) {
			t.logf("Attempting to contact %s", to)
			if err := t.contact(ctx, to); err != nil {
				t.logf("Warning: unable to contact the endpoint %q: %v", to, err)
			}
		}
		if !clock.Sleep(ctx, nettestPause) {
			return 0
		}
	}
	t.mu.Lock()
	t.state.StillContactingPeers = false
	t.mu.Unlock()
	<-ctx.Done()
	return 0
}

// contact tells a peer that it is reached.
func (t *nettest) contact(ctx context.Context, to string) error {
	body, _ := json.Marshal(map[string]string{"Dest": to, "Source": t.spec.Hostname}) // text can be
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to+"/write", bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := t.spec.client().Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct{ Hostname string }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state.Sent[answer.Hostname]++
	return nil
}

// others are the addresses of the Service's endpoints, as the API server tells the pod.
func (t *nettest) others(ctx context.Context) []string {
	token, _ := newShell(t.spec).Read(shell.Root, path.Join(accountDir, "token")) // without it the API server says what is missing
	host, _ := t.spec.variable("KUBERNETES_SERVICE_HOST")
	port, _ := t.spec.variable("KUBERNETES_SERVICE_PORT")
	var out, problem bytes.Buffer
	code, err := Exec(ctx, t.spec, []string{
		"curl", "-sSf", "--cacert", path.Join(accountDir, "ca.crt"), "-H", "Authorization: Bearer " + strings.TrimSpace(string(token)),
		"https://" + net.JoinHostPort(host, port) + t.endpoint,
	}, nil, &out, &problem)
	var found struct {
		Subsets []struct {
			Addresses []struct{ IP string }
			Ports     []struct{ Port int }
		}
	}
	if err == nil && code == 0 {
		err = json.Unmarshal(out.Bytes(), &found)
	}
	if err != nil || code != 0 {
		t.logf("Unable to read the endpoints for %s: %s%v.", t.endpoint, problem.String(), err)
		return nil
	}
	all := map[string]bool{}
	for _, s := range found.Subsets {
		for _, a := range s.Addresses {
			for _, p := range s.Ports {
				all["http://"+net.JoinHostPort(a.IP, strconv.Itoa(p.Port))] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}
