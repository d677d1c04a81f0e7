package csi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"

	"demarc/sim/clock"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
)

// Annotations and finalizers of upstream's.
const (
	annProvisioner     = "volume.kubernetes.io/storage-provisioner"
	annProvisionerBeta = "volume.beta.kubernetes.io/storage-provisioner"
	annSelectedNode    = "volume.kubernetes.io/selected-node"
	annProvisionedBy   = "pv.kubernetes.io/provisioned-by"
	annClass           = "volume.beta.kubernetes.io/storage-class"

	provisionerFinalizer = "external-provisioner.volume.kubernetes.io/finalizer"
	identityAttribute    = "storage.kubernetes.io/csiProvisionerIdentity"
)

// Reasons of events on claims.
const (
	reasonProvisioning = "Provisioning"
	reasonProvisioned  = "ProvisioningSucceeded"
	reasonFailed       = "ProvisioningFailed"
)

// wantsVolume is the driver that a claim waits for to make it a volume, as far as the claim
// tells itself; nil for none.
func (c *Controller) wantsVolume(claim *corev1.PersistentVolumeClaim) *served {
	if claim.Spec.VolumeName != "" {
		return nil
	}
	return c.drivers[cmp.Or(claim.Annotations[annProvisioner], claim.Annotations[annProvisionerBeta])]
}

// classOf is the name of a claim's class.
func classOf(claim *corev1.PersistentVolumeClaim) string {
	if name, ok := claim.Annotations[annClass]; ok {
		return name
	}
	if claim.Spec.StorageClassName != nil {
		return *claim.Spec.StorageClassName
	}
	return ""
}

// provision makes a claim its volume, if it is to have one.
func (c *Controller) provision(ctx context.Context, key string) error {
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return nil // no claim has such a name
	}
	claim, err := c.claims.PersistentVolumeClaims(namespace).Get(name)
	if err != nil {
		return nil // it is gone
	}
	d := c.wantsVolume(claim)
	if d == nil {
		return nil
	}
	_, err = c.client.CoreV1().PersistentVolumes().Get(ctx, volumeName(claim), metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		return err // nil: Kubernetes is about to bind it
	}
	class, err := c.client.StorageV1().StorageClasses().Get(ctx, classOf(claim), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("storageClass %q not found", classOf(claim))
	} else if err != nil {
		return err
	}
	late := class.VolumeBindingMode != nil && *class.VolumeBindingMode == storagev1.VolumeBindingWaitForFirstConsumer
	if class.Provisioner != d.name || late && claim.Annotations[annSelectedNode] == "" {
		return nil
	}
	d.provisioner.Eventf(claim, corev1.EventTypeNormal, reasonProvisioning, "External provisioner is provisioning volume for claim %q", key)
	volume, err := c.makeVolume(ctx, d, claim, class)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		err = fmt.Errorf("failed to provision volume with StorageClass %q: %w", class.Name, err)
		d.provisioner.Event(claim, corev1.EventTypeWarning, reasonFailed, err.Error())
		if errors.Is(err, errNode) {
			return c.reschedule(ctx, claim)
		}
		return err
	}
	if err := c.saveVolume(ctx, volume); err != nil {
		return err
	}
	d.provisioner.Event(claim, corev1.EventTypeNormal, reasonProvisioned, "Successfully provisioned volume "+volume.Name)
	return nil
}

// saveVolume creates the PersistentVolume of what was made. It tries until it succeeds:
// whatever becomes of the claim, that is to be known to the cluster, which deletes it then.
func (c *Controller) saveVolume(ctx context.Context, volume *corev1.PersistentVolume) error {
	for failures := 0; ; failures++ {
		_, err := c.client.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{})
		if err == nil || apierrors.IsAlreadyExists(err) {
			return nil
		}
		if !clock.Sleep(ctx, backoff(failures)) {
			return ctx.Err()
		}
	}
}

// reschedule has the scheduler choose another node for a claim.
func (c *Controller) reschedule(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	claim = claim.DeepCopy()
	delete(claim.Annotations, annSelectedNode)
	_, err := c.client.CoreV1().PersistentVolumeClaims(claim.Namespace).Update(ctx, claim, metav1.UpdateOptions{})
	return err
}

func volumeName(claim *corev1.PersistentVolumeClaim) string { return "pvc-" + string(claim.UID) }

