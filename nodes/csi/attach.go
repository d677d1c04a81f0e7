//lint:file-ignore ST1005 Errors are in the words of external-attacher.

package csi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"demarc/sim/api"
	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	attacherFinalizer = "external-attacher/disk-csi-azure-com"
	// annNodeID is what the driver calls the node of a VolumeAttachment.
	annNodeID = "csi.alpha.kubernetes.io/node-id"
	// lunMetadata is the number of the disk on its VM, which the node looks for.
	lunMetadata = "LUN"
)

// attachmentMoved says whether there is something new about a VolumeAttachment. An error that
// we have written is not: it would be tried again at once.
func attachmentMoved(before, now *storagev1.VolumeAttachment) bool {
	if before == nil {
		return true
	}
	as := now.DeepCopy()
	as.ResourceVersion = before.ResourceVersion
	as.Status.AttachError, as.Status.DetachError = before.Status.AttachError, before.Status.DetachError
	return !equality.Semantic.DeepEqual(before, as)
}

// syncAttachment attaches or detaches what a VolumeAttachment says.
func (c *Controller) syncAttachment(ctx context.Context, name string) error {
	a, err := c.attachments.Get(name)
	if err != nil {
		return nil // it is gone
	}
	switch {
	case a.DeletionTimestamp == nil && !a.Status.Attached:
		return c.attach(ctx, a)
	case a.DeletionTimestamp != nil && slices.Contains(a.Finalizers, attacherFinalizer):
		return c.detach(ctx, a)
	}
	return nil
}

// attach attaches the disk of a VolumeAttachment to its node's VM.
func (c *Controller) attach(ctx context.Context, a *storagev1.VolumeAttachment) error {
	disk, err := c.attachDisk(ctx, a)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return errors.Join(err, c.attachmentStatus(ctx, a.Name, map[string]any{"attachError": volumeError(err)}))
	}
	return c.attachmentStatus(ctx, a.Name, map[string]any{
		"attached": true, "attachmentMetadata": map[string]string{lunMetadata: strconv.Itoa(disk.LUN)}, "attachError": nil,
	})
}

func volumeError(err error) *storagev1.VolumeError {
	e := &storagev1.VolumeError{Time: now(), Message: err.Error()}
	if s, ok := status.FromError(err); ok {
		code := int32(s.Code())
		e.ErrorCode = &code
	}
	return e
}

// attachDisk does that as far as the disk goes, after what must come before it.
func (c *Controller) attachDisk(ctx context.Context, a *storagev1.VolumeAttachment) (api.Disk, error) {
	name := a.Spec.Source.PersistentVolumeName
	if name == nil {
		return api.Disk{}, errors.New("neither InlineCSIVolumeSource nor PersistentVolumeName specified in VA source")
	}
	volume, err := c.volumes.Get(*name)
	switch {
	case err != nil:
		return api.Disk{}, err
	case volume.DeletionTimestamp != nil:
		return api.Disk{}, fmt.Errorf("PersistentVolume %q is marked for deletion", *name)
	case !isDisk(volume):
		return api.Disk{}, errors.New("pv spec contained non-csi source that was not migrated")
	}
	if !slices.Contains(volume.Finalizers, attacherFinalizer) {
		if _, err := c.updateVolume(ctx, *name, func(v *corev1.PersistentVolume) bool {
			if slices.Contains(v.Finalizers, attacherFinalizer) {
				return false
			}
			v.Finalizers = append(v.Finalizers, attacherFinalizer)
			return true
		}); err != nil {
			return api.Disk{}, fmt.Errorf("could not add PersistentVolume finalizer: %w", err)
		}
	}
	if !slices.Contains(a.Finalizers, attacherFinalizer) || a.Annotations[annNodeID] != a.Spec.NodeName {
		meta := map[string]any{"annotations": map[string]string{annNodeID: a.Spec.NodeName}}
		if !slices.Contains(a.Finalizers, attacherFinalizer) {
			meta["finalizers"] = append(slices.Clone(a.Finalizers), attacherFinalizer)
		}
		if err := c.patchAttachment(ctx, a.Name, map[string]any{"metadata": meta}); err != nil {
			return api.Disk{}, fmt.Errorf("could not save VolumeAttachment: %w", err)
		}
	}
	if err := accessible(volume.Spec.AccessModes, volume.Spec.VolumeMode); err != nil {
		return api.Disk{}, err
	}
	return c.publish(ctx, volume.Spec.CSI.VolumeHandle, a.Spec.NodeName)
}

