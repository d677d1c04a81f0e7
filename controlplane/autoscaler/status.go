package autoscaler

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"go.yaml.in/yaml/v3"
)

// Names of the status ConfigMap (kubernetes/autoscaler, clusterstate/utils/status.go, 2026).
const (
	statusName        = "cluster-autoscaler-status"
	statusKey         = "status"
	annotationUpdated = "cluster-autoscaler.kubernetes.io/last-updated"
	updatedFormat     = "2006-01-02 15:04:05.999999999 -0700 MST"
)

// status is what the ConfigMap says (kubernetes/autoscaler, clusterstate/api/types.go, 2026).
type status struct {
	Time             string        `yaml:"time"`
	AutoscalerStatus string        `yaml:"autoscalerStatus"`
	ClusterWide      clusterStatus `yaml:"clusterWide"`
	NodeGroups       []groupStatus `yaml:"nodeGroups,omitempty"`
}

type clusterStatus struct {
	Health    healthStatus `yaml:"health"`
	ScaleUp   condition    `yaml:"scaleUp"`
	ScaleDown condition    `yaml:"scaleDown"`
}

type groupStatus struct {
	Name      string       `yaml:"name"`
	Health    healthStatus `yaml:"health"`
	ScaleUp   condition    `yaml:"scaleUp"`
	ScaleDown condition    `yaml:"scaleDown"`
}

type healthStatus struct {
	Status              string     `yaml:"status"`
	NodeCounts          nodeCounts `yaml:"nodeCounts"`
	CloudProviderTarget *int       `yaml:"cloudProviderTarget,omitempty"`
	MinSize             *int       `yaml:"minSize,omitempty"`
	MaxSize             *int       `yaml:"maxSize,omitempty"`
	times               `yaml:",inline"`
}

type nodeCounts struct {
	Registered struct {
		Total        int `yaml:"total"`
		Ready        int `yaml:"ready"`
		NotStarted   int `yaml:"notStarted"`
		BeingDeleted int `yaml:"beingDeleted,omitempty"`
		Unready      struct {
			Total           int `yaml:"total"`
			ResourceUnready int `yaml:"resourceUnready"`
		} `yaml:"unready"`
	} `yaml:"registered"`
	LongUnregistered int `yaml:"longUnregistered"`
	Unregistered     int `yaml:"unregistered"`
}

// condition is how scaling stands.
type condition struct {
	Status      string       `yaml:"status"`
	Candidates  int          `yaml:"candidates,omitempty"`
	BackoffInfo *backoffInfo `yaml:"backoffInfo,omitempty"`
	times       `yaml:",inline"`
}

type backoffInfo struct {
	ErrorCode    string `yaml:"errorCode"`
	ErrorMessage string `yaml:"errorMessage"`
}

// times are of the look that a condition is of, and of when it became what it is.
type times struct {
	LastProbeTime      string `yaml:"lastProbeTime,omitempty"`
	LastTransitionTime string `yaml:"lastTransitionTime,omitempty"`
}

// statusMap is the ConfigMap as it was written last.
type statusMap struct {
	ref   corev1.ObjectReference // under the controller's lock: removals tell of it, too
	said  string                 // without its times
	since map[string][2]string   // each condition's status, and since when
}

// event writes an event on the ConfigMap.
func (c *Controller) event(ctx context.Context, eventType, reason, message string) {
	c.mu.Lock()
	ref := c.status.ref
	c.mu.Unlock()
	ref.Kind, ref.APIVersion, ref.Namespace, ref.Name = "ConfigMap", "v1", metav1.NamespaceSystem, statusName
	c.events.event(ctx, ref, eventType, reason, message)
}

// writeStatus writes the ConfigMap if it says something new.
func (c *Controller) writeStatus(ctx context.Context, in Input, plan Plan) {
	now := in.Now.UTC()
	c.mu.Lock()
	s := describe(in, plan, c.mem)
	c.mu.Unlock()
	bare, err := yaml.Marshal(s)
	if err != nil || string(bare) == c.status.said {
		return
	}
	c.status.stamp(&s, now)
	text, err := yaml.Marshal(s)
	if err != nil {
		return
	}
	if m, err := c.putStatus(ctx, string(text), now); err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.status.ref.UID, c.status.said = m.UID, string(bare)
	}
}

func (c *Controller) putStatus(ctx context.Context, text string, now time.Time) (*corev1.ConfigMap, error) {
	client := c.Client.CoreV1().ConfigMaps(metav1.NamespaceSystem)
	m, err := client.Get(ctx, statusName, metav1.GetOptions{})
	missing := apierrors.IsNotFound(err)
	switch {
	case missing:
		m = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: statusName}}
	case err != nil:
		return nil, err
	}
	if m.Annotations == nil {
		m.Annotations = map[string]string{}
	}
	m.Annotations[annotationUpdated], m.Data = now.Format(updatedFormat), map[string]string{statusKey: text}
	if missing {
		return client.Create(ctx, m, metav1.CreateOptions{})
	}
	return client.Update(ctx, m, metav1.UpdateOptions{})
}

