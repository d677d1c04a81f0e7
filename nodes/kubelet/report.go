package kubelet

import (
	"fmt"
	"time"

	"demarc/nodes/timers"
	"demarc/nodes/vm"
	"demarc/sim/api"

	corev1 "k8s.io/api/core/v1"
)

// part is what of its node a managed container is, whose outage is an outage of the
// node's: kube-proxy/NODE; empty for any other.
func (c *container) part() string {
	if c.name != "kube-proxy" || c.p.namespace != "kube-system" {
		return ""
	}
	return c.name + "/" + c.p.k.m.Name
}

// out tells that a part of the node has ended.
func (c *container) out(now time.Time) {
	if part := c.part(); part != "" {
		c.p.k.m.Watcher.Broke(part, vm.RootOf(c.p.k.ks.Log, c.cause), now)
	}
}

// back tells that a part of the node runs again.
func (c *container) back(now time.Time) {
	if part := c.part(); part != "" {
		c.p.k.m.Watcher.Mended(part, now)
	}
}

// revived enters that a node's kubelet has restarted a container of the
// provider's that somebody had ended.
func (c *container) revived(now time.Time, cause int64) {
	p := c.p
	if p.namespace != "kube-system" || cause == 0 || c.last.Reason == "Unknown" /* its machine went away */ || c.behaviour.Misconfigured || p.spec.Labels["kubernetes.azure.com/managedby"] != "aks" {
		return
	}
	root := vm.RootOf(p.k.ks.Log, cause)
	p.k.ks.Repairs.Enter(api.Repair{
		Node: p.k.m.Name, Cause: root.Message, Event: root.Seq, Subject: c.name + "/" + p.k.m.Name, Layer: api.LayerNode,
		Actions: []api.RepairAction{{
			Action: "restart", At: now.UTC(), Done: now.UTC(),
			Detail: fmt.Sprintf("the kubelet restarted container %s of pod %s/%s", c.name, p.namespace, p.name),
		}},
		Broken: c.last.FinishedAt.UTC(), Detected: timers.Tick(c.last.FinishedAt.Add(relistPeriod)).UTC(), Healed: now.UTC(),
		Lost: []string{}, Outcome: api.RepairHealed,
	})
}

// LocalData is what of the node's pods is in the machine's memory and, if disk is
// asked for, on its own disk.
func (k *Kubelet) LocalData(disk bool) (out []string) {
	for _, p := range sortedPods(k.pods) {
		for _, v := range p.spec.Spec.Volumes {
			switch {
			case v.EmptyDir != nil && (disk || v.EmptyDir.Medium == corev1.StorageMediumMemory):
				out = append(out, fmt.Sprintf("emptyDir %s of pod %s/%s", v.Name, p.namespace, p.name))
			case v.HostPath != nil && disk:
				out = append(out, fmt.Sprintf("hostPath %s of pod %s/%s", v.HostPath.Path, p.namespace, p.name))
			}
		}
	}
	return out
}
