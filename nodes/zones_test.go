package nodes

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"demarc/nodes/cloud"
	"demarc/sim/api"
	"demarc/sim/timeline"

	"github.com/google/go-cmp/cmp"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// zonedConfig is a fleet of three nodes in two zones.
func zonedConfig() Config { return Config{Nodes: 3, Zones: []string{"1", "2"}} }

// loseZone takes the power of a zone, as the fault does.
func (f *Fleet) loseZone(zone string) timeline.Event {
	e := f.log.Append(timeline.Event{Actor: timeline.Platform, Verb: "failed", Subject: "zone/" + zone})
	f.LoseZone(zone, e)
	return e
}

func power(f *Fleet) (list []string) {
	for _, m := range f.Machines() {
		list = append(list, m.Zone+" "+m.Power)
	}
	return list
}

func TestZoneIsLostAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := makeWorld(t, zonedConfig())
		defer w.stop()
		d := w.watched()
		w.pass(5 * time.Second)
		names := w.f.NodeNames()
		if _, err := w.f.PowerOff(names[1], timeline.Platform); err != nil {
			t.Fatal(err)
		}
		w.f.loseZone("1")
		if diff := cmp.Diff([]string{"1 stopped", "2 stopped", "1 stopped"}, power(w.f)); diff != "" {
			t.Errorf("of zone 1 (-want +got):\n%s", diff)
		}
		w.f.loseZone("2")
		for what, do := range map[string]func() error{
			"power-on": func() error { _, err := w.f.PowerOn(names[0], timeline.Platform); return err },
			"restart": func() error {
				_, err := w.f.DoVM(api.VMRequest{VM: names[0], Action: "restart"}, timeline.Customer)
				return err
			},
			"reboot":  func() error { _, err := w.f.Act(names[0], "reboot", "r", 0); return err },
			"upgrade": func() error { _, err := w.f.Upgrade("u", names[0], "v1.37.2", "", 0); return err },
			"add":     func() error { _, err := w.f.Add("a", api.DefaultPool, "v1.37.2", false, 0); return err },
		} {
			if err := do(); err == nil || what != "power-on" && !api.HasCode(err, "ZonalAllocationFailed") {
				t.Errorf("%s: got %v", what, err)
			}
		}
		w.f.RestoreZone("1", timeline.Platform)
		w.f.RestoreZone("2", timeline.Platform)
		w.pass(25 * time.Second)
		if diff := cmp.Diff([]string{"1 running", "2 stopped", "1 running"}, power(w.f)); diff != "" {
			t.Errorf("whose own power is off stays off (-want +got):\n%s", diff)
		}
		if _, err := w.f.PowerOn(names[1], timeline.Platform); err != nil {
			t.Error(err)
		}
		want := []string{"broke node/" + names[1], "broke zone/1", "broke node/" + names[0], "broke node/" + names[2], "broke zone/2", "mended zone/1", "mended zone/2"}
		if got := d.read()[:min(len(want), len(d.read()))]; !slices.Equal(got, want) {
			t.Errorf("outages (-want +got):\n%s", cmp.Diff(want, got))
		}
		for _, e := range []string{"mended node/" + names[0], "mended node/" + names[2]} {
			if !slices.Contains(d.read(), e) {
				t.Errorf("%s is missing: %v", e, d.read())
			}
		}
	})
}

func TestNewNodesComeInOtherZones(t *testing.T) {
	f := quiet(t, zonedConfig())
	f.loseZone("2")
	if n := f.Template(api.DefaultPool, "v1.37.2"); n.Labels["topology.kubernetes.io/zone"] != "westeurope-1" {
		t.Errorf("the autoscaler is told of a node in %s", n.Labels["topology.kubernetes.io/zone"])
	}
	for _, key := range []string{"a", "b"} {
		if _, err := f.Add(key, api.DefaultPool, "v1.37.2", false, 0); err != nil {
			t.Fatal(err)
		}
	}
	f.SetPool("there", api.PoolShape{Zones: []string{"2"}}.WithDefaults(api.ModeUser))
	if _, err := f.Add("c", "there", "v1.37.2", false, 0); !api.HasCode(err, "ZonalAllocationFailed") {
		t.Errorf("in the zone: got %v", err)
	}
	if got := names(f.inZone("1")); len(got) != 4 || !strings.HasSuffix(got[2], "vmss000004") || !strings.HasSuffix(got[3], "vmss000006") {
		t.Errorf("in zone 1: %v", got)
	}
}

