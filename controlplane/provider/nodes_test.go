package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/drain"
	"demarc/sim/timeline"
)

var errAPIServer = errors.New("connection refused")

// fakeNode is a node and its machine.
type fakeNode struct {
	Node
	cure    string    // the action after which it is well; empty for none
	back    time.Time // when it is Ready again
	boots   int
	pods    int
	blocked []drain.Blocked // evictions that a budget does not allow
	egress  string
}

// fakeNodes is the nodes of a test, in a cloud that answers after a fifth of a
// second. Its log says when it was asked for what.
type fakeNodes struct {
	// at is called, if not nil, with what is about to be answered.
	at func(what string)

	mu       sync.Mutex
	began    time.Time
	api      error // of every question to the API server
	unlisted bool  // the API server lists none
	evict    error // of evictions
	nodes    map[string]*fakeNode
	answers  map[string]error // of actions, by key
	causes   []int64          // of actions
	log      []string
}

func newFakeNodes(names ...string) *fakeNodes {
	f := &fakeNodes{nodes: map[string]*fakeNode{}, answers: map[string]error{}}
	for _, name := range names {
		f.nodes[name] = &fakeNode{Node: Node{Name: name, Pool: "p", Ready: true, EverReady: true}}
	}
	return f
}

// change changes a node.
func (f *fakeNodes) change(name string, how func(*fakeNode)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	how(f.nodes[name])
}

// fail takes a node away until an action cures it.
func (f *fakeNodes) fail(name, cure string) {
	f.change(name, func(n *fakeNode) {
		n.Ready, n.Unknown, n.Since, n.Reason, n.cure = false, true, time.Now(), "NodeStatusUnknown", cure
	})
}

// heal gives a node back.
func (f *fakeNodes) heal(name string) {
	f.change(name, func(n *fakeNode) { n.Ready, n.Unknown, n.Since = true, false, time.Now() })
}

func (f *fakeNodes) setAPI(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.api = err
}

// did logs something with the time since the test began.
func (f *fakeNodes) did(format string, args ...any) {
	d := time.Since(f.began).Truncate(time.Second)
	f.log = append(f.log, fmt.Sprintf("%d:%02d ", int(d.Minutes()), int(d.Seconds())%60)+fmt.Sprintf(format, args...))
}

// logged is the log's entries that contain one of the words.
func (f *fakeNodes) logged(words ...string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.log), func(s string) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return strings.Contains(s, w) })
	})
}

func (f *fakeNodes) hook(what string) {
	if f.at != nil {
		f.at(what)
	}
}

func (f *fakeNodes) Nodes(context.Context) (list []Node, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range f.nodes {
		if !n.back.IsZero() && !time.Now().Before(n.back) {
			n.Ready, n.Unknown, n.Since, n.back = true, false, n.back, time.Time{}
			n.boots++ // its kubelet says so only now
		}
		n.BootID = fmt.Sprint(n.boots)
		list = append(list, n.Node)
	}
	if f.unlisted {
		list = nil
	}
	slices.SortFunc(list, func(a, b Node) int { return cmp.Compare(a.Name, b.Name) })
	return list, f.api
}

func (f *fakeNodes) Broken(node string) (string, int64, time.Time, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.nodes[node]
	if n == nil || n.Ready {
		return "", 0, time.Time{}, false
	}
	return "its kernel panics", 77, n.Since.Add(-time.Minute), true
}

func (f *fakeNodes) Act(ctx context.Context, node, action, key string, cause int64) ([]string, error) {
	f.hook("ask " + action)
	if !clock.Sleep(ctx, 200*time.Millisecond) {
		return nil, ctx.Err()
	}
	defer f.hook("accepted " + action)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err, ok := f.answers[key]; ok {
		return nil, err
	}
	n := f.nodes[node]
	var err error
	switch {
	case n == nil:
		err = api.Coded("InvalidParameter", "no such machine")
	case n.egress != "":
		err = api.Coded("VMExtensionProvisioningError", "%s", n.egress)
	default:
		if n.cure == action {
			n.back = time.Now().Add(30 * time.Second)
		}
	}
	f.answers[key] = err
	f.causes = append(f.causes, cause)
	f.did("%s %s", action, node)
	return []string{"emptyDir of " + action}, err
}

