package desk

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/desk"
	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// evidenceTimeout bounds what the API server is asked for one case, in virtual time.
	evidenceTimeout = 20 * time.Second
	// evidenceAge is how far back the customer's acts are read.
	evidenceAge = 2 * time.Hour
)

// evidence is what support sees for a case without logging in to a node.
func (d *Desk) evidence(ctx context.Context, x api.Case) (desk.Evidence, error) {
	now := time.Now().UTC()
	ev := desk.Evidence{Now: now, Components: d.Health.Now(), Repairs: d.Repairs(), Rules: d.Fleet.NSG(), Versions: map[string]string{"kubernetes": d.Version()}}
	k, err := d.Contract(x.Edition)
	if err != nil {
		return ev, err
	}
	ev.Support = k.Support
	events, _ := d.Log.Since(0)
	for _, i := range k.Incidents {
		known := desk.Incident{JudgedIncident: i}
		if n := len(i.Judgement.Chain); n > 0 {
			known.Root = events[i.Judgement.Chain[n-1]-1] // numbered from 1 without gaps
		}
		ev.Incidents = append(ev.Incidents, known)
	}
	for _, e := range events {
		if e.Actor == timeline.Customer && e.Verb != "was refused" && now.Sub(e.Time) < evidenceAge && !strings.HasPrefix(e.Subject, "case/") && !strings.HasPrefix(e.Subject, "traffic/") {
			ev.Acts = append(ev.Acts, e)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, evidenceTimeout)
	defer cancel()
	if err := d.askEvidence(ctx, x, &ev); err != nil {
		ev.Unseen = err.Error()
	}
	return ev, nil
}

// askEvidence asks the API server.
func (d *Desk) askEvidence(ctx context.Context, x api.Case, ev *desk.Evidence) error {
	nodes, err := d.Client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	power := map[string]string{}
	for _, m := range d.Fleet.Machines() {
		power[m.Name] = m.Power
		ev.Versions["kernel"] = m.Kernel
	}
	for _, n := range nodes.Items {
		ev.Nodes = append(ev.Nodes, desk.Node{Name: n.Name, Problems: nodeProblems(n), Power: power[n.Name]})
		ev.Versions["containerd"] = strings.TrimPrefix(n.Status.NodeInfo.ContainerRuntimeVersion, "containerd://")
	}
	pods, err := d.Client.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, p := range pods.Items {
		ev.Pods = append(ev.Pods, podOf(p, ev.Now))
	}
	if ev.CustomDNS, err = d.customDNS(ctx); err != nil {
		return err
	}
	ev.NetworkPolicies, err = d.policiesAgainstDNS(ctx, namespaceOf(x))
	return err
}

// namespaceOf is the namespace that a case is about; empty for none.
func namespaceOf(x api.Case) string {
	switch ns, _, ok := strings.Cut(x.Pod, "/"); {
	case x.Namespace != "":
		return x.Namespace
	case ok:
		return ns
	case x.Pod != "":
		return metav1.NamespaceDefault
	}
	return ""
}

// nodeProblems are a node's conditions that are not as they should be. Where nothing is
// known any more, Ready alone says so.
func nodeProblems(n corev1.Node) (list []string) {
	for _, c := range n.Status.Conditions {
		want := corev1.ConditionFalse
		if c.Type == corev1.NodeReady {
			want = corev1.ConditionTrue
		}
		if c.Status != want && (c.Type == corev1.NodeReady || c.Status != corev1.ConditionUnknown) {
			list = append(list, fmt.Sprintf("%s is %s: %s", c.Type, c.Status, c.Message))
		}
	}
	return list
}

func podOf(p corev1.Pod, now time.Time) desk.Pod {
	x := desk.Pod{Namespace: p.Namespace, Name: p.Name, Node: p.Spec.NodeName, Problem: podProblem(p, now)}
	if chart := p.Labels["helm.sh/chart"]; chart != "" { // NAME-VERSION
		x.Chart = chart[:max(strings.LastIndex(chart, "-"), 0)]
	}
	for _, c := range p.Spec.Containers {
		x.Images = append(x.Images, c.Image)
	}
	return x
}

// recent is how new the last end of a container is that was started again since.
const recent = 10 * time.Minute

// podProblem says what is wrong with a pod; empty if nothing is.
func podProblem(p corev1.Pod, now time.Time) string {
	for _, s := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		w, last := s.State.Waiting, s.LastTerminationState.Terminated
		switch {
		case w != nil && w.Reason != "ContainerCreating" && w.Reason != "PodInitializing":
			return fmt.Sprintf("container %s waits: %s: %s", s.Name, w.Reason, w.Message)
		case s.State.Running != nil && last != nil && last.ExitCode != 0 && now.Sub(last.FinishedAt.Time) < recent:
			return fmt.Sprintf("container %s ended with exit code %d (%s) and was started again, %d times so far", s.Name, last.ExitCode, last.Reason, s.RestartCount)
		case s.State.Running != nil && !s.Ready && now.Sub(s.State.Running.StartedAt.Time) > recent:
			return fmt.Sprintf("container %s runs and is not ready", s.Name)
		}
	}
	if p.Status.Phase == corev1.PodFailed {
		return fmt.Sprintf("it has failed: %s: %s", p.Status.Reason, p.Status.Message)
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return fmt.Sprintf("it is not scheduled: %s", c.Message)
		}
		if c.Type == corev1.PodReady && c.Status != corev1.ConditionTrue && c.Reason == "NodeNotReady" {
			return "its node is not Ready"
		}
	}
	return ""
}

// customDNS are the keys of ConfigMap coredns-custom that hold something. It is the
// customer's (Microsoft, "Customize CoreDNS with Azure Kubernetes Service", 2026).
func (d *Desk) customDNS(ctx context.Context) ([]string, error) {
	m, err := d.Client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, "coredns-custom", metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	keys := slices.Sorted(maps.Keys(m.Data))
	return slices.DeleteFunc(keys, func(k string) bool { return strings.TrimSpace(m.Data[k]) == "" }), nil
}

// policiesAgainstDNS are the NetworkPolicies of a namespace by which pods reach no port
// 53.
func (d *Desk) policiesAgainstDNS(ctx context.Context, namespace string) (list []string, err error) {
	if namespace == "" {
		return nil, nil
	}
	policies, err := d.Client.NetworkingV1().NetworkPolicies(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, p := range policies.Items {
		if slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress) && !slices.ContainsFunc(p.Spec.Egress, allowsDNS) {
			list = append(list, p.Namespace+"/"+p.Name)
		}
	}
	return list, nil
}

// dnsPort is where a cluster's DNS answers.
const dnsPort = 53

// allowsDNS says whether a rule lets packets to some port 53.
func allowsDNS(r networkingv1.NetworkPolicyEgressRule) bool {
	return len(r.Ports) == 0 || slices.ContainsFunc(r.Ports, func(p networkingv1.NetworkPolicyPort) bool {
		switch {
		case p.Port == nil:
			return true
		case p.EndPort != nil:
			return p.Port.IntValue() <= dnsPort && dnsPort <= int(*p.EndPort)
		}
		return p.Port.IntValue() == dnsPort || p.Port.StrVal == "dns"
	})
}
