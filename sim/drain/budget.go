package drain

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"
)

// Blocked is a pod that a PodDisruptionBudget protects now.
type Blocked struct {
	Pod     string   // as namespace/name
	Reason  string   // the API server's
	Budgets []Budget // those that select the pod, if [Explain] was asked and could read them
}

// Budget is a PodDisruptionBudget as it stood when it kept a pod.
type Budget struct {
	Name string
	// Limit is MinAvailable or MaxUnavailable, and Value what is allowed of it.
	Limit, Value                      string
	Healthy, DesiredHealthy, Expected int32
	// Unready are the pods that it selects and that are not Ready, by name.
	Unready []string
}

// String is the pod and what blocks it, as AKS writes it in its PDB debug info
// (cloudnative-pg issue 7346 has such a line of 2025).
func (b Blocked) String() string {
	if len(b.Budgets) == 0 {
		return b.Pod + ": " + b.Reason
	}
	lines := make([]string, len(b.Budgets))
	for i, x := range b.Budgets {
		lines[i] = fmt.Sprintf("%s blocked by pdb %s (%s: %s) (CurrentHealthy: %d) (DesiredHealthy: %d) (ExpectedPods: %d) with %d unready pods: [%s]",
			b.Pod, x.Name, x.Limit, x.Value, x.Healthy, x.DesiredHealthy, x.Expected, len(x.Unready), strings.Join(x.Unready, " "))
	}
	return strings.Join(lines, "; ")
}

// Explain adds the budgets that select the pods. What cannot be read is left out: the
// drain is blocked whoever knows by what.
func Explain(ctx context.Context, client kubernetes.Interface, blocked []Blocked) {
	for i := range blocked {
		namespace, name, _ := strings.Cut(blocked[i].Pod, "/")
		if pod, err := client.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{}); err == nil {
			blocked[i].Budgets = budgetsOf(ctx, client, pod)
		}
	}
}

// budgetsOf reads the budgets that select a pod.
func budgetsOf(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod) (budgets []Budget) {
	list, err := client.PolicyV1().PodDisruptionBudgets(pod.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil
	}
	for i := range list.Items {
		pdb := &list.Items[i]
		selector, err := metav1.LabelSelectorAsSelector(pdb.Spec.Selector)
		if err != nil || !selector.Matches(labels.Set(pod.Labels)) {
			continue
		}
		b := Budget{Name: pdb.Name, Healthy: pdb.Status.CurrentHealthy, DesiredHealthy: pdb.Status.DesiredHealthy, Expected: pdb.Status.ExpectedPods}
		b.Limit, b.Value = limit(pdb)
		if pods, err := client.CoreV1().Pods(pod.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector.String()}); err == nil {
			b.Unready = unready(pods.Items)
		}
		budgets = append(budgets, b)
	}
	return budgets
}

func limit(pdb *policyv1.PodDisruptionBudget) (name, value string) {
	switch {
	case pdb.Spec.MinAvailable != nil:
		return "MinAvailable", pdb.Spec.MinAvailable.String()
	case pdb.Spec.MaxUnavailable != nil:
		return "MaxUnavailable", pdb.Spec.MaxUnavailable.String()
	}
	return "MinAvailable", "1" // policy/v1: neither is as one available
}

func unready(pods []corev1.Pod) (names []string) {
	for _, p := range pods {
		ready := false
		for _, c := range p.Status.Conditions {
			ready = ready || c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		}
		if !ready {
			names = append(names, p.Name)
		}
	}
	return names
}
