package csi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"demarc/nodes/cloud"
	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/timeline"

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

// wantsVolume says whether a claim waits for the driver to make it a volume, as far as it
// tells itself.
func wantsVolume(claim *corev1.PersistentVolumeClaim) bool {
	a := claim.Annotations
	return claim.Spec.VolumeName == "" && (a[annProvisioner] == Driver || a[annProvisioner] == "" && a[annProvisionerBeta] == Driver)
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
	if err != nil || !wantsVolume(claim) {
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
	if class.Provisioner != Driver || late && claim.Annotations[annSelectedNode] == "" {
		return nil
	}
	c.provisioner.Eventf(claim, corev1.EventTypeNormal, reasonProvisioning, "External provisioner is provisioning volume for claim %q", key)
	volume, err := c.makeVolume(ctx, claim, class)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		err = fmt.Errorf("failed to provision volume with StorageClass %q: %w", class.Name, err)
		c.provisioner.Event(claim, corev1.EventTypeWarning, reasonFailed, err.Error())
		if errors.Is(err, errNode) {
			return c.reschedule(ctx, claim)
		}
		return err
	}
	if err := c.saveVolume(ctx, volume); err != nil {
		return err
	}
	c.provisioner.Event(claim, corev1.EventTypeNormal, reasonProvisioned, "Successfully provisioned volume "+volume.Name)
	return nil
}

// saveVolume creates the PersistentVolume of a disk. It tries until it succeeds: whatever
// becomes of the claim, the disk is to be known to the cluster, which deletes it then.
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

// makeVolume makes a disk for a claim, and the PersistentVolume that is to name it.
func (c *Controller) makeVolume(ctx context.Context, claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass) (*corev1.PersistentVolume, error) {
	if claim.Spec.Selector != nil {
		return nil, errors.New("claim Selector is not supported")
	}
	p, err := parse(class.Parameters)
	if err != nil {
		return nil, err
	}
	if err := accessible(claim.Spec.AccessModes, claim.Spec.VolumeMode); err != nil {
		return nil, err
	}
	source, err := c.sourceOf(ctx, claim)
	if err != nil {
		return nil, err
	}
	zone, err := c.zoneFor(ctx, claim)
	if err != nil {
		return nil, err
	}
	region, number := split(zone)
	if source != "" { // a clone is where its source is
		if from, err := c.disks.Get(ctx, source); err == nil && from.Zone != "" && region != "" {
			number, zone = from.Zone, region+"-"+from.Zone
		}
	}
	zones := []string{zone}
	if strings.HasSuffix(p.sku, "_ZRS") { // in every zone, and outside of zones
		number, zones = "", zonesOf(region)
	}
	request, name := claim.Spec.Resources.Requests[storage], volumeName(claim)
	maps.Copy(p.tags, map[string]string{cloud.TagClaim: claim.Name, cloud.TagNamespace: claim.Namespace, cloud.TagVolume: name})
	disk, err := c.disks.Create(ctx, cloud.DiskSpec{
		Name: p.diskName(claim, name), SizeGiB: gib(request.Value()), SKU: p.sku, Zone: number, Tags: p.tags, Source: source,
	}, timeline.Provider)
	if err != nil {
		return nil, refused(err)
	}
	maps.Copy(p.attributes, map[string]string{
		identityAttribute: c.identity, pvcName: claim.Name, pvcSpace: claim.Namespace, pvName: name, "requestedsizegib": strconv.FormatInt(disk.SizeGiB, 10),
	})
	return volumeOf(disk, claim, class, p, zones), nil
}