// stamp puts the times into a status.
func (m *statusMap) stamp(s *status, now time.Time) {
	s.Time = now.Format(updatedFormat)
	was := m.since
	m.since = map[string][2]string{}
	set := func(name, status string, t *times) {
		t.LastProbeTime = now.Format(time.RFC3339Nano)
		last := was[name]
		if last[0] != status {
			last = [2]string{status, t.LastProbeTime}
		}
		t.LastTransitionTime, m.since[name] = last[1], last
	}
	set("health", s.ClusterWide.Health.Status, &s.ClusterWide.Health.times)
	set("scaleUp", s.ClusterWide.ScaleUp.Status, &s.ClusterWide.ScaleUp.times)
	set("scaleDown", s.ClusterWide.ScaleDown.Status, &s.ClusterWide.ScaleDown.times)
	for i := range s.NodeGroups {
		g := &s.NodeGroups[i]
		set(g.Name+"/health", g.Health.Status, &g.Health.times)
		set(g.Name+"/scaleUp", g.ScaleUp.Status, &g.ScaleUp.times)
		set(g.Name+"/scaleDown", g.ScaleDown.Status, &g.ScaleDown.times)
	}
}

// describe says how the autoscaler and its pools are.
func describe(in Input, plan Plan, mem Memory) status {
	s := status{AutoscalerStatus: "Running"}
	nodes := map[string]*corev1.Node{}
	for _, n := range in.Nodes {
		nodes[n.Name] = n
		count(&s.ClusterWide.Health.NodeCounts, n, in, mem)
	}
	s.ClusterWide.Health.Status = "Healthy"
	if plan.Unhealthy {
		s.ClusterWide.Health.Status = "Unhealthy"
	}
	all := map[bool]string{}
	candidates := 0
	for _, g := range in.Groups {
		gs, found := describeGroup(g, nodes, in, plan, mem)
		all[gs.ScaleUp.Status == "InProgress"] = gs.ScaleUp.Status
		candidates += found
		s.ClusterWide.Health.NodeCounts.Unregistered += gs.Health.NodeCounts.Unregistered
		s.ClusterWide.Health.NodeCounts.LongUnregistered += gs.Health.NodeCounts.LongUnregistered
		s.NodeGroups = append(s.NodeGroups, gs)
	}
	s.ClusterWide.ScaleDown = scaleDownCondition(candidates)
	switch {
	case all[true] != "":
		s.ClusterWide.ScaleUp.Status = "InProgress"
	case len(plan.Waiting) > 0:
		s.ClusterWide.ScaleUp.Status = "Needed"
	default:
		s.ClusterWide.ScaleUp.Status = "NoActivity"
	}
	return s
}

func describeGroup(g Group, nodes map[string]*corev1.Node, in Input, plan Plan, mem Memory) (s groupStatus, candidates int) {
	target := len(g.VMs)
	if plan.Up != nil && plan.Up.Group.Pool == g.Pool {
		target = plan.Up.To
	}
	s = groupStatus{Name: g.Name, Health: healthStatus{Status: "Healthy", CloudProviderTarget: &target, MinSize: &g.Min, MaxSize: &g.Max}}
	s.Health.NodeCounts.LongUnregistered = len(plan.Late[g.Pool])
	for _, vm := range g.VMs {
		if n := nodes[vm]; n != nil {
			count(&s.Health.NodeCounts, n, in, mem)
		} else {
			s.Health.NodeCounts.Unregistered++
		}
		if _, ok := plan.Since[vm]; ok {
			candidates++
		}
	}
	s.Health.NodeCounts.Unregistered -= len(plan.Late[g.Pool])
	b := mem.Backoffs[g.Pool]
	switch {
	case in.Now.Before(b.Until):
		s.ScaleUp = condition{Status: "Backoff", BackoffInfo: &backoffInfo{b.Code, b.Message}}
	case plan.Upcoming[g.Pool] > 0 || target > len(g.VMs):
		s.ScaleUp.Status = "InProgress"
	default:
		s.ScaleUp.Status = "NoActivity"
	}
	s.ScaleDown = scaleDownCondition(candidates)
	return s, candidates
}

func scaleDownCondition(candidates int) condition {
	if candidates == 0 {
		return condition{Status: "NoCandidates"}
	}
	return condition{Status: "CandidatesPresent", Candidates: candidates}
}

// count counts a node by how it is.
func count(c *nodeCounts, n *corev1.Node, in Input, mem Memory) {
	r := &c.Registered
	r.Total++
	_, going := mem.Deleting[n.Name]
	switch {
	case going || hasTaint(n, TaintToBeDeleted):
		r.BeingDeleted++
	case ready(n):
		r.Ready++
	case in.Now.Sub(n.CreationTimestamp.Time) < notStartedTime:
		r.NotStarted++
	default:
		r.Unready.Total++
	}
}
