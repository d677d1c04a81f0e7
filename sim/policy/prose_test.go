package policy

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"demarc/sim/timeline"
)

// nonsense is what messages could be misread as, if anybody read them.
const nonsense = "sudo apt-get install x; systemctl stop kubelet-monitor; reboot; network security group rule z: Deny outbound Tcp to Internet, ports 443; " +
	"the VM's tags were changed as an IaaS resource: map[aks-managed-a:b]; alpha"

// eventful are worlds with events of which more is to be known than verb and subject.
func eventful() map[string]World {
	tagged := func(at, value string) timeline.Event {
		return ev(at, customer, "tagged", "node/a", 0, "", timeline.Detail{Resource: true, Tags: map[string]string{"aks-managed-x": value}})
	}
	return map[string]World{
		"patches": patchWorld(),
		"delayed": delayed,
		"cloud": world(
			ev("0s", provider, "created", "cluster/c", 0, ""), ev("1m", customer, "enabled", "featuregate/New", 0, "", timeline.Detail{Stage: "ALPHA"}),
			tagged("2m", "a: b"), tagged("3m", "c d"), ev("4m", customer, "changed", "nsg", 0, "", deny("x", "Tcp", "80,400-500")),
			ev("5m", customer, "changed", "nsg", 0, "", timeline.Detail{Rule: &timeline.SecurityRule{Name: "x"}}), ev("6m", customer, "changed", "nsg", 0, "", deny("y", "Udp", "443")),
			ev("7m", customer, "resized", "node/a", 0, "", timeline.Detail{Resource: true, Size: &timeline.Resize{From: "A", To: "B"}}),
			ev("8m", customer, "deallocated", "node/b", 0, "", vm), ev("20m", customer, "started", "node/b", 0, "", vm),
		).out("node/b", 9, "8m", "21m"),
		"shells": world(
			ev("1m", customer, "ran", "node/a", 0, ""), ev("1m", customer, "changed", "node/a", 1, "", packaged), ev("1m", node, "failed", "containerd/a", 1, ""),
			ev("2m", customer, "ran", "node/b", 0, ""), ev("2m", node, "stopped", "node/b", 4, "", rebooted),
			ev("3m", customer, "ran", "node/c", 0, ""), ev("3m", node, "stopped", "node/c", 6, "", off),
			ev("4m", customer, "ran", "node/d", 0, ""), ev("5m", provider, "ran", "node/d", 0, ""), ev("5m", node, "inactive", "kubelet-monitor/d", 9, ""),
			ev("6m", customer, "ran", "node/d", 0, ""), ev("6m", node, "failed", "kubelet/d", 11, ""), ev("20m", node, "repaired", "kubelet/d", 11, ""),
		).out("containerd/a", 3, "1m", "30m").out("node/b", 5, "2m", "4m").out("node/c", 7, "3m", "").out("kubelet/d", 12, "6m", "20m"),
	}
}

// judgements are all judgements of a world.
type judgements struct {
	Events, Incidents []Judgement
	Support           Supportability
}

func judgeAll(t *testing.T, e *Edition, w World) (all judgements) {
	t.Helper()
	j := e.Judge(w)
	for _, x := range w.Events {
		v, err := j.Event(x.Seq)
		if err != nil {
			t.Fatal(err)
		}
		all.Events = append(all.Events, v)
	}
	for _, i := range w.Incidents {
		v, err := j.Incident(i.ID)
		if err != nil {
			t.Fatal(err)
		}
		all.Incidents = append(all.Incidents, v)
	}
	var err error
	if all.Support, err = j.Support(); err != nil {
		t.Fatal(err)
	}
	return all
}

// unsaid compares judgements but for what they say.
var unsaid = []cmp.Option{
	cmpopts.IgnoreFields(Judgement{}, "Sentence"), cmpopts.IgnoreFields(Share{}, "Why"), cmpopts.IgnoreFields(Reason{}, "Sentence", "WayBack"),
}

// TestWordsDoNotJudge checks that no judgement changes with the words of messages.
func TestWordsDoNotJudge(t *testing.T) {
	seen := map[string]bool{}
	for name, w := range eventful() {
		reworded := w
		reworded.Events, reworded.Incidents, reworded.Repairs = slices.Clone(w.Events), slices.Clone(w.Incidents), slices.Clone(w.Repairs)
		for n := range reworded.Events {
			reworded.Events[n].Message = fmt.Sprint(nonsense, n)
		}
		for n := range reworded.Incidents {
			reworded.Incidents[n].Cause = nonsense
		}
		for n := range reworded.Repairs {
			reworded.Repairs[n].Cause, reworded.Repairs[n].Reason = nonsense, nonsense
		}
		for _, id := range both {
			e := edition(t, id)
			want := judgeAll(t, e, w)
			if diff := cmp.Diff(want, judgeAll(t, e, reworded), unsaid...); diff != "" {
				t.Errorf("%s by %s is judged otherwise in other words:\n%s", name, id, diff)
			}
			for _, v := range slices.Concat(want.Events, want.Incidents) {
				seen[v.Rule] = true
			}
		}
	}
	for _, rule := range []string{
		"iaas", "iaas-tag", "iaas-system-tag", "egress-443", "nsg", "customer-reboots", "customer-off", "customer-breaks-node", "customer-look", "alpha-beta",
	} {
		if !seen[rule] {
			t.Errorf("nothing is judged by rule %s, which needs details of events", rule)
		}
	}
}

// TestConditionsDoNotRead checks that no condition can read a message.
func TestConditionsDoNotRead(t *testing.T) {
	for _, name := range []string{"message", "Message"} {
		if _, err := compileCondition("event."+name+".contains('reboot')", "event"); err == nil {
			t.Errorf("a condition can name event.%s", name)
		}
	}
}

// TestTimelinesWithoutDetails checks that those of earlier versions can be judged.
func TestTimelinesWithoutDetails(t *testing.T) {
	for _, w := range eventful() {
		w.Events = slices.Clone(w.Events)
		for n := range w.Events {
			w.Events[n].Detail = nil
		}
		for _, id := range both {
			judgeAll(t, edition(t, id), w)
		}
	}
}
