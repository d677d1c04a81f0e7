package csi

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
)

// annPreResize is the size that a claim had before its volume grew: Kubernetes binds it with
// that as long as the node has not made the filesystem larger.
const annPreResize = "volume.alpha.kubernetes.io/pre-resize-capacity"

// Reasons of events on claims.
const (
	reasonResizing     = "Resizing"
	reasonResizeFailed = "VolumeResizeFailed"
	reasonResized      = "VolumeResizeSuccessful"
	reasonFSResize     = "FileSystemResizeRequired"
)

const storage = corev1.ResourceStorage

// resizeChanged says whether a claim has another size or another state of its growth.
func resizeChanged(before, now *corev1.PersistentVolumeClaim) bool {
	oldRequest, request := before.Spec.Resources.Requests[storage], now.Spec.Resources.Requests[storage]
	oldSize, size := before.Status.Capacity[storage], now.Status.Capacity[storage]
	return oldRequest.Cmp(request) != 0 || oldSize.Cmp(size) != 0 || before.Spec.VolumeName != now.Spec.VolumeName ||
		before.Status.AllocatedResourceStatuses[storage] != now.Status.AllocatedResourceStatuses[storage] && !growing(now)
}

// growing says whether the controller has a claim's growth in hand, which it has written
// itself.
func growing(claim *corev1.PersistentVolumeClaim) bool {
	return claim.Status.AllocatedResourceStatuses[storage] == corev1.PersistentVolumeClaimControllerResizeInProgress
}

// resize makes the volume of a claim larger, if the claim wants it. The node does its part.
func (c *Controller) resize(ctx context.Context, key string) error {
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return nil // no claim has such a name
	}
	claim, err := c.claims.PersistentVolumeClaims(namespace).Get(name)
	if err != nil || claim.Status.Phase != corev1.ClaimBound {
		return nil
	}
	volume, err := c.volumes.Get(claim.Spec.VolumeName)
	if err != nil || c.driverOf(volume) == nil || volume.Spec.ClaimRef == nil || volume.Spec.ClaimRef.UID != claim.UID {
		return nil // whose news bring us here again
	}
	request, size, has := claim.Spec.Resources.Requests[storage], claim.Status.Capacity[storage], volume.Spec.Capacity[storage]
	if _, marked := volume.Annotations[annPreResize]; marked && size.Cmp(has) >= 0 {
		if _, err := c.updateVolume(ctx, volume.Name, func(v *corev1.PersistentVolume) bool {
			delete(v.Annotations, annPreResize)
			return true
		}); err != nil {
			return err
		}
	}
	if request.Cmp(size) <= 0 {
		return nil
	}
	// As it is now: of the claim's growth the informers may have heard, and not of the volume's.
	volume, err = c.client.CoreV1().PersistentVolumes().Get(ctx, volume.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if has = volume.Spec.Capacity[storage]; nodeResizes(claim) && has.Cmp(allocated(claim)) >= 0 {
		return nil
	}
	return c.grow(ctx, c.driverOf(volume), claim, volume)
}

// nodeResizes says whether a claim's growth is the node's by now.
func nodeResizes(claim *corev1.PersistentVolumeClaim) bool {
	s := claim.Status.AllocatedResourceStatuses[storage]
	return s == corev1.PersistentVolumeClaimNodeResizePending || s == corev1.PersistentVolumeClaimNodeResizeInProgress
}

// allocated is the size that a claim's growth is to come to.
func allocated(claim *corev1.PersistentVolumeClaim) resource.Quantity {
	if q, ok := claim.Status.AllocatedResources[storage]; ok {
		return q
	}
	return claim.Spec.Resources.Requests[storage]
}

