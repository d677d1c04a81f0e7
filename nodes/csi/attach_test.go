package csi

import (
	"slices"
	"testing"
	"time"

	"demarc/nodes/cloud"

	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// attach asks for a claim's volume on a node, as Kubernetes' attach-detach controller does.
func (w *world) attach(claim, node string) {
	w.t.Helper()
	volume := "pvc-uid-" + claim
	_, err := w.client.StorageV1().VolumeAttachments().Create(w.ctx, &storagev1.VolumeAttachment{
		ObjectMeta: metav1.ObjectMeta{Name: claim},
		Spec:       storagev1.VolumeAttachmentSpec{Attacher: cloud.DiskDriver, NodeName: node, Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: &volume}},
	}, metav1.CreateOptions{})
	w.ok(err)
}

func (w *world) attachment(claim string) *storagev1.VolumeAttachment {
	w.t.Helper()
	a, err := w.client.StorageV1().VolumeAttachments().Get(w.ctx, claim, metav1.GetOptions{})
	w.ok(err)
	return a
}

// detach has a VolumeAttachment be deleted; the fake API server knows no finalizers.
func (w *world) detach(claim string) {
	w.t.Helper()
	a, now := w.attachment(claim), now()
	a.DeletionTimestamp = &now
	_, err := w.client.StorageV1().VolumeAttachments().Update(w.ctx, a, metav1.UpdateOptions{})
	w.ok(err)
	w.after(7 * time.Second)
	if a := w.attachment(claim); len(a.Finalizers) > 0 {
		w.t.Errorf("the attachment keeps %q: %+v", a.Finalizers, a.Status)
	}
	w.ok(w.client.StorageV1().VolumeAttachments().Delete(w.ctx, claim, metav1.DeleteOptions{}))
}

func TestAttach(t *testing.T) {
	inBubble(t, func(w *world) {
		v := w.provisioned("data")
		w.attach("data", "a")
		w.after(9 * time.Second)
		a := w.attachment("data")
		if !a.Status.Attached || a.Status.AttachmentMetadata["LUN"] != "0" || !slices.Contains(a.Finalizers, attacherFinalizer) || a.Annotations[annNodeID] != "a" {
			t.Errorf("got %+v", a)
		}
		if !slices.Contains(w.volume(v.Name).Finalizers, attacherFinalizer) || w.attached() != "pvc-uid-data@a" {
			t.Errorf("the volume has %q, disks %s", w.volume(v.Name).Finalizers, w.attached())
		}
		w.detach("data")
		if w.attached() != "pvc-uid-data" {
			t.Errorf("disks %s after the detachment", w.attached())
		}
	})
}

func TestAttachErrors(t *testing.T) {
	const id = group + "/providers/Microsoft.Compute/disks/pvc-uid-data"
	for name, c := range map[string]struct {
		node   string
		before func(w *world)
		want   string
		undo   func(w *world)
	}{
		"no disk": {"a", func(w *world) { w.ok(w.disks.Delete(w.ctx, "pvc-uid-data", "customer")) },
			"rpc error: code = NotFound desc = Volume not found, failed with error: (ResourceNotFound) The Resource 'Microsoft.Compute/disks/pvc-uid-data' under resource group 'mc_a' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix", nil},
		"no VM": {"x", nil, "rpc error: code = NotFound desc = failed to get azure instance id for node \"x\" ((NotFound) The VM 'x' was not found.)", nil},
		"Azure is out of order": {"a", func(w *world) { w.down(true) },
			"rpc error: code = NotFound desc = Volume not found, failed with error: (ServiceUnavailable) The service is unavailable.", func(w *world) { w.down(false) }},
		"attached elsewhere": {"a", func(w *world) { w.attach2("b") },
			"rpc error: code = FailedPrecondition desc = volume " + id + " still has VolumeAttachments on node b, refusing dangling detach", nil},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				w.provisioned("data")
				if c.before != nil {
					c.before(w)
				}
				w.attach("data", c.node)
				w.after(30 * time.Second)
				a := w.attachment("data")
				if a.Status.Attached || a.Status.AttachError == nil || a.Status.AttachError.Message != c.want {
					t.Fatalf("got %+v, want %s", a.Status.AttachError, c.want)
				}
				if c.undo == nil {
					return
				}
				c.undo(w)
				w.after(time.Minute)
				if a := w.attachment("data"); !a.Status.Attached || a.Status.AttachError != nil {
					t.Errorf("got %+v after it was over", a.Status)
				}
			})
		})
	}
}

// attach2 attaches the disk of claim data to a node that another attachment of it names.
func (w *world) attach2(node string) {
	w.t.Helper()
	volume := "pvc-uid-data"
	_, err := w.client.StorageV1().VolumeAttachments().Create(w.ctx, &storagev1.VolumeAttachment{
		ObjectMeta: metav1.ObjectMeta{Name: "other"},
		Spec:       storagev1.VolumeAttachmentSpec{Attacher: cloud.DiskDriver, NodeName: node, Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: &volume}},
	}, metav1.CreateOptions{})
	w.ok(err)
	w.after(10 * time.Second)
}

// TestDanglingAttachment is of a disk that is attached to a VM of which the API server knows
// nothing, as after a restore.
func TestDanglingAttachment(t *testing.T) {
	inBubble(t, func(w *world) {
		v := w.provisioned("data")
		_, err := w.disks.Attach(w.ctx, v.Name, "b", "provider")
		w.ok(err)
		w.attach("data", "a")
		w.after(20 * time.Second)
		if w.attached() != "pvc-uid-data@a" {
			t.Errorf("disks %s: %+v", w.attached(), w.attachment("data").Status)
		}
	})
}
