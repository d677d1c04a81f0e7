package autoscaler

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var t0 = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// node is a Ready node of a size with 2 CPUs; its pool's label is from its name.
func node(name string, change ...func(*corev1.Node)) *corev1.Node {
	n := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(t0.Add(-time.Hour)), Labels: map[string]string{
			"agentpool": name[:1], corev1.LabelHostname: name, corev1.LabelTopologyZone: "1",
		}},
		Status: corev1.NodeStatus{
			Allocatable: corev1.ResourceList{
				corev1.ResourceCPU: resource.MustParse("2"), corev1.ResourceMemory: resource.MustParse("8Gi"), corev1.ResourcePods: resource.MustParse("10"),
			},
			Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
		},
	}
	for _, c := range change {
		c(n)
	}
	return n
}

func unready(n *corev1.Node) { n.Status.Conditions[0].Status = corev1.ConditionUnknown }

func young(n *corev1.Node) {
	unready(n)
	n.CreationTimestamp = metav1.NewTime(t0.Add(-time.Minute))
}

func tainted(key string) func(*corev1.Node) {
	return func(n *corev1.Node) {
		n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: key, Effect: corev1.TaintEffectNoSchedule})
	}
}

// pod is a pod of a ReplicaSet that asks for CPU; without a node it fits on none.
func pod(name, at, cpu string, change ...func(*corev1.Pod)) *corev1.Pod {
	yes := true
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{"app": "shop"}, OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Controller: &yes}}},
		Spec: corev1.PodSpec{NodeName: at, Containers: []corev1.Container{{Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)},
		}}}},
	}
	if at == "" {
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable}}
	}
	for _, c := range change {
		c(p)
	}
	return p
}

func bare(p *corev1.Pod) { p.OwnerReferences = nil }

func ofDaemonSet(p *corev1.Pod) { p.OwnerReferences[0].Kind = "DaemonSet" }

func ofSystem(p *corev1.Pod) { p.Namespace = metav1.NamespaceSystem }

func annotated(key, value string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Annotations = map[string]string{key: value} }
}

func selecting(pool string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Spec.NodeSelector = map[string]string{"agentpool": pool} }
}

func alone(p *corev1.Pod) {
	p.Spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{
		{TopologyKey: corev1.LabelHostname, LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}}},
	}}}
}

func spread(p *corev1.Pod) {
	p.Spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{
		MaxSkew: 1, TopologyKey: corev1.LabelHostname, WhenUnsatisfiable: corev1.DoNotSchedule,
		LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}},
	}}
}

// budget allows some disruptions of the pods of an application.
func budget(namespace string, allowed int32) *policyv1.PodDisruptionBudget {
	return &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop"},
		Spec:       policyv1.PodDisruptionBudgetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}}},
		Status:     policyv1.PodDisruptionBudgetStatus{DisruptionsAllowed: allowed},
	}
}

// group is a pool with the nodes a0, a1 and so on, or b0.
func group(pool string, have, least, most int, change ...func(*corev1.Node)) Group {
	g := Group{Pool: pool, Name: "aks-" + pool + "-1-vmss", Min: least, Max: most, Template: node(pool+"x", change...)}
	for i := range have {
		g.VMs = append(g.VMs, fmt.Sprint(pool, i))
	}
	return g
}

func first(int) int { return 0 }

func last(n int) int { return n - 1 }

// text is a plan in one line.
func text(p Plan) (s string) {
	if p.Unhealthy {
		s = "unhealthy "
	}
	if p.Up != nil {
		s += fmt.Sprintf("%s %d->%d for", p.Up.Group.Pool, p.Up.From, p.Up.To)
		for _, pod := range p.Up.Pods {
			s += " " + pod.Name
		}
	}
	for _, w := range p.Waiting {
		s += w.Pod.Name + ": " + reasonsText(w.Reasons) + "; "
	}
	return s
}

