package provider

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

const testQuota = 1000 << 20

func TestNextStep(t *testing.T) {
	of := func(alarm bool, sizes ...int64) Space { // size and in use of each member, in MiB
		s := Space{Alarm: alarm, Revision: 70}
		for i := 0; i < len(sizes); i += 2 {
			s.Members = append(s.Members, MemberSpace{Name: "etcd/" + string(rune('0'+i/2)), Size: sizes[i] << 20, InUse: sizes[i+1] << 20, Quota: testQuota})
		}
		return s
	}
	tests := []struct {
		name      string
		space     Space
		compacted int64
		want      spaceStep
		member    string
	}{
		{"no alarm, although it is nearly full", of(false, 999, 999), 0, spaceIsFine, ""},
		{"history first", of(true, 1000, 1000), 0, compactHistory, ""},
		{"something was written or deleted since", of(true, 1000, 1000), 69, compactHistory, ""},
		{"free pages", of(true, 1000, 400), 70, defragment, "etcd/0"},
		{"live data", of(true, 1000, 1000), 70, awaitDeletes, ""},
		{"defragmenting would gain next to nothing", of(true, 1000, 930), 70, awaitDeletes, ""},
		{"room again", of(true, 400, 400), 70, disarm, ""},
		{"room, just so", of(true, 949, 949), 70, disarm, ""},
		{"members one by one", of(true, 400, 400, 1000, 400, 1000, 400), 70, defragment, "etcd/1"},
		{"one that has room, and will be full next", of(true, 400, 400, 900, 100), 70, defragment, "etcd/1"},
		{"one that has room, and some free pages", of(true, 900, 500), 70, disarm, ""},
		{"one of several is full of live data", of(true, 400, 400, 1000, 990), 70, awaitDeletes, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if step, member := nextStep(tt.space, tt.compacted); step != tt.want || member != tt.member {
				t.Errorf("got %d %q, want %d %q", step, member, tt.want, tt.member)
			}
		})
	}
}

// fakeSpace is an etcd of one member by its bytes.
type fakeSpace struct {
	mu                  sync.Mutex
	alarm               bool
	revision, compacted int64
	live, history, free int64
	broken              error  // of every step
	compacting          func() // called, if not nil, while history is compacted
}

func (f *fakeSpace) space() Space {
	f.mu.Lock()
	defer f.mu.Unlock()
	inUse := f.live + f.history
	return Space{Alarm: f.alarm, Revision: f.revision, Members: []MemberSpace{{Name: etcd, Size: inUse + f.free, InUse: inUse, Quota: testQuota}}}
}

func (f *fakeSpace) step(do func()) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken == nil {
		do()
	}
	return f.broken
}

func (f *fakeSpace) compact(revision int64) error {
	if f.compacting != nil {
		f.compacting()
	}
	return f.step(func() {
		f.free += f.history
		f.history, f.compacted = 0, revision
	})
}
func (f *fakeSpace) defragment(string) error { return f.step(func() { f.free = 0 }) }
func (f *fakeSpace) disarm() error           { return f.step(func() { f.alarm = false }) }

// deleteLive is what a customer does: what was live is history.
func (f *fakeSpace) deleteLive(bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.live, f.history, f.revision = f.live-bytes, f.history+bytes, f.revision+1
}

func (f *fakeSpace) breakWith(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = err
}

// record keeps the verbs of what is noted on etcd.
type record struct {
	mu    sync.Mutex
	verbs []string
}

func (r *record) note(e timeline.Event) timeline.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Subject == etcd {
		r.verbs = append(r.verbs, string(e.Verb))
	}
	return e
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.verbs, " ")
}

// fullEtcd is an etcd that is well, and has the alarm raised.
func fullEtcd(disk *fakeSpace) *fakeControlPlane {
	disk.alarm, disk.revision = true, 70
	return &fakeControlPlane{components: []*fakeComponent{{name: etcd}}, members: []Member{{Name: etcd}}, disk: disk}
}

