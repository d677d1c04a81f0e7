package script

import (
	"context"
	"fmt"
	"time"

	"demarc/sim/clock"
	"demarc/sim/drain"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var podKind = schema.GroupVersionKind{Version: "v1", Kind: "Pod"}

var verbDrain = Verb{
	Name:    "drain",
	Summary: "cordons a node and evicts its pods",
	Doc: "As kubectl drain --ignore-daemonsets --delete-emptydir-data: pods of DaemonSets stay, and an eviction that a " +
		"disruption budget refuses is tried again every 5s. The next at can only come after the timeout; " +
		"drain does not wait for the pods to end.",
	Example: "drain node/0 timeout=2m",
	Args: []Arg{nodeArg, {
		Name: "timeout", Type: ArgDuration, Default: "1m", Doc: "how long refused evictions are tried again",
	}},
	spans: func(c call) time.Duration { return c.duration("timeout") },
	run: func(ctx context.Context, a action) error {
		deadline := time.Now().Add(a.duration("timeout"))
		if err := a.cordon(ctx, "cordoned", true); err != nil {
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
	},
}

// evict asks for the eviction of a pod until it is granted.
func (r *run) evict(ctx context.Context, pod *unstructured.Unstructured, deadline time.Time) error {
	eviction := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "policy/v1", "kind": "Eviction",
		"metadata": map[string]any{"name": pod.GetName(), "namespace": pod.GetNamespace()},
	}}
	res, err := r.kube.resource(ctx, podKind, pod.GetNamespace())
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