// volumeOf is the PersistentVolume that names a disk.
func volumeOf(disk api.Disk, claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass, p parameters, zones []string) *corev1.PersistentVolume {
	v := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name: volumeName(claim), Finalizers: []string{provisionerFinalizer},
			Annotations: map[string]string{
				annProvisionedBy: Driver, "volume.kubernetes.io/provisioner-deletion-secret-name": "", "volume.kubernetes.io/provisioner-deletion-secret-namespace": "",
			},
		},
		Spec: corev1.PersistentVolumeSpec{
			AccessModes: claim.Spec.AccessModes, MountOptions: class.MountOptions, StorageClassName: class.Name, VolumeMode: claim.Spec.VolumeMode,
			Capacity: corev1.ResourceList{storage: *resource.NewQuantity(disk.SizeGiB<<30, resource.BinarySI)},
			PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{
				Driver: Driver, VolumeHandle: disk.ID, FSType: p.fsType, VolumeAttributes: p.attributes,
			}},
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID, ResourceVersion: claim.ResourceVersion,
			},
			NodeAffinity: affinity(zones),
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

// split is the region and the number of a zone as labels have it: westeurope-1.
func split(zone string) (region, number string) {
	i := strings.LastIndex(zone, "-")
	return zone[:max(i, 0)], zone[i+1:]
}

// zonesOf are the zones of a region, as labels have them, and that of nodes without one.
func zonesOf(region string) (zones []string) {
	for _, z := range cloud.Zones {
		zones = append(zones, region+"-"+z)
	}
	return append(zones, "")
}

// affinity keeps a volume to the nodes of some zones.
func affinity(zones []string) *corev1.VolumeNodeAffinity {
	var terms []corev1.NodeSelectorTerm
	for _, z := range zones {
		terms = append(terms, corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{
			{Key: zoneKey, Operator: corev1.NodeSelectorOpIn, Values: []string{z}},
		}})
	}
	return &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: terms}}
}

// errNode is that the node that was selected for a claim is gone.
var errNode = errors.New("selected node is gone")

// zoneFor is the zone in which a claim's disk is to be, as nodes' labels have it: that of the
// node which the scheduler has selected, or of any, by the claim. It is empty for none.
func (c *Controller) zoneFor(ctx context.Context, claim *corev1.PersistentVolumeClaim) (string, error) {
	if name := claim.Annotations[annSelectedNode]; name != "" {
		node, err := c.client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return "", fmt.Errorf("error generating accessibility requirements: %w: error getting node %q: %w", errNode, name, err)
		case err != nil:
			return "", fmt.Errorf("error generating accessibility requirements: error getting node %q: %w", name, err)
		}
		return node.Labels[zoneKey], nil
	}
	nodes, err := c.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", fmt.Errorf("error generating accessibility requirements: error listing nodes: %w", err)
	}
	var zones []string
	for _, n := range nodes.Items {
		zones = append(zones, n.Labels[zoneKey])
	}
	slices.Sort(zones)
	if zones = slices.Compact(zones); len(zones) == 0 {
		return "", errors.New("error generating accessibility requirements: no available topology found")
	}
	return zones[spread(string(claim.UID))%len(zones)], nil
}

// sourceOf is the disk of the claim of which another is to be a clone; empty for none.
func (c *Controller) sourceOf(ctx context.Context, claim *corev1.PersistentVolumeClaim) (string, error) {
	source := claim.Spec.DataSource
	if source == nil {
		return "", nil
	}
	disk, err := c.clonedDisk(ctx, claim, source)
	if err != nil {
		return "", fmt.Errorf("error getting handle for DataSource Type %s by Name %s: %w", source.Kind, source.Name, err)
	}
	return disk, nil
}

func (c *Controller) clonedDisk(ctx context.Context, claim *corev1.PersistentVolumeClaim, source *corev1.TypedLocalObjectReference) (string, error) {
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
	if err != nil || !ours(volume) || volume.Spec.ClaimRef == nil || volume.Spec.ClaimRef.UID != from.UID {
		return "", errors.New("claim in dataSource not bound or invalid")
	}
	return c.nameOf(volume.Spec.CSI.VolumeHandle), nil
}

// nameOf is the disk that a volume handle names; one of another resource group is none of
// the cluster's, and is not found by its whole name.
func (c *Controller) nameOf(handle string) string {
	if name := c.disks.NameOf(handle); name != "" {
		return name
	}
	return handle
}

// spread is a number that a text always makes.
func spread(text string) (n int) {
	for _, r := range text {
		n = (n*31 + int(r)) & 0xffffff
	}
	return n
}
