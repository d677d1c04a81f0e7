//lint:file-ignore ST1005 Errors are in upstream's words.

package autoscaler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"demarc/sim/clock"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Texts of events and errors (kubernetes/autoscaler, core/scaledown/actuation, 2026).
const (
	emptyText        = "Scale-down: removing empty node %q"
	drainText        = "Scale-down: removing node %s, utilization: {%v %v 0   %v}, pods to reschedule: %s"
	emptyRemovedText = "Scale-down: empty node %s removed"
	removedDrainText = "Scale-down: node %s removed with drain"
	markedText       = "marked the node as toBeDeleted/unschedulable"
	markFailedText   = "failed to mark the node as toBeDeleted/unschedulable: %v"
	goneText         = "nodes removed by cluster autoscaler"
	emptyFailedText  = "failed to delete empty node: %v"
	drainFailedText  = "failed to drain and delete node: %v"
	podText          = "deleting pod for node scale down"
)

// gonePoll is how often it is looked whether pods are gone.
const gonePoll = 5 * time.Second

// begin marks a node as one that goes, and takes it away beside everything else.
func (c *Controller) begin(ctx context.Context, r Removal) {
	if err := c.setTaint(ctx, r.Node.Name, &corev1.Taint{Key: TaintToBeDeleted, Value: fmt.Sprint(time.Now().Unix()), Effect: corev1.TaintEffectNoSchedule}, TaintToBeDeleted); err != nil {
		c.events.event(ctx, nodeRef(r.Node), corev1.EventTypeWarning, "ScaleDownFailed", fmt.Sprintf(markFailedText, err))
		c.ended(r, err)
		return
	}
	c.events.event(ctx, nodeRef(r.Node), corev1.EventTypeNormal, "ScaleDown", markedText)
	if len(r.Pods) == 0 {
		c.event(ctx, corev1.EventTypeNormal, "ScaleDownEmpty", fmt.Sprintf(emptyText, r.Node.Name))
	} else {
		c.event(ctx, corev1.EventTypeNormal, "ScaleDown", fmt.Sprintf(drainText, r.Node.Name, r.Use.CPU, r.Use.Memory, r.Use.Most(), names(r.Pods)))
	}
	c.mu.Lock()
	c.mem.Deleting[r.Node.Name], c.mem.LastDown = len(r.Pods) > 0, time.Now()
	c.mu.Unlock()
	c.Cloud.Draining(r.Node.Name, len(r.Pods))
	c.working.Go(func() {
		err := c.drain(ctx, r)
		if err == nil {
			err = c.Cloud.Shrink(ctx, r.Group.Pool, r.Node.Name)
		}
		if ctx.Err() == nil { // else whoever comes next begins with the taints
			c.tellEnd(ctx, r, err)
			c.ended(r, err)
		}
	})
}

func names(pods []*corev1.Pod) string {
	var list []string
	for _, p := range pods {
		list = append(list, p.Name)
	}
	return strings.Join(list, ",")
}

// ended notes that a removal is over.
func (c *Controller) ended(r Removal, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.mem.Deleting, r.Node.Name)
	if err != nil {
		c.mem.LastFailed = time.Now()
	}
	c.wake()
}

// tellEnd says how a removal has ended. A node that stays takes pods again.
func (c *Controller) tellEnd(ctx context.Context, r Removal, err error) {
	text, empty := drainFailedText, len(r.Pods) == 0
	switch {
	case err == nil && empty:
		c.events.event(ctx, nodeRef(r.Node), corev1.EventTypeNormal, "ScaleDown", goneText)
		c.event(ctx, corev1.EventTypeNormal, "ScaleDownEmpty", fmt.Sprintf(emptyRemovedText, r.Node.Name))
		return
	case err == nil:
		c.events.event(ctx, nodeRef(r.Node), corev1.EventTypeNormal, "ScaleDown", goneText)
		c.event(ctx, corev1.EventTypeNormal, "ScaleDown", fmt.Sprintf(removedDrainText, r.Node.Name))
		return
	case empty:
		text = emptyFailedText
	}
	c.events.event(ctx, nodeRef(r.Node), corev1.EventTypeWarning, "ScaleDownFailed", fmt.Sprintf(text, err))
	for c.setTaint(ctx, r.Node.Name, nil, TaintToBeDeleted) != nil && clock.Sleep(ctx, evictionRetry) {
	}
}

