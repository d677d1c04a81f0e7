package kubelet

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// growing says whether a resizer has made the claim's volume larger, and waits for the node
// to do that to its file system (kubernetes 1.37, pkg/volume/util/operationexecutor:
// NodeExpander).
func growing(c *corev1.PersistentVolumeClaim) bool {
	switch c.Status.AllocatedResourceStatuses[corev1.ResourceStorage] {
	case corev1.PersistentVolumeClaimNodeResizePending, corev1.PersistentVolumeClaimNodeResizeInProgress:
		return true
	}
	return slices.ContainsFunc(c.Status.Conditions, func(c corev1.PersistentVolumeClaimCondition) bool {
		return c.Type == corev1.PersistentVolumeClaimFileSystemResizePending && c.Status == corev1.ConditionTrue
	})
}

// grows says whether one of the pod's volumes is to be made larger on the node.
func (p *pod) grows() bool {
	for _, c := range p.config.claims {
		if c.growing != nil {
			return true
		}
	}
	return false
}

// expand makes file systems larger that the pod has mounted, and tells the API server.
func (ks *Kubelets) expand(ctx context.Context, p *pod) error {
	for _, c := range ks.grown(p) {
		message := fmt.Sprintf("MountVolume.NodeExpandVolume succeeded for volume %q %s", c.pv.Name, p.k.m.Name)
		if err := ks.tellGrown(ctx, p, c, message); err != nil {
			ks.Lock.Lock()
			defer ks.Lock.Unlock()
			p.want = true // the kubelet does all of it again
			return fmt.Errorf("update the status of persistentvolumeclaim %s/%s: %w", p.namespace, c.growing.Name, err)
		}
	}
	return nil
}

// grown makes the file systems larger, and returns their claims.
func (ks *Kubelets) grown(p *pod) (list []claim) {
	ks.Lock.Lock()
	defer ks.Lock.Unlock()
	if !p.sandbox || p.over {
		return nil
	}
	for _, c := range p.config.claims {
		if c.growing == nil {
			continue
		}
		name := ks.Disks.NameOf(c.pv.Spec.CSI.VolumeHandle)
		if files, ok := ks.Disks.Files(name, p.k.m.Name); ok {
			files.Grow(ks.Disks.Size(name) << 30)
			list = append(list, *c)
			c.growing = nil
		}
	}
	return list
}

// tellGrown writes the claim's new size and the kubelet's events.
func (ks *Kubelets) tellGrown(ctx context.Context, p *pod, c claim, message string) error {
	ctx, cancel := request(ctx)
	defer cancel()
	old := c.growing
	now := old.DeepCopy()
	if now.Status.Capacity == nil {
		now.Status.Capacity = corev1.ResourceList{}
	}
	now.Status.Capacity[corev1.ResourceStorage] = c.pv.Spec.Capacity[corev1.ResourceStorage]
	if delete(now.Status.AllocatedResourceStatuses, corev1.ResourceStorage); len(now.Status.AllocatedResourceStatuses) == 0 {
		now.Status.AllocatedResourceStatuses = nil
	}
	now.Status.Conditions = slices.DeleteFunc(now.Status.Conditions, func(c corev1.PersistentVolumeClaimCondition) bool {
		return slices.Contains([]corev1.PersistentVolumeClaimConditionType{
			corev1.PersistentVolumeClaimFileSystemResizePending, corev1.PersistentVolumeClaimResizing,
			corev1.PersistentVolumeClaimControllerResizeError, corev1.PersistentVolumeClaimNodeResizeError,
		}, c.Type)
	})
	patch, err := twoWayPatch(corev1.PersistentVolumeClaim{Status: old.Status}, corev1.PersistentVolumeClaim{Status: now.Status}, corev1.PersistentVolumeClaim{})
	if err != nil {
		return err
	}
	if _, err := ks.Client.CoreV1().PersistentVolumeClaims(p.namespace).Patch(ctx, old.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status"); err != nil {
		return err
	}
	const reason = "FileSystemResizeSuccessful"
	ks.Lock.Lock()
	p.event(time.Now(), normal, reason, message, "")
	ks.Timers.Wake(p)
	ks.Lock.Unlock()
	about := corev1.ObjectReference{Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: p.namespace, Name: old.Name, UID: old.UID, ResourceVersion: old.ResourceVersion}
	var said eventQueue
	said.add(time.Now(), normal, reason, message, "")
	return ks.sendEvents(ctx, p.k.m.Name, &said, about)
}
