package provider

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"demarc/sim/api"
)

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
		if err := p.Apply(t.Context(), Backups.Put(api.Backup{ID: "x"})); !errors.Is(err, ErrNoLeader) {
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
			if err := leads[0].Apply(t.Context(), Backups.Put(api.Backup{ID: "stale"})); !errors.Is(err, ErrNotLeader) {
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
		if err := lead.Apply(t.Context(), Backups.Put(api.Backup{ID: "stale"})); !errors.Is(err, ErrNotLeader) {
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
		err := p.Apply(t.Context(), Backups.Put(api.Backup{ID: "unheard"}))
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
		for i, want := range map[int]time.Duration{old: lossTimeout, next: leaderPace} {
			if got := p.replicas[i].life.raft.ReloadableConfig().HeartbeatTimeout; got != want {
				t.Errorf("pace of replica %d: %s, want %s", i, got, want)
			}
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

// The loops of a replica's earlier leadership may take their time to return;
// those of its next one wait for them.
func TestLeadWaitsForEarlierLead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &plane{t: t}
		cfg := p.config(t.TempDir())
		release := make(chan struct{})
		var begun [Count]int
		cfg.Lead = func(_ context.Context, l *Leadership) {
			p.mu.Lock()
			begun[l.Replica]++
			p.mu.Unlock()
			<-release
		}
		var err error
		p.Replicas, err = Open(cfg)
		must(t, err)
		first := p.waitLeader(time.Second)
		must(t, p.Cut(first))
		time.Sleep(time.Minute)
		second := p.waitLeader(time.Minute)
		must(t, p.Rejoin(first))
		p.settled()
		p.stand(first, second)
		within(t, time.Minute, "the first leads again", func() bool { i, ok := p.Leader(); return ok && i == first })
		p.put("a") // the memory works all the while
		check := func(want int) {
			t.Helper()
			synctest.Wait()
			p.mu.Lock()
			defer p.mu.Unlock()
			if begun[first] != want {
				t.Errorf("%d calls of Lead at replica %d, want %d", begun[first], first, want)
			}
		}
		check(1)
		close(release)
		check(2)
		must(t, p.Close())
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
		err := p.Apply(t.Context(), Backups.Put(api.Backup{ID: "maybe"}))
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
		if err := p.Apply(ctx, Backups.Put(api.Backup{ID: "a"})); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Apply: %v, want the deadline", err)
		}
		if err := p.Apply(ctx, Backups.Put(api.Backup{})); err == nil || errors.Is(err, ErrNoLeader) {
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
				if err := r.Apply(b.Context(), Backups.Put(backup)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