// publish is the driver's ControllerPublishVolume.
func (c *Controller) publish(ctx context.Context, handle, node string) (api.Disk, error) {
	disk, err := c.disks.Get(ctx, c.nameOf(handle))
	if err != nil {
		return disk, notFound("Volume not found, failed with error: %v", err)
	}
	if disk.VM != "" && disk.VM != node {
		if err := c.takeBack(ctx, handle, disk); err != nil {
			return disk, err
		}
	}
	disk, err = c.disks.Attach(ctx, disk.Name, node, timeline.Provider)
	switch {
	case api.HasCode(err, "NotFound"):
		return disk, notFound("failed to get azure instance id for node %q (%v)", node, err)
	case err != nil:
		return disk, internal("Attach volume %s to instance %s failed with %v", handle, node, err)
	}
	return disk, nil
}

// takeBack detaches a disk from the VM that it is attached to, if the cluster knows nothing
// of that.
func (c *Controller) takeBack(ctx context.Context, handle string, disk api.Disk) error {
	for _, v := range c.volumesOf(handle) {
		if slices.Contains(c.attachmentsOf(v), disk.VM) {
			return status.Errorf(codes.FailedPrecondition, "volume %s still has VolumeAttachments on node %s, refusing dangling detach", handle, disk.VM)
		}
	}
	if err := c.disks.Detach(ctx, disk.Name, disk.VM, timeline.Provider); err != nil {
		return internal("Could not detach volume %s from node %s: %v", handle, disk.VM, err)
	}
	return nil
}

// detach detaches the disk of a VolumeAttachment that is being deleted.
func (c *Controller) detach(ctx context.Context, a *storagev1.VolumeAttachment) error {
	err := c.detachDisk(ctx, a)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return errors.Join(err, c.attachmentStatus(ctx, a.Name, map[string]any{"detachError": volumeError(err)}))
	}
	left := slices.DeleteFunc(slices.Clone(a.Finalizers), func(f string) bool { return f == attacherFinalizer })
	return c.patchAttachment(ctx, a.Name, map[string]any{"metadata": map[string]any{"finalizers": left}})
}

func (c *Controller) detachDisk(ctx context.Context, a *storagev1.VolumeAttachment) error {
	name := a.Spec.Source.PersistentVolumeName
	if name == nil {
		return errors.New("neither InlineCSIVolumeSource nor PersistentVolumeName specified in VA source")
	}
	volume, err := c.volumes.Get(*name)
	if err != nil {
		return err
	}
	if !isDisk(volume) {
		return errors.New("pv spec contained non-csi source that was not migrated")
	}
	handle := volume.Spec.CSI.VolumeHandle
	if err := c.disks.Detach(ctx, c.nameOf(handle), a.Spec.NodeName, timeline.Provider); err != nil {
		return internal("Could not detach volume %s from node %s: %v", handle, a.Spec.NodeName, err)
	}
	return nil
}

// patchAttachment changes a VolumeAttachment. One that is gone needs no change.
func (c *Controller) patchAttachment(ctx context.Context, name string, change map[string]any, subresources ...string) error {
	b, err := json.Marshal(change)
	if err != nil {
		return err
	}
	_, err = c.client.StorageV1().VolumeAttachments().Patch(ctx, name, types.MergePatchType, b, metav1.PatchOptions{}, subresources...)
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func (c *Controller) attachmentStatus(ctx context.Context, name string, fields map[string]any) error {
	return c.patchAttachment(ctx, name, map[string]any{"status": fields}, "status")
}
