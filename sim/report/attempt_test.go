package report

import (
	"testing"

	"demarc/sim/timeline"

	"github.com/google/go-cmp/cmp"
)

// TestAttempts has an upgrade fail that a customer has begun, and a backup twice.
func TestAttempts(t *testing.T) {
	said := func(seq, cause int64, actor timeline.Actor, verb timeline.Verb, subject, why string) timeline.Event {
		return timeline.Event{Seq: seq, Cause: cause, Time: after(float64(seq)), Actor: actor, Verb: verb, Subject: subject, Message: why}
	}
	r := Make(Input{From: eight, To: after(60), Events: []timeline.Event{
		said(1, 0, timeline.Customer, "started upgrade of", "nodepool/nodepool1", ""),
		said(2, 1, timeline.Provider, "failed to upgrade", "nodepool/nodepool1", "(UpgradeFailed) no node came"),
		said(3, 0, timeline.Provider, "failed to back up", "etcd", "the disk is full"),
		said(4, 0, timeline.Provider, "failed to back up", "etcd", "the disk is still full"),
		said(5, 0, timeline.Provider, "backed up", "etcd", ""),
	}})
	want := []Attempt{
		{What: "failed to upgrade nodepool/nodepool1", Why: "(UpgradeFailed) no node came", By: OwnerCustomer, Event: 2, At: after(2), Times: 1},
		{What: "failed to back up etcd", Why: "the disk is still full", By: OwnerProvider, Event: 4, At: after(4), Times: 2},
	}
	if d := cmp.Diff(want, r.Attempts); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}
