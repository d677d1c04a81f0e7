// Package drain moves the pods off a node through the API server, as kubectl drain
// does with --force, --ignore-daemonsets and --delete-emptydir-data.
//
// Its rules are those of k8s.io/kubectl/pkg/drain, which imports kubectl's whole
// command line (pkg/cmd/util): cobra, cli-runtime and kustomize would be linked into
// the engine for one filter.
package drain

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// Retry is the wait before evictions are asked for again that a budget refused, as
// kubectl's.
const Retry = 5 * time.Second

// Cordon marks a node unschedulable or schedulable.
func Cordon(ctx context.Context, client kubernetes.Interface, node string, unschedulable bool) error {
	patch := fmt.Appendf(nil, `{"spec":{"unschedulable":%t}}`, unschedulable)
	_, err := client.CoreV1().Nodes().Patch(ctx, node, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
	return err
}

// Evict asks once for the eviction of each pod that a drain moves. Left are those that
// are still there, and blocked those of them that a budget protects.
func Evict(ctx context.Context, client kubernetes.Interface, node string) (left int, blocked []Blocked, err error) {
	pods, err := client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + node})
	if err != nil {
		return 0, nil, err
	}
	var errs []error
	for i := range pods.Items {
		pod := &pods.Items[i]
		stays, err := stays(ctx, client, pod)
		if err != nil {
			errs = append(errs, err)
		}
		if stays {
			continue
		}
		left++
		if pod.DeletionTimestamp != nil {
			continue
		}
		err = client.PolicyV1().Evictions(pod.Namespace).Evict(ctx, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name}})
		switch {
		case apierrors.IsTooManyRequests(err):
			blocked = append(blocked, Blocked{Pod: pod.Namespace + "/" + pod.Name, Reason: err.Error()})
		case err != nil && !apierrors.IsNotFound(err):
			errs = append(errs, fmt.Errorf("evict pod %s/%s: %w", pod.Namespace, pod.Name, err))
		}
	}
	return left, blocked, errors.Join(errs...)
}

// stays says whether a pod stays on the node. One whose DaemonSet is gone does not.
func stays(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod) (bool, error) {
	if Moves(pod, pod.Status.Phase) {
		return false, nil
	}
	owner := metav1.GetControllerOf(pod)
	if owner == nil || owner.Kind != "DaemonSet" {
		return true, nil // a mirror
	}
	_, err := client.AppsV1().DaemonSets(pod.Namespace).Get(ctx, owner.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return true, err
}

// Moves says whether a drain moves a pod: no mirror of a static pod, and none of a
// DaemonSet that has not ended.
func Moves(pod metav1.Object, phase corev1.PodPhase) bool {
	if _, mirror := pod.GetAnnotations()[corev1.MirrorPodAnnotationKey]; mirror {
		return false
	}
	owner := metav1.GetControllerOf(pod)
	return owner == nil || owner.Kind != "DaemonSet" || phase == corev1.PodSucceeded || phase == corev1.PodFailed
}