// grow makes a volume as large as its claim wants it.
func (c *Controller) grow(ctx context.Context, d *served, claim *corev1.PersistentVolumeClaim, volume *corev1.PersistentVolume) error {
	want := claim.Spec.Resources.Requests[storage]
	claim, err := c.claimStatus(ctx, claim, func(s *corev1.PersistentVolumeClaimStatus) {
		s.AllocatedResources, s.AllocatedResourceStatuses = with(s.AllocatedResources, want), with(s.AllocatedResourceStatuses, corev1.PersistentVolumeClaimControllerResizeInProgress)
		s.Conditions = condition(s.Conditions, corev1.PersistentVolumeClaimResizing, "", corev1.PersistentVolumeClaimFileSystemResizePending)
	})
	if err != nil {
		return fmt.Errorf("marking pvc %q as resizing failed: %w", cache.MetaObjectToName(claim), err)
	}
	d.resizer.Event(claim, corev1.EventTypeNormal, reasonResizing, "External resizer is resizing volume "+volume.Name)
	bytes, nodes, err := d.expand(ctx, volume.Spec.CSI.VolumeHandle, want.Value())
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		err = fmt.Errorf("resize volume %q by resizer %q failed: %w", volume.Name, d.name, err)
		d.resizer.Event(claim, corev1.EventTypeWarning, reasonResizeFailed, err.Error())
		if _, failed := c.claimStatus(ctx, claim, func(s *corev1.PersistentVolumeClaimStatus) {
			s.Conditions = condition(s.Conditions, corev1.PersistentVolumeClaimControllerResizeError, fmt.Sprintf("failed to expand pvc with %v", err))
		}); failed != nil {
			return failed
		}
		return err
	}
	before, size := claim.Status.Capacity[storage], *resource.NewQuantity(bytes, resource.BinarySI)
	if _, err := c.updateVolume(ctx, volume.Name, func(v *corev1.PersistentVolume) bool {
		v.Spec.Capacity = with(v.Spec.Capacity, size)
		if _, marked := v.Annotations[annPreResize]; nodes && !marked {
			metav1.SetMetaDataAnnotation(&v.ObjectMeta, annPreResize, before.String())
		}
		return true
	}); err != nil {
		return fmt.Errorf("error updating pv %q by resizer: %w", volume.Name, err)
	}
	if !nodes {
		return c.resized(ctx, d, claim, size)
	}
	claim, err = c.claimStatus(ctx, claim, func(s *corev1.PersistentVolumeClaimStatus) {
		s.AllocatedResourceStatuses = with(s.AllocatedResourceStatuses, corev1.PersistentVolumeClaimNodeResizePending)
		s.Conditions = condition(s.Conditions, corev1.PersistentVolumeClaimFileSystemResizePending,
			"Waiting for user to (re-)start a pod to finish file system resize of volume on node.", corev1.PersistentVolumeClaimControllerResizeError)
	})
	if err != nil {
		return fmt.Errorf("mark PVC %q as node expansion required failed: %w", cache.MetaObjectToName(claim), err)
	}
	d.resizer.Event(claim, corev1.EventTypeNormal, reasonFSResize, "Require file system resize of volume on node")
	return nil
}

// resized ends the growth of a claim whose nodes have nothing to do.
func (c *Controller) resized(ctx context.Context, d *served, claim *corev1.PersistentVolumeClaim, size resource.Quantity) error {
	claim, err := c.claimStatus(ctx, claim, func(s *corev1.PersistentVolumeClaimStatus) {
		s.Capacity = with(s.Capacity, size)
		delete(s.AllocatedResourceStatuses, storage)
		s.Conditions = dropped(s.Conditions, corev1.PersistentVolumeClaimResizing, corev1.PersistentVolumeClaimFileSystemResizePending, corev1.PersistentVolumeClaimControllerResizeError)
	})
	if err != nil {
		return fmt.Errorf("marking pvc %q as resized failed: %w", cache.MetaObjectToName(claim), err)
	}
	d.resizer.Event(claim, corev1.EventTypeNormal, reasonResized, "Resize volume succeeded")
	return nil
}

// with is a map in which the storage has another value.
func with[M ~map[corev1.ResourceName]V, V any](m M, value V) M {
	out := M{storage: value}
	for k, v := range m {
		if k != storage {
			out[k] = v
		}
	}
	return out
}

// condition is a list of conditions in which one holds, and some others do not.
func condition(list []corev1.PersistentVolumeClaimCondition, holds corev1.PersistentVolumeClaimConditionType, message string, not ...corev1.PersistentVolumeClaimConditionType) []corev1.PersistentVolumeClaimCondition {
	return append(dropped(list, append(not, holds)...), corev1.PersistentVolumeClaimCondition{Type: holds, Status: corev1.ConditionTrue, LastTransitionTime: now(), Message: message})
}

// dropped is a list of conditions without some.
func dropped(list []corev1.PersistentVolumeClaimCondition, not ...corev1.PersistentVolumeClaimConditionType) []corev1.PersistentVolumeClaimCondition {
	return slices.DeleteFunc(slices.Clone(list), func(x corev1.PersistentVolumeClaimCondition) bool { return slices.Contains(not, x.Type) })
}

// claimStatus changes the status of a claim, if it is still as we know it.
func (c *Controller) claimStatus(ctx context.Context, claim *corev1.PersistentVolumeClaim, change func(*corev1.PersistentVolumeClaimStatus)) (*corev1.PersistentVolumeClaim, error) {
	changed := claim.DeepCopy()
	change(&changed.Status)
	updated, err := c.client.CoreV1().PersistentVolumeClaims(claim.Namespace).UpdateStatus(ctx, changed, metav1.UpdateOptions{})
	if err != nil {
		return claim, err
	}
	return updated, nil
}
