package provider

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"demarc/sim/api"
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
		Note: func(replica, verb, message string) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.notes = append(p.notes, replica+" "+verb)
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
	if err := p.Apply(p.t.Context(), PutBackup(api.Backup{ID: id})); err != nil {
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

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFirstLeaderAtOnceAndReplication(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := openPlane(t, t.TempDir())
		defer p.close()
		if d := within(t, time.Second, "a leader", func() bool { _, ok := p.Leader(); return ok }); d != 0 {
			t.Errorf("the first leader took %s, want no time", d)
		}
		changed := p.Changed()
		p.put("a")
		select {
		case <-changed:
		default:
			t.Error("Changed was not closed by the time Apply returned")
		}
		p.has("a")
		p.settled()
		counts := map[string]int{}
		for _, s := range p.Status() {
			counts[s.State]++
		}
		if d := cmp.Diff(map[string]int{"leader": 1, "follower": 2}, counts); d != "" {
			t.Errorf("states (-want +got):\n%s", d)
		}
	})
}

func TestLeaderCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := openPlane(t, t.TempDir())
		defer p.close()
		old := p.waitLeader(time.Second)
		p.put("a")
		must(t, p.Crash(old))
		if err := p.Apply(t.Context(), PutBackup(api.Backup{ID: "x"})); !errors.Is(err, ErrNoLeader) {
			t.Errorf("Apply right after the crash: %v, want ErrNoLeader", err)
		}
		if s := p.Status()[old]; s.State != "stopped" || !s.Since.Equal(time.Now()) {
			t.Errorf("status of the crashed replica: %+v", s)
		}
		next := p.waitLeader(30 * time.Second)
		if next == old {
			t.Fatalf("leader is %d still", next)
		}
		p.has("a")
		p.put("b")
		p.mu.Lock()
		leads, ended := p.leads, p.ended
		p.mu.Unlock()
		if len(leads) != 2 || ended != 1 || leads[1].Term <= leads[0].Term || leads[1].Replica != next {
			t.Errorf("%d calls of Lead (%+v), %d ended; want 2 and 1", len(leads), leads, ended)
		}
		for range 2 { // the second time is an old leader's that runs again
			if err := leads[0].Apply(t.Context(), PutBackup(api.Backup{ID: "stale"})); !errors.Is(err, ErrNotLeader) {
				t.Errorf("old leader's Apply: %v, want ErrNotLeader", err)
			}
			if p.Status()[old].State == "stopped" {
				must(t, p.Start(old))
				p.settled()
			}
		}
		p.has("a", "b")
		if err := p.Start(old); err == nil {
			t.Error("Start of a running replica: no error")
		}
	})
}

// An old leader that checked its leadership just before it lost it, and leads
// again, must not slip a command into the later term.
func TestFencingInLaterTerm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := openPlane(t, t.TempDir())
		defer p.close()
		p.waitLeader(time.Second)
		p.mu.Lock()
		lead := *p.leads[0]
		p.mu.Unlock()
		lead.Term-- // as if it were an earlier leadership of the same life
		if err := lead.Apply(t.Context(), PutBackup(api.Backup{ID: "stale"})); !errors.Is(err, ErrNotLeader) {
			t.Errorf("Apply: %v, want ErrNotLeader", err)
		}
		p.put("a")
		p.settled()
		p.has("a")
	})
}

func TestCutLeaderStepsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := openPlane(t, t.TempDir())
		defer p.close()
		old := p.waitLeader(time.Second)
		p.put("a")
		must(t, p.Cut(old))
		cut := time.Now()
		err := p.Apply(t.Context(), PutBackup(api.Backup{ID: "unheard"}))
		if !errors.Is(err, ErrNoLeader) || time.Since(cut) > 2*lossTimeout {
			t.Errorf("Apply at a cut leader: %v after %s", err, time.Since(cut))
		}
		next := p.waitLeader(30 * time.Second)
		if next == old {
			t.Fatal("the cut replica leads")
		}
		p.put("b")
		time.Sleep(10 * time.Minute)
		if s := p.Status()[old]; s.State == "leader" || s.Network != "cut" {
			t.Errorf("cut replica: %+v", s)
		}
		term := p.Status()[next].Term
		must(t, p.Rejoin(old))
		p.settled()
		time.Sleep(time.Minute)
		if i, _ := p.Leader(); i != next || p.Status()[next].Term != term {
			t.Errorf("the rejoined replica disturbed the leader: %+v", p.Status())
		}
		p.has("a", "b")
		if !p.noted(fmt.Sprintf("%d deposed", old)) {
			t.Errorf("notes: %v", p.notes)
		}
	})
}

func TestTwoLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := openPlane(t, t.TempDir())
		defer p.close()
		leader := p.waitLeader(time.Second)
		p.put("a")
		a, b := (leader+1)%Count, (leader+2)%Count
		must(t, p.Crash(a))
		p.put("b") // two are enough
		must(t, p.Crash(b))
		start := time.Now()
		err := p.Apply(t.Context(), PutBackup(api.Backup{ID: "maybe"}))
		if !errors.Is(err, ErrNoLeader) || time.Since(start) > 2*lossTimeout {
			t.Errorf("Apply with one of three: %v after %s", err, time.Since(start))
		}
		if err := p.Apply(t.Context()); !errors.Is(err, ErrNoLeader) {
			t.Errorf("Apply later: %v", err)
		}
		time.Sleep(time.Hour)
		p.has("a", "b")
		must(t, p.Start(a))
		p.waitLeader(time.Minute)
		p.put("c")
		// What was not acknowledged may have been committed since: it is in the log
		// of the replica that stayed.
		if _, ok := p.State().Backups["maybe"]; ok {
			p.has("a", "b", "c", "maybe")
		} else {
			p.has("a", "b", "c")
		}
	})
}

func TestApplyEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := openPlane(t, t.TempDir())
		defer p.close()
		leader := p.waitLeader(time.Second)
		must(t, p.Crash((leader+1)%Count))
		must(t, p.Crash((leader+2)%Count))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.Apply(ctx, PutBackup(api.Backup{ID: "a"})); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Apply: %v, want the deadline", err)
		}
		if err := p.Apply(ctx, PutBackup(api.Backup{})); err == nil || errors.Is(err, ErrNoLeader) {
			t.Errorf("Apply of a backup without ID: %v", err)
		}
	})
}

func TestRestartResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		var want []string
		for life := range 3 {
			p := openPlane(t, dir)
			p.waitLeader(30 * time.Second)
			p.has(want...)
			for i := range 5 {
				want = append(want, fmt.Sprintf("%d-%d", life, i))
				p.put(want[len(want)-1])
			}
			if life == 1 { // a crash of all, not a stop
				for i := range Count {
					must(t, p.Crash(i))
				}
				p.has(want...)
			}
			p.close()
		}
	})
}

func TestCaughtUpBySnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := openPlane(t, t.TempDir())
		defer p.close()
		leader := p.waitLeader(time.Second)
		p.put("before")
		away := (leader + 1) % Count
		must(t, p.Crash(away))
		for i := range 2 * snapshotEvery {
			must(t, p.Apply(t.Context(), SetCluster(Cluster{EtcdMembers: i})))
		}
		time.Sleep(2*snapshotInterval + time.Second)
		first, err := p.replicas[leader].life.files.store.FirstIndex()
		if err != nil || first < snapshotEvery {
			t.Fatalf("the log begins at %d (%v): it was not compacted", first, err)
		}
		must(t, p.Start(away))
		p.settled()
		metas, err := p.replicas[away].life.files.snapshots.List()
		if err != nil || len(metas) == 0 {
			t.Errorf("snapshots of the replica that was away: %v, %v", metas, err)
		}
		if got := p.State().Cluster.EtcdMembers; got != 2*snapshotEvery-1 {
			t.Errorf("newest is %d", got)
		}
		p.has("before")
	})
}

func TestDiskFailureEndsOneReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := openPlane(t, t.TempDir())
		defer p.close()
		leader := p.waitLeader(time.Second)
		p.put("a")
		victim := (leader + 1) % Count
		must(t, p.replicas[victim].life.files.store.BoltStore.Close())
		must(t, p.Crash(leader)) // the others elect: the victim must save the new term
		within(t, 2*time.Minute, "the failed replica stops", func() bool {
			return p.noted(fmt.Sprintf("%d failed", victim))
		})
		must(t, p.Start(leader))
		p.waitLeader(time.Minute)
		p.put("b")
		must(t, p.Start(victim))
		p.settled()
		p.has("a", "b")
	})
}

func TestNoGoroutinesLeak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := openPlane(t, t.TempDir())
		defer p.close()
		rest := func() int {
			p.waitLeader(time.Minute)
			p.settled()
			time.Sleep(time.Minute)
			synctest.Wait()
			return runtime.NumGoroutine()
		}
		before := rest()
		for i := range 20 {
			must(t, p.Crash(i%Count))
			p.waitLeader(time.Minute)
			p.put(fmt.Sprint(i))
			must(t, p.Start(i%Count))
		}
		if after := rest(); after > before {
			buf := make([]byte, 1<<20)
			t.Errorf("%d goroutines, %d after 20 crashes:\n%s", before, after, buf[:runtime.Stack(buf, true)])
		}
	})
}

func TestClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := openPlane(t, t.TempDir())
		p.waitLeader(time.Second)
		p.put("a")
		p.close()
		if err := p.Apply(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("Apply: %v", err)
		}
		if err := p.Start(0); !errors.Is(err, ErrClosed) {
			t.Errorf("Start: %v", err)
		}
		if err := p.Crash(0); err == nil {
			t.Error("Crash of a stopped replica: no error")
		}
		if err := p.Crash(3); err == nil {
			t.Error("Crash of replica 3: no error")
		}
		p.has("a")
	})
}

func BenchmarkApply(b *testing.B) {
	for _, sync := range []bool{false, true} {
		b.Run(fmt.Sprintf("sync=%t", sync), func(b *testing.B) {
			r, err := Open(Config{Dir: b.TempDir(), Sync: sync})
			if err != nil {
				b.Fatal(err)
			}
			defer r.Close()
			for _, ok := r.Leader(); !ok; _, ok = r.Leader() {
				time.Sleep(time.Millisecond)
			}
			backup := api.Backup{ID: "20260105T083000Z", SHA256: "0123456789abcdef", Revision: 1}
			for b.Loop() {
				backup.Revision++
				if err := r.Apply(b.Context(), PutBackup(backup)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
