package provider

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"demarc/backup"
	"demarc/sim/api"
	"demarc/sim/timeline"

	"github.com/google/go-cmp/cmp"
)

// gone is a health check's error when there is no process.
type gone struct{}

func (gone) Error() string { return "not running" }
func (gone) Gone() bool    { return true }

var errSilent = errors.New("context deadline exceeded")

func TestVitals(t *testing.T) {
	t0 := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	at := func(n int) time.Time { return t0.Add(time.Duration(n) * probePeriod) }
	tests := []struct {
		name    string
		answers []error
		out     []bool
	}{
		{"well", []error{nil, nil}, []bool{false, false}},
		{"one that is gone is out at once", []error{nil, gone{}}, []bool{false, true}},
		{"wrapped", []error{errors.Join(errSilent, gone{})}, []bool{true}},
		{"three without an answer", []error{errSilent, errSilent, errSilent}, []bool{false, false, true}},
		{"an answer between", []error{errSilent, errSilent, nil, errSilent, errSilent}, []bool{false, false, false, false, false}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var v vitals
			var got []bool
			for i, err := range tt.answers {
				got = append(got, v.observe(at(i), err, isGone(err)))
			}
			if diff := cmp.Diff(tt.out, got); diff != "" {
				t.Errorf("out (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRestartsBackOff(t *testing.T) {
	t0 := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	var v vitals
	var at []time.Duration
	for d := time.Duration(0); d < 20*time.Minute; d += probePeriod {
		if v.restart(t0.Add(d)) {
			at = append(at, d)
			v.restarted = false // it failed at once
		}
	}
	want := []time.Duration{0, 10 * time.Second, 30 * time.Second, 70 * time.Second, 150 * time.Second, 310 * time.Second, 610 * time.Second, 910 * time.Second}
	if diff := cmp.Diff(want, at); diff != "" {
		t.Errorf("restarts (-want +got):\n%s", diff)
	}
	v.restarted = true
	if v.restart(t0.Add(time.Hour)) {
		t.Error("restarted while a restart is under way")
	}
	v.restarted = false
	v.observe(t0.Add(time.Hour), nil, false)
	v.observe(t0.Add(time.Hour+backOffReset), nil, false)
	if v.restarts != 0 {
		t.Errorf("restarts after %s of health: got %d, want 0", backOffReset, v.restarts)
	}
}

func TestRemedy(t *testing.T) {
	members := func(lost ...bool) (list []Member) {
		for i, l := range lost {
			m := Member{Name: string(rune('a' + i))}
			if l {
				m.Lost = "gone"
			}
			list = append(list, m)
		}
		return list
	}
	tests := []struct {
		name string
		of   []Member
		want remedy
	}{
		{"one whole", members(false), nothing},
		{"one lost", members(true), restoreCluster},
		{"three whole", members(false, false, false), nothing},
		{"one of three", members(false, true, false), replaceMember},
		{"two of three", members(true, true, false), restoreCluster},
		{"all three", members(true, true, true), restoreCluster},
	}
	for _, tt := range tests {
		if got, _ := remedyFor(tt.of); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}

// fakeControlPlane is a control plane of which the test says how it is.
type fakeControlPlane struct {
	ControlPlane
	pools      *fakePools // that it is upgraded with
	mu         sync.Mutex
	components []*fakeComponent
	etcd       error
	members    []Member
	disk       *fakeSpace    // nil for an etcd with room
	stage      time.Duration // how long a restore makes room
	staged     int           // how often one has
	resume     func() error  // how the control plane starts after one
	resumed    bool
}

func (p *fakeControlPlane) Components() (list []Component) {
	for _, c := range p.components {
		list = append(list, c)
	}
	return list
}

func (p *fakeControlPlane) Members() []Member {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.members)
}

// Replace never ends by itself: whom the new member learns from is gone.
func (p *fakeControlPlane) Replace(ctx context.Context, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

func (p *fakeControlPlane) lose(member int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.members[member].Lost = "its data directory is empty"
}

func (p *fakeControlPlane) Serving(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.etcd
}

func (p *fakeControlPlane) Space() Space {
	if p.disk == nil {
		return Space{}
	}
	return p.disk.space()
}

func (p *fakeControlPlane) Uses() []timeline.Use { return nil }
func (p *fakeControlPlane) Filled() int64        { return 0 }

func (p *fakeControlPlane) Compact(_ context.Context, revision int64) error {
	return p.disk.compact(revision)
}
func (p *fakeControlPlane) Defragment(_ context.Context, member string) error {
	return p.disk.defragment(member)
}
func (p *fakeControlPlane) Disarm(context.Context) error { return p.disk.disarm() }

// Source refuses: a fake has nothing to back up.
func (p *fakeControlPlane) Source(context.Context) (backup.Source, func(), error) {
	return nil, nil, errors.New("no member serves")
}

func (p *fakeControlPlane) serve() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.etcd = nil
}

func (p *fakeControlPlane) Stage() ([]backup.Member, string, error) {
	p.staged++
	time.Sleep(p.stage)
	return nil, "", errors.New("the disk is read-only")
}

func (p *fakeControlPlane) Upgrade(ctx context.Context, version string, began func(string)) error {
	return p.pools.Upgrade(ctx, version, began)
}

func (p *fakeControlPlane) Resume(context.Context) (int64, error) {
	err := p.resume()
	p.resumed = err == nil
	return 42, err
}

// Running is what the nodes ran; what the API server has them run, as soon as one serves.
func (p *fakeControlPlane) Running() map[string]bool {
	if p.resumed {
		return map[string]bool{"default/revived": true}
	}
	return map[string]bool{"default/new": true}
}

func (p *fakeControlPlane) Reconcile(_ context.Context, ran map[string]bool) (api.Reconciled, error) {
	return api.Reconciled{OrphanedPods: slices.Sorted(maps.Keys(ran))}, nil
}

type fakeComponent struct {
	name     string
	began    time.Time
	mu       sync.Mutex
	err      error // of its health check; a restart cures it
	life     int
	asked    func() // called, if not nil, when it is asked how it is
	restarts []time.Duration
}

func (c *fakeComponent) Name() string { return c.name }

func (c *fakeComponent) Life() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.life
}

func (c *fakeComponent) Healthy(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked != nil {
		c.asked()
	}
	return c.err
}

func (c *fakeComponent) Restart(_ context.Context, life int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if life != c.life {
		return nil
	}
	c.life++
	c.restarts = append(c.restarts, time.Since(c.began))
	c.err = nil
	return nil
}

func (c *fakeComponent) restarted() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.restarts)
}

// fakeLedger is a book of incidents by subject.
type fakeLedger struct {
	mu    sync.Mutex
	open  map[string]Finding
	found map[string]time.Time // when each was found first
}

func (l *fakeLedger) Find(f Finding) api.Incident {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.open[f.Subject]; !ok {
		l.found[f.Subject] = time.Now()
	}
	l.open[f.Subject] = f
	return api.Incident{ID: "i1", Subject: f.Subject, Start: f.Since}
}

func (l *fakeLedger) Open(subject string) (api.Incident, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, ok := l.open[subject]
	return api.Incident{ID: "i1", Subject: subject, Start: f.Since, Detected: l.found[subject]}, ok
}

func (l *fakeLedger) Found() []api.Incident { return nil }

func (l *fakeLedger) Close(subject string, _ time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, subject)
}