// makeVolume has the driver make a volume for a claim, and makes the PersistentVolume that
// is to name it.
func (c *Controller) makeVolume(ctx context.Context, d *served, claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass) (*corev1.PersistentVolume, error) {
	if claim.Spec.Selector != nil {
		return nil, errors.New("claim Selector is not supported")
	}
	parameters, fsType, err := strip(class.Parameters)
	if err != nil {
		return nil, err
	}
	source, err := c.sourceOf(ctx, d, claim)
	if err != nil {
		return nil, err
	}
	m, err := d.create(ctx, wanted{claim: claim, volume: volumeName(claim), parameters: parameters, fsType: fsType, source: source})
	if err != nil {
		return nil, err
	}
	maps.Copy(m.attributes, map[string]string{identityAttribute: d.identity, pvcName: claim.Name, pvcSpace: claim.Namespace, pvName: volumeName(claim)})
	return volumeOf(d.name, m, claim, class), nil
}

// volumeOf is the PersistentVolume that names what a driver has made.
func volumeOf(driver string, m made, claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass) *corev1.PersistentVolume {
	v := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name: volumeName(claim), Finalizers: []string{provisionerFinalizer},
			Annotations: map[string]string{
				annProvisionedBy: driver, "volume.kubernetes.io/provisioner-deletion-secret-name": "", "volume.kubernetes.io/provisioner-deletion-secret-namespace": "",
			},
		},
		Spec: corev1.PersistentVolumeSpec{
			AccessModes: claim.Spec.AccessModes, MountOptions: class.MountOptions, StorageClassName: class.Name, VolumeMode: claim.Spec.VolumeMode,
			Capacity: corev1.ResourceList{storage: *resource.NewQuantity(m.bytes, resource.BinarySI)},
			PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{
				Driver: driver, VolumeHandle: m.handle, FSType: m.fsType, VolumeAttributes: m.attributes,
			}},
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID, ResourceVersion: claim.ResourceVersion,
			},
			NodeAffinity: m.affinity,
		},
	}
	if claim.Spec.VolumeMode != nil && *claim.Spec.VolumeMode == corev1.PersistentVolumeBlock {
		v.Spec.CSI.FSType = ""
	}
	if class.ReclaimPolicy != nil {
		v.Spec.PersistentVolumeReclaimPolicy = *class.ReclaimPolicy
	}
	return v
}

// sourceOf is the handle of the volume of which a claim's is to be a clone; empty for none.
func (c *Controller) sourceOf(ctx context.Context, d *served, claim *corev1.PersistentVolumeClaim) (string, error) {
	source := claim.Spec.DataSource
	if source == nil {
		return "", nil
	}
	handle, err := c.cloned(ctx, d, claim, source)
	if err != nil {
		return "", fmt.Errorf("error getting handle for DataSource Type %s by Name %s: %w", source.Kind, source.Name, err)
	}
	return handle, nil
}

func (c *Controller) cloned(ctx context.Context, d *served, claim *corev1.PersistentVolumeClaim, source *corev1.TypedLocalObjectReference) (string, error) {
	if source.Kind != "PersistentVolumeClaim" {
		return "", fmt.Errorf("error getting snapshot %s from api server: the server could not find the requested resource", source.Name)
	}
	from, err := c.client.CoreV1().PersistentVolumeClaims(claim.Namespace).Get(ctx, source.Name, metav1.GetOptions{})
	switch {
	case err != nil:
		return "", fmt.Errorf("error getting PVC %s (namespace %q) from api server: %w", source.Name, claim.Namespace, err)
	case from.Status.Phase != corev1.ClaimBound:
		return "", fmt.Errorf("the PVC DataSource %s must have a status of Bound.  Got %v", source.Name, from.Status.Phase)
	case from.DeletionTimestamp != nil:
		return "", fmt.Errorf("the PVC DataSource %s is currently being deleted", source.Name)
	}
	requested, size := claim.Spec.Resources.Requests[corev1.ResourceStorage], from.Status.Capacity[corev1.ResourceStorage]
	if requested.Cmp(size) < 0 {
		return "", fmt.Errorf("error, new PVC request must be greater than or equal in size to the specified PVC data source, requested %v but source is %v", requested.Value(), size.Value())
	}
	volume, err := c.client.CoreV1().PersistentVolumes().Get(ctx, from.Spec.VolumeName, metav1.GetOptions{})
	if err != nil || c.driverOf(volume) != d || volume.Spec.ClaimRef == nil || volume.Spec.ClaimRef.UID != from.UID {
		return "", errors.New("claim in dataSource not bound or invalid")
	}
	return volume.Spec.CSI.VolumeHandle, nil
}
