package faults

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"demarc/nodes/cloud"
	"demarc/sim/fault"
	"demarc/sim/timeline"
)

// TestEveryKindHasAnEffect compares the words with what they do.
func TestEveryKindHasAnEffect(t *testing.T) {
	var words []string
	for _, k := range fault.Kinds() {
		words = append(words, k.Verb)
		if k.EndedBy == "heal" && effects[k.Verb].undo == nil && k.Verb != "flap" && k.Verb != "flood" { // these end with what goes on by itself
			t.Errorf("heal cannot end %s", k.Verb)
		}
	}
	slices.Sort(words)
	if got := slices.Sorted(maps.Keys(effects)); !slices.Equal(got, words) {
		t.Errorf("effects are of %v, words of %v", got, words)
	}
}

// specs are all faults that can be injected with the least of words.
func specs() (list []fault.Spec) {
	for _, k := range fault.Kinds() {
		args := map[string]string{}
		for _, w := range strings.Fields(k.Example)[2:] {
			name, value, _ := strings.Cut(w, "=")
			args[name] = value
		}
		for _, target := range k.TargetWords() {
			if strings.HasSuffix(target, "/") {
				target += map[string]string{"node/": "0", "zone/": "1", "kubelet/": "0", "pod/": "default/shop-75c9-x2x4z", "deployment/": "shop", "namespace/": "load", "serviceaccount/": "load/crawler", "container/": "default/shop-75c9-x2x4z/c"}[target]
			}
			for _, from := range []string{args["from"], "etcd", "provider"} {
				if args["from"] != "" {
					args["from"] = from
				}
				if s, err := fault.Parse(k.Verb, target, maps.Clone(args)); err == nil {
					list = append(list, s)
					if s.Args["hold"] == "no" {
						s.Args = maps.Clone(s.Args)
						s.Args["hold"] = "yes"
						list = append(list, s)
					}
				}
				if args["how"] != "" { // which etcd does not have
					if s, err := fault.Parse(k.Verb, target, nil); err == nil {
						list = append(list, s)
					}
				}
				if args["from"] == "" {
					break
				}
			}
		}
	}
	return list
}

// TestEveryFaultIsUndone injects each fault into each of its targets and ends it: by its
// ID, and by the words that end such faults. Everything is then as it was.
func TestEveryFaultIsUndone(t *testing.T) {
	for _, spec := range specs() {
		kind, _ := fault.Lookup(spec.Verb)
		if kind.Repairs || spec.Verb == "flap" {
			continue
		}
		for _, byID := range []bool{true, false} {
			w := newFake(t)
			a, err := w.Inject(t.Context(), spec)
			if err != nil {
				t.Errorf("%s: %v", spec, err)
				continue
			}
			if w.state() == "" {
				t.Errorf("%s changes nothing", spec)
			}
			if (a.ID != "") != (len(w.List()) > 0) || a.ID != "" && kind.EndedBy == "" {
				t.Errorf("%s: got ID %q, in force %v", spec, a.ID, w.List())
			}
			if a.ID != "" && w.Log.Last().Seq > 0 && (a.Event == 0 || w.List()[0].Event != a.Event) {
				t.Errorf("%s has the event %d, in force %d", spec, a.Event, w.List()[0].Event)
			}
			repair, err := w.Repair(a.ID)
			switch {
			case a.ID == "":
				continue
			case err != nil:
			case byID:
				err = w.End(t.Context(), a.ID, repair)
			default:
				_, err = w.Inject(t.Context(), fault.Spec{Verb: kind.EndedBy, Target: spec.Target, By: spec.By})
			}
			if err != nil || w.state() != "" || len(w.List()) > 0 {
				t.Errorf("%s, ended by ID: %t: %v; left are %s, in force %v", spec, byID, err, w.state(), w.List())
			}
			events, _ := w.Log.Since(0)
			if slices.ContainsFunc(events, func(e timeline.Event) bool { return e.Verb == "" }) {
				t.Errorf("%s: an event has no verb: %+v", spec, events)
			}
		}
	}
}

