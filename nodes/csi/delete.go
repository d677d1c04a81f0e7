package csi

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"demarc/nodes/cloud"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// reclaim does what a volume's policy says when its claim is gone, and gives finalizers back
// that are needed no more.
func (c *Controller) reclaim(ctx context.Context, name string) error {
	volume, err := c.volumes.Get(name)
	if err != nil {
		return nil // it is gone
	}
	if volume.DeletionTimestamp != nil && len(c.attachmentsOf(name)) == 0 && slices.Contains(volume.Finalizers, attacherFinalizer) {
		if volume, err = c.updateVolume(ctx, name, without(attacherFinalizer)); err != nil || volume == nil {
			return err
		}
	}
	if volume.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete && slices.Contains(volume.Finalizers, provisionerFinalizer) {
		if volume, err = c.updateVolume(ctx, name, without(provisionerFinalizer)); err != nil || volume == nil {
			return err // whose disk is kept needs nobody to delete it
		}
	}
	d := c.driverOf(volume)
	if d == nil || !reclaimable(d, volume) {
		return nil
	}
	if err := c.deleteVolume(ctx, d, volume); err != nil {
		if ctx.Err() == nil {
			d.provisioner.Event(volume, corev1.EventTypeWarning, "VolumeFailedDelete", err.Error())
		}
		return err
	}
	uid := volume.UID
	err = c.client.CoreV1().PersistentVolumes().Delete(ctx, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	_, err = c.updateVolume(ctx, name, without(provisionerFinalizer))
	return err
}

// reclaimable says whether what a volume names is to be deleted.
func reclaimable(d *served, volume *corev1.PersistentVolume) bool {
	by, known := volume.Annotations[annProvisionedBy]
	return (by == d.name || !known) && volume.Status.Phase == corev1.VolumeReleased &&
		volume.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimDelete &&
		(volume.DeletionTimestamp == nil || slices.Contains(volume.Finalizers, provisionerFinalizer))
}

// deleteVolume deletes what a volume names, unless a node has it attached.
func (c *Controller) deleteVolume(ctx context.Context, d *served, volume *corev1.PersistentVolume) error {
	if on := c.attachmentsOf(volume.Name); len(on) > 0 {
		return fmt.Errorf("persistentvolume %s is still attached to node %s", volume.Name, on[0])
	}
	return d.delete(ctx, volume.Spec.CSI.VolumeHandle)
}

// attachmentsOf are the nodes that a volume is attached to, or is to be, by the objects.
func (c *Controller) attachmentsOf(volume string) (nodes []string) {
	all, _ := c.attachments.List(labels.Everything()) // a lister of memory does not fail
	for _, a := range all {
		if name := a.Spec.Source.PersistentVolumeName; a.Spec.Attacher == cloud.DiskDriver && name != nil && *name == volume {
			nodes = append(nodes, a.Spec.NodeName)
		}
	}
	return nodes
}

// updateVolume changes a volume as it is now, if there is something to change. It is nil if
// there is no such volume.
func (c *Controller) updateVolume(ctx context.Context, name string, change func(*corev1.PersistentVolume) bool) (*corev1.PersistentVolume, error) {
	volume, err := c.client.CoreV1().PersistentVolumes().Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	} else if err != nil || !change(volume) {
		return volume, err
	}
	volume, err = c.client.CoreV1().PersistentVolumes().Update(ctx, volume, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return volume, err
}

// without takes a finalizer away.
func without(finalizer string) func(*corev1.PersistentVolume) bool {
	return func(v *corev1.PersistentVolume) bool {
		before := len(v.Finalizers)
		v.Finalizers = slices.DeleteFunc(v.Finalizers, func(f string) bool { return f == finalizer })
		return len(v.Finalizers) != before
	}
}

// volumesOf are the volumes of a disk, by its resource ID.
func (c *Controller) volumesOf(handle string) (names []string) {
	all, _ := c.volumes.List(labels.Everything()) // a lister of memory does not fail
	for _, v := range all {
		if isDisk(v) && strings.EqualFold(v.Spec.CSI.VolumeHandle, handle) {
			names = append(names, v.Name)
		}
	}
	return names
}