func (f *fakeNodes) Egress(node string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := f.nodes[node]; n != nil {
		return n.egress
	}
	return ""
}

func (f *fakeNodes) Event(_ context.Context, _ EventSource, node, eventType, reason, message string) error {
	f.hook("event " + reason)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.did("event %s %s %s: %s", node, eventType, reason, message)
	return nil
}

func (f *fakeNodes) Cordon(_ context.Context, node string, unschedulable bool) error {
	f.hook(fmt.Sprint("cordon ", unschedulable))
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.api != nil {
		return f.api
	}
	if f.nodes[node] == nil {
		return errors.New(`nodes "` + node + `" not found`)
	}
	f.nodes[node].Unschedulable = unschedulable
	f.did("cordon %s %t", node, unschedulable)
	return nil
}

func (f *fakeNodes) Evict(_ context.Context, node string) (int, []drain.Blocked, error) {
	f.hook("evict")
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := errors.Join(f.api, f.evict); err != nil {
		return 0, nil, err
	}
	n := f.nodes[node]
	if n == nil {
		return 0, nil, errors.New("not found")
	}
	if n.Ready {
		n.pods = len(n.blocked)
	}
	return n.pods, slices.Clone(n.blocked), nil
}

func (f *fakeNodes) Explain(context.Context, []drain.Blocked) {}

// nodeWorld is an operator of nodes, and what came of it.
type nodeWorld struct {
	*fakeNodes
	*Operator
	t        *testing.T
	ledger   *fakeLedger
	replicas *Replicas
	timeline *timeline.Log
}

// operateNodes runs an operator on nodes for as long as the test takes. It
// begins at a whole minute.
func operateNodes(t *testing.T, f *fakeNodes, test func(w *nodeWorld)) {
	log := timeline.New()
	p, pools := &fakeControlPlane{members: []Member{{Name: "etcd"}}}, &fakePools{fakeNodes: f}
	operateWith(t, OperatorConfig{ControlPlane: p, Nodes: pools, Cloud: pools, Note: log.Append}, func(t *testing.T, o *Operator, l *fakeLedger, r *Replicas) {
		w := &nodeWorld{fakeNodes: f, Operator: o, t: t, ledger: l, replicas: r, timeline: log}
		within(t, time.Minute, "a leader", func() bool { _, ok := r.Leader(); return ok })
		time.Sleep(clock.UntilTick(time.Now(), time.Minute))
		synctest.Wait()
		f.mu.Lock()
		f.began = time.Now()
		f.mu.Unlock()
		test(w)
	})
}

// until sleeps until a time since the beginning, and lets all that is due then
// happen.
func (w *nodeWorld) until(d time.Duration) {
	time.Sleep(time.Until(w.began.Add(d + 2*time.Second)))
	synctest.Wait()
}

// found are the subjects of open incidents of nodes.
func (w *nodeWorld) found() []string {
	return slices.DeleteFunc(w.ledger.subjects(), func(s string) bool { return !strings.HasPrefix(s, "node") })
}

// noted are the timeline's events with a verb.
func (w *nodeWorld) noted(verb timeline.Verb) (list []timeline.Event) {
	all, _ := w.timeline.Since(0)
	for _, e := range all {
		if e.Verb == verb {
			list = append(list, e)
		}
	}
	return list
}

// verbs are the verbs of the timeline for a subject, in their order.
func (w *nodeWorld) verbs(subject string) (list []string) {
	all, _ := w.timeline.Since(0)
	for _, e := range all {
		if e.Subject == subject {
			list = append(list, string(e.Verb))
		}
	}
	return list
}

// crash crashes whichever replica leads.
func (w *nodeWorld) crash() {
	if i, ok := w.replicas.Leader(); ok {
		if err := w.replicas.Crash(i); err != nil {
			w.t.Error(err)
		}
	}
}

// crashAt crashes the leader once, at a moment.
func (w *nodeWorld) crashAt(what string) *sync.Once {
	once := &sync.Once{}
	w.at = func(now string) {
		if now == what {
			once.Do(w.crash)
		}
	}
	return once
}

// crashed says whether crashAt came to it.
func crashed(once *sync.Once) bool {
	was := true
	once.Do(func() { was = false })
	return was
}