// TestHealEndsNoMore heals a part of what is struck, and leaves the rest.
func TestHealEndsNoMore(t *testing.T) {
	w := newFake(t)
	for _, words := range []string{"hang etcd/0 hold=yes", "hang etcd/1 hold=yes", "slow kube-scheduler latency=1s", "partition node/1 from=kube-apiserver", "fill backup-store", "throttle cloud", "fail cloud/disks", "fail cloud/loadbalancers"} {
		f := strings.Fields(words)
		args := map[string]string{}
		for _, w := range f[2:] {
			name, value, _ := strings.Cut(w, "=")
			args[name] = value
		}
		spec, err := fault.Parse(f[0], f[1], args)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Inject(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ target, left string }{
		{"cloud/loadbalancers", "b cut, cloud balancers: " + cloud.ErrBalancersThrottled.Error() + ", cloud disks: " + cloud.ErrThrottled.Error() + ", cloud routes: " + cloud.ErrRoutesThrottled.Error() + ", cloud shares: " + cloud.ErrSharesThrottled.Error() + ", disk full, etcd/0 held, etcd/0 hung, etcd/1 held, etcd/1 hung, kube-scheduler slow, fine"},
		{"cloud/disks", "b cut, cloud balancers: " + cloud.ErrBalancersThrottled.Error() + ", cloud disks: " + cloud.ErrThrottled.Error() + ", cloud routes: " + cloud.ErrRoutesThrottled.Error() + ", cloud shares: " + cloud.ErrSharesThrottled.Error() + ", disk full, etcd/0 held, etcd/0 hung, etcd/1 held, etcd/1 hung, kube-scheduler slow, fine"},
		{"cloud", "b cut, disk full, etcd/0 held, etcd/0 hung, etcd/1 held, etcd/1 hung, kube-scheduler slow, fine"},
		{"etcd/0", "b cut, disk full, etcd/1 held, etcd/1 hung, kube-scheduler slow, fine"},
		{"node/b", "disk full, etcd/1 held, etcd/1 hung, kube-scheduler slow, fine"},
		{"etcd", "disk full, kube-scheduler slow, fine"},
		{"control-plane", "disk full"},
		{"all", ""},
	} {
		if _, err := w.Inject(t.Context(), fault.Spec{Verb: "heal", Target: tt.target}); err != nil || w.state() != tt.left {
			t.Errorf("heal %s: %v; left is %q, want %q", tt.target, err, w.state(), tt.left)
		}
	}
	if _, err := w.Inject(t.Context(), fault.Spec{Verb: "heal", Target: "etcd"}); err == nil {
		t.Error("healing what is well succeeded")
	}
}

// TestFlapEndsWithTheCluster ends the cluster at every moment of a flap: nothing is done
// or noted after that.
func TestFlapEndsWithTheCluster(t *testing.T) {
	spec, err := fault.Parse("flap", "kube-scheduler", map[string]string{"times": "2", "down": "20s", "up": "40s"})
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[time.Duration]int{0: 1, 10 * time.Second: 2, 30 * time.Second: 3, 70 * time.Second: 4, time.Hour: 5} {
		synctest.Test(t, func(t *testing.T) {
			w := newFake(t)
			ctx, end := context.WithCancel(t.Context())
			w.Context, w.Go = ctx, func(do func()) { go do() }
			if at == 0 {
				end()
			}
			time.AfterFunc(at, end)
			if _, err := w.Inject(ctx, spec); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Hour)
			if events, _ := w.Log.Since(0); len(events) != want {
				t.Errorf("the cluster ends after %s: got %d events, want %d: %+v", at, len(events), want, events)
			}
			if slices.ContainsFunc(w.List(), func(a fault.Active) bool { return a.Verb == "flap" }) {
				t.Errorf("in force are %+v", w.List())
			}
		})
	}
}
