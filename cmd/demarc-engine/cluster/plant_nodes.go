package cluster

import (
	"context"
	"fmt"
	"strings"
	"time"

	"demarc/controlplane/provider"
	"demarc/sim/drain"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cloudproviderapi "k8s.io/cloud-provider/api"
)

// nodePlant is the worker nodes as the provider's plane repairs them.
type nodePlant struct{ c *Cluster }

var _ provider.NodePlant = nodePlant{}

// Marks that keep node auto-repair away (Microsoft, "Automatically repair Azure
// Kubernetes Service (AKS) nodes").
const (
	taintDeleting      = "ToBeDeletedByClusterAutoscaler"
	annotationDisabled = "cluster-autoscaler.kubernetes.io/scale-down-disabled"
	annotationReason   = "kubernetes.azure.com/azure-cluster-autoscaler-scale-down-disabled-reason"
)

// readyzTimeout bounds the question whether the API server answers.
const readyzTimeout = 5 * time.Second

// Nodes implements [provider.NodePlant].
func (p nodePlant) Nodes(ctx context.Context) ([]provider.Node, error) {
	ctx, cancel := context.WithTimeout(ctx, readyzTimeout)
	defer cancel()
	if err := p.c.provider.CoreV1().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error(); err != nil {
		return nil, err
	}
	objects, err := p.c.fleet.NodeObjects()
	if err != nil {
		return nil, err
	}
	var out []provider.Node
	for _, n := range objects {
		x := nodeOf(n)
		x.Surge = p.c.fleet.Surge(n.Name)
		out = append(out, x)
	}
	return out, nil
}

// nodeOf is a Node as node auto-repair sees it.
func nodeOf(n *corev1.Node) provider.Node {
	x := provider.Node{
		Name: n.Name, Pool: n.Labels["kubernetes.azure.com/agentpool"],
		Unschedulable: n.Spec.Unschedulable, BootID: n.Status.NodeInfo.BootID,
		Version: strings.TrimPrefix(n.Status.NodeInfo.KubeletVersion, "v"), Image: n.Labels["kubernetes.azure.com/node-image-version"],
		Upgrading: n.Annotations[annotationDisabled] == "true" && n.Annotations[annotationReason] == "upgrade",
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
		x.Deleting = x.Deleting || t.Key == taintDeleting
	}
	return x
}

// Broken implements [provider.NodePlant].
func (p nodePlant) Broken(node string) (cause string, event int64, since time.Time, ok bool) {
	root, since, ok := p.c.fleet.Trouble(node)
	return root.Message, root.Seq, since, ok
}

// Act implements [provider.NodePlant]. An answer is kept before it is given: else the
// provider's log would have a reboot that a killed engine's machine knows nothing of.
func (p nodePlant) Act(_ context.Context, node, action, key string, cause int64) ([]string, error) {
	lost, err := p.c.fleet.Act(node, action, key, cause)
	if serr := p.c.saveState(); serr != nil {
		return nil, fmt.Errorf("%w: keep the cluster's state: %w", provider.ErrNoAnswer, serr)
	}
	return lost, err
}

// Egress implements [provider.NodePlant].
func (p nodePlant) Egress(node string) string { return p.c.fleet.Egress(node) }

// Event implements [provider.NodePlant].
func (p nodePlant) Event(ctx context.Context, node, eventType, reason, message string) error {
	return p.c.nodeEvent(ctx, eventSource{"aks-auto-repair", "aks-remediator"}, node, eventType, reason, message)
}

// eventSource is who writes a Kubernetes event.
type eventSource struct{ component, instance string }

// nodeEvent writes a Kubernetes event on a Node object.
func (c *Cluster) nodeEvent(ctx context.Context, by eventSource, node, eventType, reason, message string) error {
	n, err := c.provider.CoreV1().Nodes().Get(ctx, node, metav1.GetOptions{})
	if err != nil {
		return err
	}
	now := metav1.Now()
	_, err = c.provider.CoreV1().Events(metav1.NamespaceDefault).Create(ctx, &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Name: fmt.Sprintf("%s.%x.%s", node, now.UnixNano(), strings.ToLower(reason)), Namespace: metav1.NamespaceDefault},
		InvolvedObject: corev1.ObjectReference{Kind: "Node", APIVersion: "v1", Name: node, UID: n.UID},
		Type:           eventType, Reason: reason, Message: message, Count: 1, FirstTimestamp: now, LastTimestamp: now,
		Source: corev1.EventSource{Component: by.component}, ReportingController: by.component, ReportingInstance: by.instance,
	}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// Cordon implements [provider.NodePlant].
func (p nodePlant) Cordon(ctx context.Context, node string, unschedulable bool) error {
	return drain.Cordon(ctx, p.c.provider, node, unschedulable)
}

// Evict implements [provider.NodePlant].
func (p nodePlant) Evict(ctx context.Context, node string) (left int, blocked []string, err error) {
	return drain.Evict(ctx, p.c.provider, node)
}
