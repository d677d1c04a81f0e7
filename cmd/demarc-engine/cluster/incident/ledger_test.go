package incident

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"demarc/controlplane/provider"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// newTestLedger is a ledger on a new timeline, and what has its subjects in its grip.
func newTestLedger() (l *Ledger, held map[string]bool) {
	held = map[string]bool{}
	return NewLedger(timeline.New(), func(s string) bool { return held[s] }, func(string) int64 { return 0 }), held
}

// TestLedgerFindsTheOwner checks that what the plane finds by itself belongs to whoever
// caused the outage that it comes from, and is noticed once.
func TestLedgerFindsTheOwner(t *testing.T) {
	l, _ := newTestLedger()
	cut := l.log.Append(timeline.Event{Actor: timeline.Customer, Verb: "cut", Subject: "node/a"})
	l.Broke("node/a", cut, cut.Time)
	l.Broke("node/a", timeline.Event{Actor: timeline.Provider, Seq: 9}, cut.Time)
	if i := l.Find(provider.Finding{Subject: "nodes", Message: "all are NotReady", Since: cut.Time}); i.Owner != timeline.Customer || i.Event == cut.Seq || i.Detected.IsZero() {
		t.Errorf("all nodes: got %+v", i)
	}
	if e := l.log.Last(); e.Verb != "noticed" || e.Cause != cut.Seq {
		t.Errorf("got the event %+v, want the cause %d", e, cut.Seq)
	}
	late := provider.Finding{Subject: "backup/x", Message: "it is late", Since: cut.Time}
	first := l.Find(late)
	if again := l.Find(late); first.Owner != timeline.Provider || again != first {
		t.Errorf("a backup that is late: got %+v, then %+v", first, again)
	}
	if all := l.List(); len(all) != 3 || all[0].Event != cut.Seq || all[2].ID != "i3" {
		t.Errorf("got %+v", all)
	}
	if found := l.Found(); len(found) != 2 {
		t.Errorf("found are %+v, want two", found)
	}
}

// TestLedgerGoesOn takes over incidents of an earlier engine: they are over, and the next
// one has the next number.
func TestLedgerGoesOn(t *testing.T) {
	l, _ := newTestLedger()
	l.Load(map[string]api.Incident{"i10": {ID: "i10", Subject: "etcd/0"}, "i2": {ID: "i2", Subject: "etcd/1"}})
	l.Broke("etcd/0", timeline.Event{}, time.Now())
	all := l.List()
	if len(all) != 3 || all[0].ID != "i2" || all[1].End.IsZero() || all[2].ID != "i11" || !all[2].End.IsZero() {
		t.Errorf("got %+v", all)
	}
}

// TestLedgerKeepsWhatIsHeld checks that an outage does not end while a fault has its
// subject in its grip, nor by what was seen before it began.
func TestLedgerKeepsWhatIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, held := newTestLedger()
		open := func() bool { _, ok := l.Open("etcd/0"); return ok }
		began := time.Now()
		if !l.Begin("etcd/0", timeline.Event{}, began) || l.Begin("etcd/0", timeline.Event{}, began) {
			t.Error("an outage begins once")
		}
		l.Close("etcd/0", began)
		if !open() {
			t.Error("it was well before it broke, and that ended the outage")
		}
		held["etcd/0"] = true
		l.Close("etcd/0", began.Add(time.Second))
		if !open() {
			t.Error("the outage of what is held has ended")
		}
		held["etcd/0"] = false
		l.MendWhenWell(t.Context(), "etcd/0", func(context.Context) error {
			if time.Since(began) < 90*time.Second {
				return errors.New("sick")
			}
			return nil
		})
		if took := time.Since(began); open() || took < 90*time.Second || took > 92*time.Second {
			t.Errorf("the outage ended after %s", took)
		}
	})
}
