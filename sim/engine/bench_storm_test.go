package engine_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"demarc/sim/api"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Of 200 nodes, every fifth and every fifth after the second are broken: 80.
const (
	stormNodes = 200
	stormPods  = 1000
	stormLimit = 4 * time.Hour // virtual; node auto-repair takes a twentieth at once
)

// blows are the ways in which the storm breaks nodes, in turn. The first three are
// healed by the node itself, the others take node auto-repair.
var blows = []string{
	"sudo systemctl stop kubelet",
	"sudo pkill -9 kubelet",
	"sudo pkill -9 kube-proxy",
	"sudo apt-get remove -y moby-containerd",
	"sudo apt-get install -y linux-image-generic && sudo reboot",
	"sudo iptables -A OUTPUT -p tcp --dport 443 -j DROP",
	"sudo fallocate -l 200G /var/lib/big",
	"sudo systemctl stop kubelet-monitor containerd-monitor kubelet",
}

func struck(node int) bool { return node%5 == 0 || node%5 == 2 }

// BenchmarkStorm200 is from the moment at which 80 of 200 nodes are broken in mixed
// ways until all are healed; no other node is touched.
func BenchmarkStorm200(b *testing.B) {
	path := built(b)
	for b.Loop() {
		x := launch(b, path, api.ClusterSpec{Nodes: stormNodes})
		x.deploy(stormPods)
		before, began, cpu := x.world(), time.Now(), x.p.Spent().Seconds()
		x.storm(before)
		after := x.awaitHealed(before)
		x.checkStorm(before, after)
		b.ReportMetric(time.Since(began).Seconds(), "healed-s")
		b.ReportMetric(x.p.Spent().Seconds()-cpu, "healed-cpu-s")
		b.ReportMetric(after.status.Now.Sub(before.status.Now).Minutes(), "virtual-min")
		b.ReportMetric(float64(len(after.repairs)), "repairs")
		x.reportCost()
		x.p.Kill()
	}
}

// world is the cluster at one moment, from both sides of the demarc.
type world struct {
	status  api.Status
	repairs []api.Repair
	nodes   map[string]corev1.Node
}

func (x *big) world() (w world) {
	x.b.Helper()
	var err error
	if w.repairs, err = x.p.Client.Repairs(x.b.Context()); err != nil {
		x.b.Fatal(err)
	}
	list, err := x.kube.CoreV1().Nodes().List(x.b.Context(), metav1.ListOptions{})
	if err != nil {
		x.b.Fatal(err)
	}
	w.status, w.nodes = x.status(), map[string]corev1.Node{}
	for _, n := range list.Items {
		w.nodes[n.Name] = n
	}
	return w
}

// storm breaks the nodes, all while the clock is paused or soon after: some commands
// take virtual time.
func (x *big) storm(w world) {
	x.b.Helper()
	x.rate(0)
	var all sync.WaitGroup
	struckSoFar := 0
	for i, m := range w.status.Machines {
		if !struck(i) {
			continue
		}
		request := api.RunRequest{Node: m.Name, Command: blows[struckSoFar%len(blows)]}
		struckSoFar++
		all.Go(func() {
			// A command may be ended by what it does, such as reboot.
			if _, err := x.p.Client.Run(x.b.Context(), request); err != nil {
				x.b.Errorf("%s on %s: %v", request.Command, request.Node, err)
			}
		})
	}
	x.rate(api.FreeRun)
	all.Wait()
}

func (x *big) rate(r api.Rate) {
	x.b.Helper()
	if _, err := x.p.Client.SetClock(x.b.Context(), api.ClockRequest{Rate: r}); err != nil {
		x.b.Fatal(err)
	}
}

// awaitHealed waits until nothing is wrong with any node and every pod is back.
func (x *big) awaitHealed(before world) world {
	x.b.Helper()
	for {
		w := x.world()
		ills := w.ills()
		if len(ills) == 0 && x.readyReplicas() == stormPods {
			return w
		}
		if w.status.Now.Sub(before.status.Now) > stormLimit {
			x.b.Fatalf("not healed after %s: %d ills, such as %v", stormLimit, len(ills), ills[:min(len(ills), 5)])
		}
		time.Sleep(time.Second) // a look is a cost for the engine too
	}
}

// ills is what is wrong with the machines, their Nodes and their repairs.
func (w world) ills() (ills []string) {
	for i, m := range w.status.Machines {
		switch {
		case m.Problem != "" || m.Power != "running" || m.Kubelet != "running" || m.Runtime != "running":
			ills = append(ills, fmt.Sprintf("machine %s: power %s, kubelet %s, runtime %s, %s", m.Name, m.Power, m.Kubelet, m.Runtime, m.Problem))
		case m.Egress != "open" || len(m.Pressure) > 0 || m.RebootRequired:
			ills = append(ills, fmt.Sprintf("machine %s: egress %s, pressure %v, reboot required %t", m.Name, m.Egress, m.Pressure, m.RebootRequired))
		case !isReady(w.nodes[m.Name]):
			ills = append(ills, "node "+m.Name+" is not Ready")
		case struck(i) && !slices.ContainsFunc(w.repairs, func(r api.Repair) bool { return r.Node == m.Name && r.Outcome == api.RepairHealed }):
			ills = append(ills, "node "+m.Name+" was struck, and nobody has healed it")
		}
	}
	for _, r := range w.repairs {
		if r.Outcome == api.RepairPending || r.Outcome == api.RepairFailed && r.Layer == api.LayerAutoRepair {
			ills = append(ills, fmt.Sprintf("repair %s of %s: %s %s", r.ID, r.Subject, r.Outcome, r.Reason))
		}
	}
	return ills
}

func isReady(n corev1.Node) bool {
	return slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
}

// checkStorm checks that nodes that were well have not been touched.
func (x *big) checkStorm(before, after world) {
	x.b.Helper()
	rebooted := 0
	for i, m := range before.status.Machines {
		was, is := before.nodes[m.Name], after.nodes[m.Name]
		changed := was.Status.NodeInfo.BootID != is.Status.NodeInfo.BootID
		if struck(i) {
			if changed {
				rebooted++
			}
			continue
		}
		if changed || was.UID != is.UID || after.status.Machines[i].Image != m.Image {
			x.b.Errorf("node %s was well, and was rebooted, made anew or reimaged", m.Name)
		}
		for _, r := range after.repairs {
			if r.Node == m.Name {
				x.b.Errorf("node %s was well, and was repaired: %+v", m.Name, r)
			}
		}
	}
	x.b.ReportMetric(float64(rebooted), "rebooted")
}