func TestScaleUp(t *testing.T) {
	full := []*corev1.Pod{pod("full", "a0", "2")}
	for name, c := range map[string]struct {
		in   Input
		mem  Memory
		want string
	}{
		"nothing waits":                           {Input{Groups: []Group{group("a", 1, 1, 5)}, Nodes: []*corev1.Node{node("a0")}}, Memory{}, ""},
		"pods are packed":                         {Input{Groups: []Group{group("a", 1, 1, 5)}, Nodes: []*corev1.Node{node("a0")}, Pods: append(full, pod("p", "", "1"), pod("q", "", "1"), pod("r", "", "1"))}, Memory{}, "a 1->3 for p q r"},
		"no more than the most":                   {Input{Groups: []Group{group("a", 1, 1, 2)}, Nodes: []*corev1.Node{node("a0")}, Pods: append(full, pod("p", "", "2"), pod("q", "", "2"))}, Memory{}, "a 1->2 for p"},
		"at the most":                             {Input{Groups: []Group{group("a", 1, 1, 1)}, Nodes: []*corev1.Node{node("a0")}, Pods: append(full, pod("p", "", "1"))}, Memory{}, "p: 1 max node group size reached; "},
		"from nothing":                            {Input{Groups: []Group{group("a", 0, 0, 1)}, Pods: []*corev1.Pod{pod("p", "", "1")}}, Memory{}, "a 0->1 for p"},
		"too large for a node":                    {Input{Groups: []Group{group("a", 0, 0, 1)}, Pods: []*corev1.Pod{pod("p", "", "3")}}, Memory{}, "p: 1 Insufficient cpu; "},
		"the daemons take their share":            {Input{Groups: []Group{group("a", 0, 0, 1)}, Pods: []*corev1.Pod{pod("p", "", "2")}, DaemonSets: []*appsv1.DaemonSet{{Spec: appsv1.DaemonSetSpec{Template: corev1.PodTemplateSpec{Spec: pod("", "", "100m").Spec}}}}}, Memory{}, "p: 1 Insufficient cpu; "},
		"a taint":                                 {Input{Groups: []Group{group("a", 0, 0, 1, tainted("x"))}, Pods: []*corev1.Pod{pod("p", "", "1")}}, Memory{}, "p: 1 node(s) had untolerated taint(s); "},
		"a selector":                              {Input{Groups: []Group{group("a", 0, 0, 9), group("b", 0, 0, 9)}, Pods: []*corev1.Pod{pod("p", "", "1", selecting("b"))}}, Memory{}, "b 0->1 for p"},
		"why of each pool":                        {Input{Groups: []Group{group("a", 0, 0, 9), group("b", 1, 0, 1)}, Nodes: []*corev1.Node{node("b0")}, Pods: []*corev1.Pod{pod("full", "b0", "2"), pod("p", "", "1", selecting("b"))}}, Memory{}, "p: 1 max node group size reached, 1 node(s) didn't match Pod's node affinity/selector; "},
		"the expander draws":                      {Input{Groups: []Group{group("a", 0, 0, 9), group("b", 0, 0, 9)}, Draw: last, Pods: []*corev1.Pod{pod("p", "", "1")}}, Memory{}, "b 0->1 for p"},
		"what has room is no reason":              {Input{Groups: []Group{group("a", 1, 1, 5)}, Nodes: []*corev1.Node{node("a0")}, Pods: []*corev1.Pod{pod("p", "", "1")}}, Memory{}, ""},
		"a VM that comes is waited for":           {Input{Groups: []Group{group("a", 2, 1, 5)}, Nodes: []*corev1.Node{node("a0")}, Pods: append(full, pod("p", "", "1"))}, Memory{Awaited: map[string]time.Time{"a1": t0.Add(-time.Minute)}}, ""},
		"and so is a node that is not Ready yet":  {Input{Groups: []Group{group("a", 2, 1, 5)}, Nodes: []*corev1.Node{node("a0"), node("a1", young)}, Pods: append(full, pod("p", "", "1"))}, Memory{}, ""},
		"and one that has its taint of the start": {Input{Groups: []Group{group("a", 2, 1, 5)}, Nodes: []*corev1.Node{node("a0"), node("a1", tainted(corev1.TaintNodeNotReady), func(n *corev1.Node) { n.CreationTimestamp = metav1.NewTime(t0) })}, Pods: append(full, pod("p", "", "1"))}, Memory{}, ""},
		"but not for ever":                        {Input{Groups: []Group{group("a", 2, 1, 5)}, Nodes: []*corev1.Node{node("a0")}, Pods: append(full, pod("p", "", "1"))}, Memory{Awaited: map[string]time.Time{"a1": t0.Add(-provisionTime)}}, "a 2->3 for p"},
		"a node that goes has no room":            {Input{Groups: []Group{group("a", 1, 0, 5)}, Nodes: []*corev1.Node{node("a0", tainted(TaintToBeDeleted))}, Pods: []*corev1.Pod{pod("p", "", "1")}}, Memory{}, "a 1->2 for p"},
		"after a failure it waits":                {Input{Groups: []Group{group("a", 0, 0, 5)}, Pods: []*corev1.Pod{pod("p", "", "1")}}, Memory{Backoffs: map[string]Backoff{"a": {Until: t0.Add(time.Minute)}}}, "p: 1 in backoff after failed scale-up; "},
		"and then no longer":                      {Input{Groups: []Group{group("a", 0, 0, 5)}, Pods: []*corev1.Pod{pod("p", "", "1")}}, Memory{Backoffs: map[string]Backoff{"a": {Until: t0}}}, "a 0->1 for p"},
		"a daemon's pod waits for its own node":   {Input{Groups: []Group{group("a", 0, 0, 5)}, Pods: []*corev1.Pod{pod("p", "", "1", ofDaemonSet)}}, Memory{}, ""},
		"one that is to keep apart":               {Input{Groups: []Group{group("a", 1, 0, 5)}, Nodes: []*corev1.Node{node("a0")}, Pods: []*corev1.Pod{pod("o", "a0", "1m"), pod("p", "", "1m", alone), pod("q", "", "1m", alone)}}, Memory{}, "a 1->3 for p q"},
		"one that others keep away":               {Input{Groups: []Group{group("a", 1, 0, 5)}, Nodes: []*corev1.Node{node("a0")}, Pods: []*corev1.Pod{pod("o", "a0", "1m", alone), pod("p", "", "1m")}}, Memory{}, "a 1->2 for p"},
		"one that must spread":                    {Input{Groups: []Group{group("a", 2, 0, 5)}, Nodes: []*corev1.Node{node("a0"), node("a1")}, Pods: []*corev1.Pod{pod("full", "a1", "2", func(p *corev1.Pod) { p.Labels = nil }), pod("o", "a0", "1m"), pod("p", "", "1m", spread)}}, Memory{}, "a 2->3 for p"},
		"a volume that is elsewhere":              {Input{Groups: []Group{group("a", 0, 0, 5)}, Pods: []*corev1.Pod{pod("p", "", "1")}, VolumesFit: func(*corev1.Pod, *corev1.Node) bool { return false }}, Memory{}, "p: 1 node(s) didn't match PersistentVolume's node affinity; "},
		"of most nodes nothing is known": {Input{
			Groups: []Group{group("a", 4, 0, 5)}, Nodes: []*corev1.Node{node("a0", unready), node("a1", unready), node("a2", unready), node("a3", unready)},
			Pods: []*corev1.Pod{pod("p", "", "1")},
		}, Memory{}, "unhealthy "},
	} {
		t.Run(name, func(t *testing.T) {
			if c.in.Now = t0; c.in.Draw == nil {
				c.in.Draw = first
			}
			if got := text(Decide(c.in, c.mem)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// since are nodes that were not needed for some time.
func since(d time.Duration, nodes ...string) map[string]time.Time {
	m := map[string]time.Time{}
	for _, n := range nodes {
		m[n] = t0.Add(-d)
	}
	return m
}

func TestScaleDown(t *testing.T) {
	nodes := []*corev1.Node{node("a0"), node("a1"), node("a2")}
	old := Memory{Unneeded: since(unneededTime, "a0", "a1", "a2")}
	pools := []Group{group("a", 3, 1, 5)}
	// on has a node with a pod, one that is needed, and one that is empty.
	on := func(change ...func(*corev1.Pod)) []*corev1.Pod {
		return []*corev1.Pod{pod("p", "a0", "100m", change...), pod("busy", "a1", "1", func(p *corev1.Pod) { p.Labels = nil })}
	}
	for name, c := range map[string]struct {
		in       Input
		mem      Memory
		unneeded []string
		remove   []string
	}{
		"empty nodes go together, down to the fewest":  {Input{Groups: pools, Nodes: nodes}, old, []string{"a0", "a1", "a2"}, []string{"a0", "a1"}},
		"not before ten minutes":                       {Input{Groups: pools, Nodes: nodes}, Memory{Unneeded: since(unneededTime-time.Second, "a0", "a1", "a2")}, []string{"a0", "a1", "a2"}, nil},
		"not after a scale-up":                         {Input{Groups: pools, Nodes: nodes}, Memory{Unneeded: old.Unneeded, LastUp: t0.Add(-delayAfterAdd + time.Second)}, []string{"a0", "a1", "a2"}, nil},
		"not after a failure":                          {Input{Groups: pools, Nodes: nodes}, Memory{Unneeded: old.Unneeded, LastFailed: t0.Add(-time.Minute)}, []string{"a0", "a1", "a2"}, nil},
		"not at the fewest":                            {Input{Groups: []Group{group("a", 3, 3, 5)}, Nodes: nodes}, old, nil, nil},
		"not below it with one that goes already":      {Input{Groups: []Group{group("a", 3, 2, 5)}, Nodes: nodes}, Memory{Unneeded: old.Unneeded, Deleting: map[string]bool{"a1": false}}, []string{"a0", "a2"}, nil},
		"one that is half used stays":                  {Input{Groups: pools, Nodes: nodes, Pods: []*corev1.Pod{pod("p", "a0", "1"), pod("q", "a1", "1"), pod("r", "a2", "1")}}, old, nil, nil},
		"nodes with pods go one at a time":             {Input{Groups: pools, Nodes: nodes, Pods: []*corev1.Pod{pod("p", "a0", "900m"), pod("q", "a1", "900m"), pod("r", "a2", "100m")}}, old, []string{"a0", "a1"}, []string{"a0"}},
		"pods that have no other place keep theirs":    {Input{Groups: pools, Nodes: nodes[:1], Pods: []*corev1.Pod{pod("p", "a0", "900m")}}, old, nil, nil},
		"a pod that belongs to nothing keeps its node": {Input{Groups: pools, Nodes: nodes, Pods: on(bare)}, old, []string{"a2"}, []string{"a2"}},
		"unless it is safe":                            {Input{Groups: pools, Nodes: nodes, Pods: on(bare, annotated(annotationSafeToEvict, "true"))}, old, []string{"a0", "a2"}, []string{"a2", "a0"}},
		"a pod that is not safe to evict":              {Input{Groups: pools, Nodes: nodes, Pods: on(annotated(annotationSafeToEvict, "false"))}, old, []string{"a2"}, []string{"a2"}},
		"a pod of kube-system without a budget":        {Input{Groups: pools, Nodes: nodes, Pods: on(ofSystem)}, old, []string{"a2"}, []string{"a2"}},
		"and one with a budget": {Input{
			Groups: pools, Nodes: nodes, Pods: on(ofSystem),
			Budgets: []*policyv1.PodDisruptionBudget{budget(metav1.NamespaceSystem, 1)},
		}, old, []string{"a0", "a2"}, []string{"a2", "a0"}},
		"a budget that allows nothing": {Input{
			Groups: pools, Nodes: nodes, Pods: on(), Budgets: []*policyv1.PodDisruptionBudget{budget("default", 0)},
		}, old, []string{"a2"}, []string{"a2"}},
		"a budget that allows one of two": {Input{
			Groups: pools, Nodes: nodes, Pods: []*corev1.Pod{pod("p", "a0", "100m"), pod("q", "a1", "100m")}, Budgets: []*policyv1.PodDisruptionBudget{budget("default", 1)},
		}, old, []string{"a0", "a2"}, []string{"a2", "a0"}},
		"daemons do not count":       {Input{Groups: pools, Nodes: nodes, Pods: []*corev1.Pod{pod("p", "a0", "100m", ofDaemonSet)}}, old, []string{"a0", "a1", "a2"}, []string{"a0", "a1"}},
		"a node that is not to go":   {Input{Groups: pools, Nodes: []*corev1.Node{node("a0", func(n *corev1.Node) { n.Annotations = map[string]string{AnnotationDisabled: "true"} }), nodes[1], nodes[2]}}, old, []string{"a1", "a2"}, []string{"a1", "a2"}},
		"one that is not ready":      {Input{Groups: pools, Nodes: []*corev1.Node{node("a0", unready), nodes[1], nodes[2]}}, Memory{Unneeded: since(unreadyTime-time.Second, "a0")}, []string{"a0", "a1", "a2"}, nil},
		"and goes in twenty minutes": {Input{Groups: pools, Nodes: []*corev1.Node{node("a0", unready), nodes[1], nodes[2]}}, Memory{Unneeded: since(unreadyTime, "a0")}, []string{"a0", "a1", "a2"}, []string{"a0"}},
		"what waits has its place":   {Input{Groups: pools, Nodes: nodes, Pods: []*corev1.Pod{pod("p", "", "1500m")}}, old, []string{"a1", "a2"}, []string{"a1", "a2"}},
		"nodes of other pools stay":  {Input{Groups: []Group{group("b", 0, 0, 5)}, Nodes: nodes}, old, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c.in.Now, c.in.Draw = t0, first
			p := Decide(c.in, c.mem)
			var remove []string
			for _, r := range p.Remove {
				remove = append(remove, r.Node.Name)
			}
			if d := cmp.Diff(c.unneeded, slices.Sorted(slices.Values(p.Unneeded))); d != "" {
				t.Errorf("not needed (-want +got):\n%s", d)
			}
			if d := cmp.Diff(c.remove, remove); d != "" {
				t.Errorf("removed (-want +got):\n%s", d)
			}
			if got := slices.Sorted(maps.Keys(p.Since)); !slices.Equal(got, slices.Sorted(slices.Values(p.Unneeded))) {
				t.Errorf("since is of %q", got)
			}
		})
	}
}

// The next look is when the first deadline comes, and there is none without one.
func TestNextLook(t *testing.T) {
	in := Input{Now: t0, Draw: first, Groups: []Group{group("a", 2, 1, 5)}, Nodes: []*corev1.Node{node("a0"), node("a1")}}
	if got := Decide(in, Memory{}).Next; got != t0.Add(unneededTime) {
		t.Errorf("an empty node goes: got %v", got)
	}
	if got := Decide(in, Memory{LastUp: t0.Add(-time.Second), Unneeded: since(time.Hour, "a0", "a1")}).Next; got != t0.Add(delayAfterAdd-time.Second) {
		t.Errorf("after a scale-up: got %v", got)
	}
	in.Pods = []*corev1.Pod{pod("p", "a0", "1"), pod("q", "a1", "1")}
	if got := Decide(in, Memory{}).Next; !got.IsZero() {
		t.Errorf("all are needed: got %v", got)
	}
	in.Groups[0].VMs = append(in.Groups[0].VMs, "a2")
	if got := Decide(in, Memory{}).Next; got != t0.Add(provisionTime) {
		t.Errorf("a VM comes: got %v", got)
	}
}

func TestBackoffGrows(t *testing.T) {
	b := Backoff{}.after(t0, "QuotaExceeded", "no")
	if b.Until != t0.Add(5*time.Minute) {
		t.Errorf("first: %v", b)
	}
	for range 3 {
		b = b.after(t0, "", "")
	}
	if b.Of != 30*time.Minute {
		t.Errorf("at last: %v", b)
	}
	if b = b.after(t0.Add(4*time.Hour), "", ""); b.Of != 5*time.Minute {
		t.Errorf("after a long time: %v", b)
	}
}
