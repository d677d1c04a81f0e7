package provider

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// plane is an open plane of a test, and what its hooks were told.
type plane struct {
	*Replicas
	t *testing.T

	mu    sync.Mutex
	notes []string
	leads []*Leadership // that were begun
	ended int           // calls of Lead that returned
}

func (p *plane) config(dir string) Config {
	return Config{
		Dir: dir,
		Log: testLog{p.t},
		Note: func(replica string, verb timeline.Verb, message string) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.notes = append(p.notes, replica+" "+string(verb))
		},
		Lead: func(ctx context.Context, l *Leadership) {
			p.mu.Lock()
			p.leads = append(p.leads, l)
			p.mu.Unlock()
			<-ctx.Done()
			p.mu.Lock()
			p.ended++
			p.mu.Unlock()
		},
	}
}

// testLog shows raft's warnings if a test fails.
type testLog struct{ t *testing.T }

func (l testLog) Write(b []byte) (int, error) {
	l.t.Logf("%s", b)
	return len(b), nil
}

func openPlane(t *testing.T, dir string) *plane {
	t.Helper()
	p := &plane{t: t}
	r, err := Open(p.config(dir))
	if err != nil {
		t.Fatal(err)
	}
	p.Replicas = r
	return p
}

// within waits, in virtual time, until ok holds.
func within(t *testing.T, limit time.Duration, what string, ok func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	for synctest.Wait(); !ok(); synctest.Wait() {
		if time.Since(start) > limit {
			t.Fatalf("%s: not within %s", what, limit)
		}
		time.Sleep(100 * time.Millisecond)
	}
	return time.Since(start)
}

func (p *plane) waitLeader(limit time.Duration) int {
	p.t.Helper()
	var leader int
	within(p.t, limit, "a leader", func() bool {
		i, ok := p.Leader()
		leader = i
		return ok
	})
	return leader
}

func (p *plane) put(id string) {
	p.t.Helper()
	if err := p.Apply(p.t.Context(), Backups.Put(api.Backup{ID: id})); err != nil {
		p.t.Fatalf("put %s: %v", id, err)
	}
}

// has fails unless the state has exactly the backups with these IDs.
func (p *plane) has(ids ...string) {
	p.t.Helper()
	want := map[string]bool{}
	for _, id := range ids {
		want[id] = true
	}
	got := map[string]bool{}
	for id := range p.State().Backups {
		got[id] = true
	}
	if d := cmp.Diff(want, got); d != "" {
		p.t.Fatalf("backups (-want +got):\n%s", d)
	}
}

// settled waits until all running replicas have applied the same.
func (p *plane) settled() {
	p.t.Helper()
	within(p.t, time.Minute, "the same state everywhere", func() bool {
		var most uint64
		for _, s := range p.Status() {
			most = max(most, s.Last)
		}
		for _, s := range p.Status() {
			if s.State != "stopped" && s.Applied != most {
				return false
			}
		}
		return true
	})
	p.Replicas.mu.Lock()
	defer p.Replicas.mu.Unlock()
	for _, q := range p.replicas {
		if q.life != nil {
			if d := cmp.Diff(p.State(), q.life.fsm.current().State); d != "" {
				p.t.Fatalf("replica %s (-newest +its own):\n%s", q.name, d)
			}
		}
	}
}

func (p *plane) close() {
	p.t.Helper()
	if err := p.Close(); err != nil {
		p.t.Error(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended != len(p.leads) {
		p.t.Errorf("%d calls of Lead, %d returned", len(p.leads), p.ended)
	}
}

func (p *plane) noted(note string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.notes {
		if n == note {
			return true
		}
	}
	return false
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