// drain evicts the pods that move from a node, no faster than budgets allow, and waits until
// they are gone. An empty node that has got a pod meanwhile stays.
func (c *Controller) drain(ctx context.Context, r Removal) error {
	if len(r.Pods) == 0 {
		left, err := c.still(r.Node.Name, nil)
		if err == nil && len(left) > 0 {
			err = fmt.Errorf("failed to delete empty node %q, new pods scheduled", r.Node.Name)
		}
		return err
	}
	for _, pod := range r.Pods {
		c.events.event(ctx, podRef(pod), corev1.EventTypeNormal, "ScaleDown", podText)
	}
	asked := map[*corev1.Pod]bool{}
	for until := time.Now().Add(evictionTime); ; {
		errs := c.evict(ctx, r.Pods, asked)
		if len(errs) == 0 {
			break
		}
		if !time.Now().Before(until) {
			return fmt.Errorf("Failed to drain node /%s, due to following errors: %v", r.Node.Name, errs)
		}
		if !clock.Sleep(ctx, evictionRetry) {
			return ctx.Err()
		}
	}
	for until := time.Now().Add(maxGrace + graceHeadroom); ; {
		left, err := c.still(r.Node.Name, r.Pods)
		switch {
		case err == nil && len(left) == 0:
			return nil
		case !time.Now().Before(until):
			return fmt.Errorf("Failed to drain node /%s: pods remaining after timeout", r.Node.Name)
		case !clock.Sleep(ctx, clock.UntilTick(time.Now(), gonePoll)):
			return ctx.Err()
		}
	}
}

// evict asks for the eviction of those pods for which that has not succeeded.
func (c *Controller) evict(ctx context.Context, pods []*corev1.Pod, asked map[*corev1.Pod]bool) (errs []error) {
	for _, pod := range pods {
		if asked[pod] {
			continue
		}
		grace := int64(corev1.DefaultTerminationGracePeriodSeconds)
		if g := pod.Spec.TerminationGracePeriodSeconds; g != nil {
			grace = min(*g, int64(maxGrace/time.Second))
		}
		err := c.Client.PolicyV1().Evictions(pod.Namespace).Evict(ctx, &policyv1.Eviction{
			ObjectMeta:    metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name},
			DeleteOptions: &metav1.DeleteOptions{GracePeriodSeconds: &grace},
		})
		if err == nil || apierrors.IsNotFound(err) {
			asked[pod] = true
			continue
		}
		errs = append(errs, fmt.Errorf("Failed to evict pod %s/%s within allowed timeout (last error: %w)", pod.Namespace, pod.Name, err))
	}
	return errs
}

// still are the pods on a node that would have to move; if some are given, those of them.
func (c *Controller) still(node string, of []*corev1.Pod) (left []*corev1.Pod, err error) {
	pods, err := c.Objects.Pods()
	if err != nil {
		return nil, err
	}
	for _, p := range pods {
		if p.Spec.NodeName != node || !moves(p, time.Now()) {
			continue
		}
		if of == nil || slices.ContainsFunc(of, func(o *corev1.Pod) bool { return o.UID == p.UID }) {
			left = append(left, p)
		}
	}
	return left, nil
}

// maxMarked is how many nodes get or lose the mark of a candidate at a look (kubernetes/autoscaler,
// --max-bulk-soft-taint-count).
const maxMarked = 10

// mark has the nodes that are not needed carry the taint of a candidate, and no others of the pools.
func (c *Controller) mark(ctx context.Context, in Input, unneeded []string) {
	n, ours := 0, map[string]bool{}
	for _, g := range in.Groups {
		for _, vm := range g.VMs {
			ours[vm] = true
		}
	}
	for _, node := range in.Nodes {
		has, wants := hasTaint(node, TaintCandidate), slices.Contains(unneeded, node.Name)
		if !ours[node.Name] || has == wants || n >= maxMarked {
			continue
		}
		n++
		var taint *corev1.Taint
		if wants {
			taint = &corev1.Taint{Key: TaintCandidate, Value: fmt.Sprint(in.Now.Unix()), Effect: corev1.TaintEffectPreferNoSchedule}
		}
		_ = c.setTaint(ctx, node.Name, taint, TaintCandidate) // or at the next look
	}
}

// unmarkAll takes away what an autoscaler that has ended has left on nodes, and says whether
// it could.
func (c *Controller) unmarkAll(ctx context.Context, groups []Group) bool {
	nodes, err := c.Objects.Nodes()
	var errs []error
	for _, n := range nodes {
		ours := slices.ContainsFunc(groups, func(g Group) bool { return slices.Contains(g.VMs, n.Name) })
		if ours && (hasTaint(n, TaintToBeDeleted) || hasTaint(n, TaintCandidate)) {
			errs = append(errs, c.setTaint(ctx, n.Name, nil, TaintToBeDeleted, TaintCandidate))
		}
	}
	return err == nil && errors.Join(errs...) == nil
}

// conflicts is how often a change of a Node is tried that others change, too.
const conflicts = 5

// setTaint gives a node a taint in the place of those with some keys; nil is none.
func (c *Controller) setTaint(ctx context.Context, node string, taint *corev1.Taint, instead ...string) error {
	client := c.Client.CoreV1().Nodes()
	var err error
	for range conflicts {
		var n *corev1.Node
		if n, err = client.Get(ctx, node, metav1.GetOptions{}); apierrors.IsNotFound(err) && taint == nil {
			return nil
		} else if err != nil {
			return err
		}
		n.Spec.Taints = slices.DeleteFunc(slices.Clone(n.Spec.Taints), func(t corev1.Taint) bool { return slices.Contains(instead, t.Key) })
		if taint != nil {
			n.Spec.Taints = append(n.Spec.Taints, *taint)
		}
		if _, err = client.Update(ctx, n, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
			return err
		}
	}
	return err
}