func TestLostZoneIsKept(t *testing.T) {
	f := quiet(t, zonedConfig())
	e := f.loseZone("2")
	state, err := f.Save()
	if err != nil {
		t.Fatal(err)
	}
	cfg := zonedConfig()
	cfg.State, cfg.Timeline = state, f.log
	again := quiet(t, cfg)
	if d := cmp.Diff(map[string]timeline.Event{"2": e}, again.LostZones()); d != "" {
		t.Errorf("lost zones (-want +got):\n%s", d)
	}
	if d := cmp.Diff(power(f), power(again)); d != "" {
		t.Errorf("machines (-before +after):\n%s", d)
	}
}

func TestDisksOfALostZone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := makeWorld(t, zonedConfig())
		defer w.stop()
		w.pass(5 * time.Second)
		ctx, disks, names := context.Background(), w.f.Disks(), w.f.NodeNames()
		for name, spec := range map[string]cloud.DiskSpec{
			"here": {SizeGiB: 1, Zone: "2"}, "free": {SizeGiB: 1, Zone: "2"}, "all": {SizeGiB: 1, SKU: "Premium_ZRS"}, "other": {SizeGiB: 1, Zone: "1"},
		} {
			spec.Name = name
			if _, err := disks.Create(ctx, spec, timeline.Customer); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{"here", "all"} {
			if _, err := disks.Attach(ctx, name, names[1], timeline.Customer); err != nil {
				t.Fatal(err)
			}
		}
		w.f.loseZone("2")
		fails := map[string]func() error{
			"attach": func() error { _, err := disks.Attach(ctx, "free", names[1], timeline.Customer); return err },
			"detach": func() error { return disks.Detach(ctx, "here", names[1], timeline.Customer) },
			"delete": func() error { return disks.Delete(ctx, "free", timeline.Customer) },
			"resize": func() error { _, err := disks.Resize(ctx, "free", 2, timeline.Customer); return err },
			"create": func() error {
				_, err := disks.Create(ctx, cloud.DiskSpec{Name: "new", SizeGiB: 1, Zone: "2"}, timeline.Customer)
				return err
			},
		}
		for what, do := range fails {
			if err := do(); !api.HasCode(err, "InternalServerError") {
				t.Errorf("%s: got %v", what, err)
			}
		}
		if err := disks.Detach(ctx, "all", names[1], timeline.Customer); err != nil {
			t.Errorf("one that is in all zones: %v", err)
		}
		if _, err := disks.Attach(ctx, "other", names[0], timeline.Customer); err != nil {
			t.Errorf("one of another zone: %v", err)
		}
		if x, err := disks.Get(ctx, "here"); err != nil || x.VM != names[1] {
			t.Errorf("what was attached: %+v, %v", x, err)
		}
		w.f.RestoreZone("2", timeline.Platform)
		for _, what := range []string{"attach", "create", "detach", "resize"} {
			if err := fails[what](); err != nil {
				t.Errorf("when it is back, %s: %v", what, err)
			}
		}
	})
}

func TestServicesThatAreInOneZone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := zonedConfig()
		nodes := quiet(t, cfg).NodeNames()
		slice := func(namespace, service string, on ...int) *discoveryv1.EndpointSlice {
			s := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: service, Labels: map[string]string{discoveryv1.LabelServiceName: service}}}
			for i, n := range on {
				s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{Addresses: []string{"10.244.0." + string(rune('1'+i))}, NodeName: &nodes[n]})
			}
			return s
		}
		unready := slice("default", "unready", 1)
		unready.Endpoints[0].Conditions.Ready = ptr.To(false)
		w := makeWorld(t, cfg, slice("default", "alone", 0, 2), slice("default", "spread", 0, 1), slice("default", "elsewhere", 1), slice("kube-system", "kube-dns", 0), unready)
		defer w.stop()
		w.pass(5 * time.Second)
		w.f.loseZone("1")
		w.f.loseZone("2")
		var got []string
		events, _ := w.f.log.Since(0)
		for _, e := range events {
			if e.Verb == "is in one zone" {
				root, _ := w.f.log.Get(e.Cause)
				got = append(got, e.Subject+" with "+root.Subject)
			}
		}
		want := []string{"service/default/alone with zone/1", "service/default/elsewhere with zone/2", "service/default/spread with zone/2"}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
}