func (l *fakeLedger) Rest(time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.open)
}

func (l *fakeLedger) subjects() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.open))
}

func (l *fakeLedger) because(subject string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open[subject].Because
}

func (l *fakeLedger) foundAfter(subject string, began time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.found[subject].Sub(began)
}

// operate runs an operator on a control plane for as long as the test's function takes.
func operate(t *testing.T, p *fakeControlPlane, test func(*fakeLedger, *Replicas)) {
	operateWith(t, OperatorConfig{ControlPlane: p}, func(_ *testing.T, _ *Operator, l *fakeLedger, r *Replicas) { test(l, r) })
}

// operateWith is operate with more than a control plane. The test is given its bubble's T.
func operateWith(t *testing.T, cfg OperatorConfig, test func(*testing.T, *Operator, *fakeLedger, *Replicas)) {
	synctest.Test(t, func(t *testing.T) {
		ledger := &fakeLedger{open: map[string]Finding{}, found: map[string]time.Time{}}
		key, err := backup.LoadKey(t.TempDir()+"/key", t.TempDir(), false)
		if err != nil {
			t.Fatal(err)
		}
		store, err := backup.OpenStore(t.TempDir(), "test", key)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Ledger, cfg.Store, cfg.Created = ledger, store, time.Now()
		if cfg.Note == nil {
			cfg.Note = func(e timeline.Event) timeline.Event { return e }
		}
		o := NewOperator(cfg)
		for _, c := range cfg.ControlPlane.(*fakeControlPlane).components {
			c.began = time.Now()
		}
		r, err := Open(Config{Dir: t.TempDir(), Lead: o.Lead})
		if err != nil {
			t.Fatal(err)
		}
		o.Begin()
		test(t, o, ledger, r)
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestWatchdogFindsAndRestarts(t *testing.T) {
	crashed, hung := &fakeComponent{name: "kube-scheduler", err: gone{}}, &fakeComponent{name: "kube-apiserver", err: errSilent}
	p := &fakeControlPlane{components: []*fakeComponent{crashed, hung}, members: []Member{{Name: "etcd"}}}
	operate(t, p, func(l *fakeLedger, _ *Replicas) {
		began := time.Now()
		time.Sleep(2 * time.Minute)
		if d := l.foundAfter("kube-scheduler", began); d > probePeriod {
			t.Errorf("a crash was found after %s", d)
		}
		if d := l.foundAfter("kube-apiserver", began); d <= 2*probePeriod || d > 3*probePeriod {
			t.Errorf("a hang was found after %s, want at the third look", d)
		}
		if len(crashed.restarted()) != 1 || len(hung.restarted()) != 1 {
			t.Errorf("restarts: %v and %v, want one of each", crashed.restarted(), hung.restarted())
		}
		if open := l.subjects(); len(open) != 0 {
			t.Errorf("still open: %v", open)
		}
	})
}

// TestWatchdogLeavesASuccessorAlone: whoever starts a component while the watchdog
// asks how its last life is, has started it.
func TestWatchdogLeavesASuccessorAlone(t *testing.T) {
	c := &fakeComponent{name: "kube-scheduler", err: gone{}}
	c.asked = func() { c.life++ } // by a restore
	p := &fakeControlPlane{components: []*fakeComponent{c}, members: []Member{{Name: "etcd"}}}
	operate(t, p, func(*fakeLedger, *Replicas) {
		time.Sleep(2 * time.Minute)
		if got := c.restarted(); len(got) != 0 {
			t.Errorf("restarted at %v what somebody else had started", got)
		}
	})
}

func TestAPIServerIsNotBlamedForEtcd(t *testing.T) {
	server := &fakeComponent{name: "kube-apiserver", err: errSilent}
	p := &fakeControlPlane{components: []*fakeComponent{server}, members: []Member{{Name: "etcd/0"}, {Name: "etcd/1"}, {Name: "etcd/2"}}, etcd: errors.New("no leader")}
	operate(t, p, func(l *fakeLedger, _ *Replicas) {
		time.Sleep(10*time.Minute + time.Second)
		if got := server.restarted(); len(got) != 0 {
			t.Errorf("restarted at %v while etcd was out", got)
		}
		if open := l.subjects(); !slices.Equal(open, []string{"etcd", "kube-apiserver"}) || l.because("kube-apiserver") != "etcd" {
			t.Errorf("open: %v, want both out, one because of the other", open)
		}
		p.serve()
		back := time.Since(server.began)
		time.Sleep(time.Minute)
		if got := server.restarted(); len(got) != 1 || got[0]-back < reconnectGrace {
			t.Errorf("restarts %v, want one, and that it has some time to find back by itself after %v", got, back)
		}
	})
}

func TestFailedRestoreIsTriedAgain(t *testing.T) {
	p := &fakeControlPlane{members: []Member{{Name: "etcd", Lost: "its data directory is empty"}}, etcd: gone{}}
	operate(t, p, func(_ *fakeLedger, r *Replicas) {
		time.Sleep(5 * time.Minute)
		list := Restores.List(r.State())
		if len(list) != 1 || list[0].Phase != api.RestoreFailed || list[0].Error == "" {
			t.Errorf("restores: %+v, want one that has failed and says why", list)
		}
		if since := time.Since(list[0].End); since > 2*retryRestore {
			t.Errorf("the last attempt was %s ago", since)
		}
	})
}

// A restore that failed is over when etcd has served since: what is lost later is
// another loss, with a time of its own.
func TestALaterLossIsAnotherRestore(t *testing.T) {
	p := &fakeControlPlane{members: []Member{{Name: "etcd"}}}
	operateWith(t, OperatorConfig{ControlPlane: p}, func(t *testing.T, _ *Operator, _ *fakeLedger, r *Replicas) {
		time.Sleep(time.Second)
		before := time.Now()
		must(t, r.Apply(t.Context(), Restores.Put(api.Restore{ID: "r1", Phase: api.RestoreFailed, Decided: before, Lost: before, End: before})))
		time.Sleep(2 * time.Minute)
		p.lose(0)
		time.Sleep(30 * time.Second)
		list := Restores.List(r.State())
		if len(list) != 2 || list[1].Lost.Sub(before) < 2*time.Minute {
			t.Errorf("restores: %+v, want a second one, of the later loss", list)
		}
	})
}

// A replacement that cannot end keeps the watchdog from nothing: neither from the other
// components, nor from a restore once too many members have lost their data.
func TestReplacementHoldsNothingUp(t *testing.T) {
	learner, other := &fakeComponent{name: "etcd/0"}, &fakeComponent{name: "etcd/1"}
	p := &fakeControlPlane{components: []*fakeComponent{learner, other}, members: []Member{{Name: "etcd/0", Lost: "gone"}, {Name: "etcd/1"}, {Name: "etcd/2"}}}
	operate(t, p, func(_ *fakeLedger, r *Replicas) {
		time.Sleep(time.Minute)
		for _, c := range p.components {
			c.mu.Lock()
			c.err = gone{}
			c.mu.Unlock()
		}
		time.Sleep(2 * probePeriod)
		if len(other.restarted()) != 1 || len(learner.restarted()) != 0 {
			t.Errorf("restarts: %v, and %v of the member that is being replaced; want one, and none", other.restarted(), learner.restarted())
		}
		p.lose(1)
		time.Sleep(3 * probePeriod)
		if got := Restores.List(r.State()); len(got) != 1 {
			t.Errorf("restores after a second loss: %+v, want one", got)
		}
	})
}

// startingError is a health check's of a program that is about to serve.
type startingError struct{}

func (startingError) Error() string { return "not running (starting)" }
func (startingError) Starts() bool  { return true }

func TestWhatStartsIsNotRestarted(t *testing.T) {
	t0 := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	v := &vitals{}
	v.observe(t0, errors.New("gone"), true) // held down by a fault, for an hour
	for at := time.Hour; at < time.Hour+restartTimeout; at += probePeriod {
		if v.observe(t0.Add(at), startingError{}, false) {
			t.Fatalf("%s after its start began it is taken for out", at-time.Hour)
		}
	}
	if !v.observe(t0.Add(time.Hour+restartTimeout), startingError{}, false) {
		t.Errorf("it still starts after %s, and is not taken for out", restartTimeout)
	}
}
