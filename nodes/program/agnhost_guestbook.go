package program

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"demarc/sim/clock"
)

// guestbook is a store of values by key that tells its replicas what is set in it, and the
// front end of two others (kubernetes 1.37, test/images/agnhost: guestbook).
type guestbook struct {
	http.Handler
	spec      Spec
	client    *http.Client
	port      string // of the stores it asks
	replicaOf string // the host whose replica it is, or empty

	mu       sync.Mutex
	store    map[string]string
	replicas []string // addresses
}

// Services of the stores that a front end asks.
const (
	guestbookPrimary = "agnhost-primary"
	guestbookReplica = "agnhost-replica"
)

// registerPatience is how long a replica tries to find its primary.
const registerPatience = 15 * time.Second

func newGuestbook(s Spec, args []string) http.Handler {
	mux := http.NewServeMux()
	g := &guestbook{
		Handler: mux, spec: s, client: s.client(),
		port: cmp.Or(flag(args, "backend-port"), "6379"), replicaOf: flag(args, "replicaof"), store: map[string]string{},
	}
	mux.HandleFunc("/register", g.register)
	mux.HandleFunc("/get", g.get)
	mux.HandleFunc("/set", g.set)
	mux.HandleFunc("/guestbook", g.front)
	if g.replicaOf == "" {
		return mux
	}
	return g
}

// work registers with the primary, and runs until it is stopped.
func (g *guestbook) work(ctx context.Context, out io.Writer) int {
	for end := time.Now().Add(registerPatience); ; {
		if !time.Now().Before(end) {
			fmt.Fprintln(out, "Timed out while registering to primary.")
			return 1
		}
		err := g.follow(ctx)
		if err == nil {
			fmt.Fprintf(out, "Registered to node: %s\n", g.replicaOf)
			break
		}
		fmt.Fprintf(out, "encountered error while registering to primary: %v. Retrying in 1s.\n", err)
		if !clock.Sleep(ctx, time.Second) {
			return 0
		}
	}
	<-ctx.Done()
	return 0
}

// follow registers with the primary, and takes over what it has stored.
func (g *guestbook) follow(ctx context.Context) error {
	text, err := g.ask(ctx, g.replicaOf, "register", url.Values{"host": {g.spec.PodIP}})
	if err != nil {
		return err
	}
	var answer struct{ Data map[string]string }
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	maps.Copy(g.store, answer.Data)
	return nil
}

// reply answers with an object that has one field.
func reply(w http.ResponseWriter, name string, value any) {
	b, err := json.Marshal(map[string]any{name: value})
	if err != nil {
		http.Error(w, err.Error(), http.StatusExpectationFailed)
		return
	}
	_, _ = w.Write(b) // ends when the client does
}

// ask sends a request to a store, and returns the text of its answer.
func (g *guestbook) ask(ctx context.Context, host, command string, values url.Values) (string, error) {
	return get(ctx, g.client, "http://"+net.JoinHostPort(host, g.port)+"/"+command+"?"+values.Encode())
}

// register notes a replica, and answers with all that is stored.
func (g *guestbook) register(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.replicas = append(g.replicas, r.FormValue("host"))
	reply(w, "data", g.store)
}

// get answers with the value of a key, or with all that is stored.
func (g *guestbook) get(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if key := r.FormValue("key"); key != "" {
		reply(w, "data", g.store[key])
		return
	}
	reply(w, "data", g.store)
}

// set stores a value, here and at the replicas.
func (g *guestbook) set(w http.ResponseWriter, r *http.Request) {
	key, value := r.FormValue("key"), r.FormValue("value")
	if key == "" {
		http.Error(w, "cannot set with empty key.", http.StatusBadRequest)
		return
	}
	g.mu.Lock()
	g.store[key] = value
	replicas := g.replicas // which are only ever added to
	g.mu.Unlock()
	for _, replica := range replicas {
		if _, err := g.ask(r.Context(), replica, "set", url.Values{"key": {key}, "value": {value}}); err != nil {
			http.Error(w, fmt.Sprintf("encountered error while propagating to replica '%s': %v", replica, err), http.StatusExpectationFailed)
			return
		}
	}
	reply(w, "message", "Updated")
}

// front passes a request on: to the primary what sets, to a replica what reads.
func (g *guestbook) front(w http.ResponseWriter, r *http.Request) {
	command, key, host := r.FormValue("cmd"), r.FormValue("key"), guestbookReplica
	switch {
	case command == "set" && key == "":
		http.Error(w, "cannot set with empty key.", http.StatusBadRequest)
		return
	case command == "set":
		host = guestbookPrimary
	case command != "get":
		http.Error(w, fmt.Sprintf("unsupported cmd: '%s'", command), http.StatusBadRequest)
		return
	}
	text, err := g.ask(r.Context(), host, command, url.Values{"key": {key}, "value": {r.FormValue("value")}})
	if err != nil {
		http.Error(w, fmt.Sprintf("encountered error: %v", err), http.StatusExpectationFailed)
		return
	}
	say(w, "%s", text)
}
