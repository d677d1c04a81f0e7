package cluster

import (
	"context"
	"fmt"
	"strings"

	"demarc/controlplane/provider"
	"demarc/nodes"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// upgradePlant is the cluster as upgrades change it.
type upgradePlant struct{ c *Cluster }

var _ provider.UpgradePlant = upgradePlant{}

// Upgrade implements [provider.UpgradePlant].
func (p upgradePlant) Upgrade(ctx context.Context, version string, began func(string)) error {
	return p.c.plane.Upgrade(ctx, version, began)
}

// LatestImage implements [provider.UpgradePlant].
func (p upgradePlant) LatestImage(version string) string {
	return nodes.Images("v" + version)[0]
}

// Mark implements [provider.UpgradePlant]. The node is taken out of load balancers
// before it is drained: else what comes in until their probes miss it is lost.
func (p upgradePlant) Mark(ctx context.Context, node string, upgrading bool) error {
	yes, reason := "null", "null"
	if upgrading {
		yes, reason = `"true"`, `"upgrade"`
	}
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%s,%q:%s},"labels":{%q:%[2]s}}}`,
		annotationDisabled, yes, annotationReason, reason, corev1.LabelNodeExcludeBalancers)
	_, err := p.c.provider.CoreV1().Nodes().Patch(ctx, node, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}

// Event implements [provider.UpgradePlant].
func (p upgradePlant) Event(ctx context.Context, node, eventType, reason, message string) error {
	return p.c.nodeEvent(ctx, eventSource{"upgrader", "aks-upgrader"}, node, eventType, reason, message)
}

// Budgets implements [provider.UpgradePlant].
func (p upgradePlant) Budgets(ctx context.Context) ([]provider.Budget, error) {
	list, err := p.c.provider.PolicyV1().PodDisruptionBudgets(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
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
