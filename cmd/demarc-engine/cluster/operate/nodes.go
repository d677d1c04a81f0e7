package operate

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"demarc/controlplane/autoscaler"
	"demarc/controlplane/provider"
	"demarc/nodes"
	"demarc/nodes/kubelet"
	"demarc/sim/api"
	"demarc/sim/drain"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	cloudproviderapi "k8s.io/cloud-provider/api"
)

// workers is the worker nodes, by the API server, as the provider's plane operates them.
type workers struct{ m *Management }

var _ provider.Nodes = workers{}

// annotationReason says why the annotation of the autoscaler is there, which keeps node
// auto-repair away, too (Microsoft, "Automatically repair Azure Kubernetes Service (AKS)
// nodes").
const annotationReason = "kubernetes.azure.com/azure-cluster-autoscaler-scale-down-disabled-reason"

// taintRemediator is the taint of node auto-drain (Microsoft, "AKS node auto-drain", 2026;
// its effect is that of Azure/AKS#4016).
const taintRemediator = "remediator.kubernetes.azure.com/unschedulable"

// readyzTimeout bounds the question whether the API server answers.
const readyzTimeout = 5 * time.Second

// serves says why the API server does not answer.
func (m *Management) serves(ctx context.Context) error {
	return m.Client.CoreV1().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
}

// Nodes implements [provider.Nodes].
func (p workers) Nodes(ctx context.Context) ([]provider.Node, error) {
	ctx, cancel := context.WithTimeout(ctx, readyzTimeout)
	defer cancel()
	if err := p.m.serves(ctx); err != nil {
		return nil, err
	}
	objects, err := p.m.Fleet.NodeObjects()
	if err != nil {
		return nil, err
	}
	var out []provider.Node
	for _, n := range objects {
		x := NodeOf(n)
		x.Surge = p.m.Fleet.Surge(n.Name)
		out = append(out, x)
	}
	return out, nil
}

// NodeOf is a Node as node auto-repair sees it.
func NodeOf(n *corev1.Node) provider.Node {
	x := provider.Node{
		Name: n.Name, Pool: n.Labels["kubernetes.azure.com/agentpool"],
		Unschedulable: n.Spec.Unschedulable, BootID: n.Status.NodeInfo.BootID,
		Version: strings.TrimPrefix(n.Status.NodeInfo.KubeletVersion, "v"), Image: n.Labels["kubernetes.azure.com/node-image-version"],
		EventScheduled: nodes.HasEvent(n),
		Upgrading:      n.Annotations[autoscaler.AnnotationDisabled] == "true" && n.Annotations[annotationReason] == "upgrade",
	}
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			x.Ready, x.Unknown = c.Status == corev1.ConditionTrue, c.Status == corev1.ConditionUnknown
			x.Since, x.Reason, x.Message = c.LastTransitionTime.UTC(), c.Reason, c.Message
			// A node registers as it is: one that was never Ready has not changed.
			x.EverReady = x.Ready || c.LastTransitionTime.After(n.CreationTimestamp.Time)
		}
	}
	for _, t := range n.Spec.Taints {
		x.Shutdown = x.Shutdown || t.Key == cloudproviderapi.TaintNodeShutdown
		x.Deleting = x.Deleting || t.Key == autoscaler.TaintToBeDeleted
		x.Remediated = x.Remediated || t.Key == taintRemediator
	}
	return x
}

// Event implements [provider.Nodes].
func (p workers) Event(ctx context.Context, by provider.EventSource, node, eventType, reason, message string) error {
	n, err := p.m.Client.CoreV1().Nodes().Get(ctx, node, metav1.GetOptions{})
	if err != nil {
		return err
	}
	now := metav1.Now()
	_, err = p.m.Client.CoreV1().Events(metav1.NamespaceDefault).Create(ctx, &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Name: fmt.Sprintf("%s.%x.%s", node, now.UnixNano(), strings.ToLower(reason)), Namespace: metav1.NamespaceDefault},
		InvolvedObject: corev1.ObjectReference{Kind: "Node", APIVersion: "v1", Name: node, UID: n.UID},
		Type:           eventType, Reason: reason, Message: message, Count: 1, FirstTimestamp: now, LastTimestamp: now,
		Source: corev1.EventSource{Component: by.Component}, ReportingController: by.Component, ReportingInstance: by.Instance,
	}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// Cordon implements [provider.Nodes].
