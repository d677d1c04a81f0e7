package run

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"demarc/scenarios/script"
	"demarc/scenarios/script/check"
	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/drain"
	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	nodeKind = schema.GroupVersionKind{Version: "v1", Kind: "Node"}
	podKind  = schema.GroupVersionKind{Version: "v1", Kind: "Pod"}
)

func (a action) cordon(ctx context.Context) error { return a.setUnschedulable(ctx, "cordoned", true) }
func (a action) uncordon(ctx context.Context) error {
	return a.setUnschedulable(ctx, "uncordoned", nil)
}

// setUnschedulable sets whether a node takes no new pods; nil takes the field away.
func (a action) setUnschedulable(ctx context.Context, done timeline.Verb, unschedulable any) error {
	return a.merge(ctx, nodeKind, "", a.node, done, nest(unschedulable, "spec", "unschedulable"))
}

func (a action) drain(ctx context.Context) error {
	deadline := time.Now().Add(a.Duration("timeout"))
	if err := a.cordon(ctx); err != nil {
		return err
	}
	pods, _, err := a.kube.list(ctx, podKind, "")
	if err != nil {
		return fmt.Errorf("list the pods of %s: %w", a.node, err)
	}
	for _, pod := range pods {
		on, _, _ := unstructured.NestedString(pod.Object, "spec", "nodeName")
		phase, _, _ := unstructured.NestedString(pod.Object, "status", "phase")
		if on != a.node || !drain.Moves(pod, corev1.PodPhase(phase)) {
			continue
		}
		if err := a.evict(ctx, pod, deadline); err != nil {
			return err
		}
	}
	a.record("drained", "node/"+a.node)
	return nil
}

// evict asks for the eviction of a pod until it is granted.
func (a action) evict(ctx context.Context, pod *unstructured.Unstructured, deadline time.Time) error {
	eviction := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "policy/v1", "kind": "Eviction",
		"metadata": map[string]any{"name": pod.GetName(), "namespace": pod.GetNamespace()},
	}}
	res, err := a.kube.resource(ctx, podKind, pod.GetNamespace())
	if err != nil {
		return err
	}
	for {
		_, err := res.Create(ctx, eviction, metav1.CreateOptions{}, "eviction")
		switch {
		case err == nil || apierrors.IsNotFound(err):
			return nil
		case !apierrors.IsTooManyRequests(err) || time.Now().Add(drain.Retry).After(deadline):
			return fmt.Errorf("evict pod/%s/%s: %w", pod.GetNamespace(), pod.GetName(), err)
		}
		if !clock.Sleep(ctx, drain.Retry) {
			return ctx.Err()
		}
	}
}

func (a action) ssh(ctx context.Context) error {
	result, err := a.by().Run(ctx, api.RunRequest{Node: a.node, Command: script.ReplaceNodes(a.Text("command"), a.world.NodeName)})
	if err != nil {
		return err
	}
	return a.printed(strconv.Quote(a.Text("command")), check.Output{Stdout: result.Stdout, Stderr: result.Stderr, Exit: result.Exit})
}

func (a action) consent(ctx context.Context) error {
	return only(a.customer().GrantConsent(ctx, api.ConsentRequest{Node: a.node, For: api.Duration(a.Duration("for")), Case: a.Text("case")}))
}

func (a action) revokeConsent(ctx context.Context) error {
	found := false
	for _, x := range a.world.Consents() {
		if x.Node == a.node && x.Revoked.IsZero() && x.Expires.After(time.Now()) {
			found = true
			if err := a.customer().RevokeConsent(ctx, x.ID); err != nil {
				return err
			}
		}
	}
	if !found {
		return errors.New("there is no consent for node/" + a.node)
	}
	return nil
}

func (a action) escalate(ctx context.Context) error {
	return only(a.customer().Escalate(ctx, api.EscalationRequest{Node: a.node, Reason: a.Text("reason")}))
}

func (a action) iaas(ctx context.Context) error {
	tags, err := a.Tags()
	if err != nil {
		return err
	}
	return only(a.by().DoVM(ctx, api.VMRequest{Action: a.Text("action"), VM: a.node, Size: a.Text("size"), Tags: tags}))
}

func (a action) iaasLB(ctx context.Context) error {
	return only(a.by().DoLoadBalancer(ctx, a.BalancerRequest()))
}

func (a action) iaasRoute(ctx context.Context) error {
	return only(a.by().DoRoute(ctx, api.RouteRequest{Action: a.Text("action"), Route: a.node}))
}

func (a action) iaasDisk(ctx context.Context) error {
	return only(a.by().DoDisk(ctx, a.DiskRequest()))
}

func (a action) iaasShare(ctx context.Context) error {
	return only(a.by().DoShare(ctx, a.ShareRequest()))
}

func (a action) nsg(ctx context.Context) error {
	if a.Text("action") == "delete" {
		return a.by().DeleteNSGRule(ctx, a.Text("name"))
	}
	return only(a.by().SetNSGRule(ctx, a.NSGRule()))
}