func TestHistoryThatFillsEtcdIsCompacted(t *testing.T) {
	disk, noted := &fakeSpace{live: 100 << 20, history: 900 << 20}, &record{}
	operateWith(t, OperatorConfig{ControlPlane: fullEtcd(disk), Note: noted.note}, func(t *testing.T, _ *Operator, l *fakeLedger, _ *Replicas) {
		time.Sleep(2 * probePeriod)
		if got, want := noted.String(), "raised compacted defragmented disarmed"; got != want {
			t.Errorf("noted: got %q, want %q", got, want)
		}
		if open := l.subjects(); disk.space().Alarm || slices.Contains(open, etcd) {
			t.Errorf("alarm %v, open incidents %v: want neither", disk.space().Alarm, open)
		}
	})
}

func TestLiveDataThatFillsEtcdIsWaitedFor(t *testing.T) {
	disk, noted := &fakeSpace{live: 1000 << 20}, &record{}
	p := fullEtcd(disk)
	operateWith(t, OperatorConfig{ControlPlane: p, Note: noted.note}, func(t *testing.T, _ *Operator, l *fakeLedger, r *Replicas) {
		time.Sleep(time.Hour)
		if got, want := noted.String(), "raised compacted awaits deletes"; got != want {
			t.Errorf("noted within an hour: got %q, want %q", got, want)
		}
		if _, open := l.Open(etcd); !open {
			t.Error("writes are refused, and there is no incident")
		}
		if got := p.components[0].restarted(); len(got) != 0 {
			t.Errorf("restarted at %v, while it lives", got)
		}
		// Whoever leads next goes on, and tells nobody what is known.
		leader, _ := r.Leader()
		if err := r.Crash(leader); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if got, want := noted.String(), "raised compacted awaits deletes compacted awaits deletes"; got != want {
			t.Errorf("noted with another leader: got %q, want %q", got, want)
		}
		disk.deleteLive(300 << 20)
		time.Sleep(2 * probePeriod)
		if got, want := noted.String(), "raised compacted awaits deletes compacted awaits deletes defragmented disarmed"; got != want {
			t.Errorf("noted after deletes: got %q, want %q", got, want)
		}
		if _, open := l.Open(etcd); open {
			t.Error("writes are served, and there is still an incident")
		}
	})
}

func TestAFailedStepIsTakenAgain(t *testing.T) {
	disk, noted := &fakeSpace{history: 1000 << 20}, &record{}
	disk.breakWith(errors.New("context deadline exceeded"))
	operateWith(t, OperatorConfig{ControlPlane: fullEtcd(disk), Note: noted.note}, func(t *testing.T, _ *Operator, _ *fakeLedger, _ *Replicas) {
		time.Sleep(2 * probePeriod)
		disk.breakWith(nil)
		time.Sleep(2 * probePeriod)
		if disk.space().Alarm {
			t.Errorf("the alarm is still raised; noted %q", noted)
		}
	})
}

// Who deletes all the while keeps etcd full of history. The watchdog still looks after
// everything else, and a restore does not wait.
func TestAStreamOfDeletesHoldsNothingUp(t *testing.T) {
	disk := &fakeSpace{live: 1 << 40}
	disk.compacting = func() {
		time.Sleep(time.Second)
		disk.deleteLive(1)
	}
	p := fullEtcd(disk)
	operateWith(t, OperatorConfig{ControlPlane: p}, func(t *testing.T, o *Operator, _ *fakeLedger, r *Replicas) {
		time.Sleep(2 * probePeriod)
		c := p.components[0]
		c.mu.Lock()
		c.err = gone{}
		c.mu.Unlock()
		time.Sleep(3 * probePeriod)
		if got := c.restarted(); len(got) != 1 {
			t.Errorf("what crashed was restarted at %v, want once", got)
		}
		now := time.Now().UTC()
		must(t, r.Apply(t.Context(), Restores.Put(api.Restore{ID: "r", Phase: api.RestoreDecided, Requested: true, Lost: now, Decided: now})))
		wake(o.decided)
		time.Sleep(time.Second / 2)
		if got := Restores.List(r.State())[0]; got.Phase != api.RestoreFailed { // the fake has no room
			t.Errorf("the restore is %s, want that it was carried out at once", got.Phase)
		}
	})
}