func (p workers) Cordon(ctx context.Context, node string, unschedulable bool) error {
	return drain.Cordon(ctx, p.m.Client, node, unschedulable)
}

// Remediate implements [provider.Nodes].
func (p workers) Remediate(ctx context.Context, node string, on bool) error {
	client := p.m.Client.CoreV1().Nodes()
	n, err := client.Get(ctx, node, metav1.GetOptions{})
	if err != nil {
		return err
	}
	n = n.DeepCopy()
	n.Spec.Unschedulable = on
	n.Spec.Taints = slices.DeleteFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == taintRemediator })
	if on {
		n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: taintRemediator, Effect: corev1.TaintEffectNoSchedule})
	}
	_, err = client.Update(ctx, n, metav1.UpdateOptions{})
	return err
}

// Evict implements [provider.Nodes].
func (p workers) Evict(ctx context.Context, node string) (left int, blocked []drain.Blocked, err error) {
	return drain.Evict(ctx, p.m.Client, node)
}

// Explain implements [provider.Nodes].
func (p workers) Explain(ctx context.Context, blocked []drain.Blocked) {
	drain.Explain(ctx, p.m.Client, blocked)
}

// Mark implements [provider.Nodes]. The node is taken out of load balancers
// before it is drained: else what comes in until their probes miss it is lost.
func (p workers) Mark(ctx context.Context, node string, upgrading bool) error {
	yes, reason := "null", "null"
	if upgrading {
		yes, reason = `"true"`, `"upgrade"`
	}
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%s,%q:%s},"labels":{%q:%[2]s}}}`,
		autoscaler.AnnotationDisabled, yes, annotationReason, reason, corev1.LabelNodeExcludeBalancers)
	_, err := p.m.Client.CoreV1().Nodes().Patch(ctx, node, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}

// Shape implements [provider.Nodes].
func (p workers) Shape(ctx context.Context, node string, before, after api.PoolShape) error {
	client := p.m.Client.CoreV1().Nodes()
	n, err := client.Get(ctx, node, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil // it registers as it is to be
	}
	if err != nil {
		return err
	}
	n = n.DeepCopy()
	for key := range before.NodeLabels() {
		delete(n.Labels, key)
	}
	maps.Copy(n.Labels, after.NodeLabels())
	was, is := kubelet.Taints(before.NodeTaints()), kubelet.Taints(after.NodeTaints())
	n.Spec.Taints = slices.DeleteFunc(n.Spec.Taints, func(t corev1.Taint) bool {
		return slices.ContainsFunc(slices.Concat(was, is), func(o corev1.Taint) bool { return t.MatchTaint(&o) })
	})
	n.Spec.Taints = append(n.Spec.Taints, is...)
	_, err = client.Update(ctx, n, metav1.UpdateOptions{})
	return err
}

// Budgets implements [provider.Nodes].
func (p workers) Budgets(ctx context.Context) ([]provider.Budget, error) {
	list, err := p.m.Client.PolicyV1().PodDisruptionBudgets(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	var budgets []provider.Budget
	for _, b := range list.Items {
		budgets = append(budgets, provider.Budget{Name: b.Namespace + "/" + b.Name, Unsatisfiable: unsatisfiable(b.Spec)})
	}
	return budgets, nil
}

// unsatisfiable says whether a budget allows no disruption whatever runs.
func unsatisfiable(spec policyv1.PodDisruptionBudgetSpec) bool {
	m := spec.MaxUnavailable
	if m == nil {
		return false
	}
	if m.Type == intstr.Int {
		return m.IntVal == 0
	}
	return strings.TrimSuffix(m.StrVal, "%") == "0"
}
