package books

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/disk"
	"demarc/sim/disk/disktest"
	"demarc/sim/timeline"
	"demarc/sim/traffic"

	"github.com/google/go-cmp/cmp"
)

var eight = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

func sample() Books {
	return Books{
		Cluster: api.ClusterSpec{Name: "demarc", Edition: "2026-08"}, Now: eight.Add(time.Hour),
		Incidents: []api.Incident{{ID: "i1", Subject: "etcd", Owner: timeline.Provider, Cause: "crash etcd", Event: 1, Start: eight, End: eight.Add(time.Minute)}},
		Repairs:   []api.Repair{{ID: "r1"}}, Consents: []api.Consent{}, Restores: []api.Restore{{ID: "x"}}, Backups: []api.Backup{},
		Traffic: []api.Traffic{{
			Spec: traffic.Spec{Name: "shop"}, Sent: 100, Failed: 10, Reasons: map[string]int64{"i/o timeout": 10}, Backends: []string{"default/a", "default/b"},
			Outages: []traffic.Outage{{From: eight, Failed: 10, Reason: "i/o timeout"}},
		}},
	}
}

// TestDamagedBooks damages the books in every way: the previous ones are read, or it is
// said what is wrong.
func TestDamagedBooks(t *testing.T) {
	for _, d := range disktest.All(rand.New(rand.NewPCG(1, 1)), 1) {
		dir := t.TempDir()
		before, now := sample(), sample()
		before.Now = eight
		for _, b := range []Books{before, now} {
			if err := b.Save(dir, false); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := Load(dir); err != nil || !cmp.Equal(got, now) {
			t.Fatalf("%v (-want +got)\n%s", err, cmp.Diff(now, got))
		}
		if err := d.Do(filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
		if got, err := Load(dir); err != nil || !cmp.Equal(got, before) {
			t.Errorf("%s: %v (-want +got)\n%s", d.Name, err, cmp.Diff(before, got))
		}
		if err := d.Do(filepath.Join(dir, file+disk.Previous)); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, file)); err == nil {
			if got, err := Load(dir); err == nil {
				t.Errorf("%s of both: read as %+v", d.Name, got)
			}
		}
	}
	if got, err := Load(t.TempDir()); err != nil || got.Cluster.Name != "" {
		t.Errorf("no books: %+v, %v", got, err)
	}
}

// TestActionsOfAStoppedCluster asks about a cluster's past.
func TestActionsOfAStoppedCluster(t *testing.T) {
	stopped := errors.New("the cluster demarc is stopped")
	events := []timeline.Event{{Seq: 1, Time: eight, Actor: timeline.Platform, Verb: "crashed", Subject: "etcd", Message: "crash etcd"}}
	a := sample().Actions(events, api.RoleCustomer, stopped)
	k, err := a.Contract(t.Context(), "")
	if err != nil || k.Edition != "2026-08" || len(k.Incidents) != 1 || k.Incidents[0].Judgement.Owner != "provider" {
		t.Errorf("judged %+v, %v", k, err)
	}
	if x, err := a.Explain(t.Context(), "i1", "2019-04"); err != nil || x.Whose == "" {
		t.Errorf("explained %+v, %v", x, err)
	}
	if list, err := a.Timeline(t.Context(), 1); err != nil || list == nil || len(list) != 0 {
		t.Errorf("after the last event: %v, %v", list, err)
	}
	for name, ask := range map[string]func() error{
		"restores": func() error { _, err := a.Restores(t.Context()); return err },
		"faults":   func() error { _, err := a.Faults(t.Context()); return err },
	} {
		if err := ask(); !errors.Is(err, stopped) {
			t.Errorf("%s, as the customer: %v", name, err)
		}
	}
	p := sample().Actions(events, api.RoleProvider, stopped)
	if list, err := p.Restores(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("restores, as the provider: %v, %v", list, err)
	}
}

// TestContinue goes on with traffic of an earlier engine.
func TestContinue(t *testing.T) {
	b := sample()
	now := []api.Traffic{
		{Spec: traffic.Spec{Name: "new"}, Sent: 1},
		{Spec: traffic.Spec{Name: "shop"}, Sent: 5, Failed: 1, Reasons: map[string]int64{"i/o timeout": 1}, Backends: []string{"default/b", "default/c"}},
	}
	got := b.Continue(now)
	want := []api.Traffic{now[0], {
		Spec: traffic.Spec{Name: "shop"}, Sent: 105, Failed: 11, Reasons: map[string]int64{"i/o timeout": 11}, Backends: []string{"default/a", "default/b", "default/c"},
		Outages: []traffic.Outage{{From: eight, To: b.Now, Failed: 10, Reason: "i/o timeout"}},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if now[1].Sent != 5 || b.Traffic[0].Sent != 100 {
		t.Error("it has changed what it was given")
	}
}
