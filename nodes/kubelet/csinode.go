package kubelet

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"demarc/nodes/cloud"
	"demarc/nodes/vm"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// nodeIDs is the annotation of a Node with its names for its drivers, and migrated that of a
// CSINode with the kinds of volumes that CSI drivers have taken over, and migratedPlugins
// those (kubernetes 1.37, pkg/volume/csi: nodeinfomanager, csiPlugin.Init).
const (
	nodeIDs         = "csi.volume.kubernetes.io/nodeid"
	migrated        = corev1.MigratedPluginsAnnotationKey
	migratedPlugins = "kubernetes.io/aws-ebs,kubernetes.io/azure-disk,kubernetes.io/azure-file,kubernetes.io/cinder,kubernetes.io/gce-pd," +
		"kubernetes.io/portworx-volume,kubernetes.io/vsphere-volume"
)

// registered says whether a CSI driver has registered itself with the kubelets.
func registered(driver string) bool { return driver == cloud.DiskDriver || driver == cloud.FileDriver }

// driverNames is the value of the annotation with a node's names for its drivers.
func driverNames(node string) string {
	b, _ := json.Marshal(map[string]string{cloud.DiskDriver: node, cloud.FileDriver: node}) // strings can be encoded
	return string(b)
}

// drivers are the node's, as its CSINode has them.
func (k *Kubelet) drivers() []storagev1.CSINodeDriver {
	disks := int32(cloud.MaxDataDisks(k.m.Size))
	return []storagev1.CSINodeDriver{
		{Name: cloud.DiskDriver, NodeID: k.m.Name, TopologyKeys: []string{cloud.DiskZoneLabel}, Allocatable: &storagev1.VolumeNodeResources{Count: &disks}},
		{Name: cloud.FileDriver, NodeID: k.m.Name},
	}
}

// publishDrivers writes the node's CSINode, if it is not there as it should be. What others
// have added to it stays.
func (ks *Kubelets) publishDrivers(ctx context.Context, k *Kubelet, node types.UID) error {
	ctx, cancel := request(ctx)
	defer cancel()
	ks.Lock.Lock()
	drivers, published := k.drivers(), k.published
	ks.Lock.Unlock()
	fresh := &storagev1.CSINode{
		ObjectMeta: metav1.ObjectMeta{
			Name: k.m.Name, Annotations: map[string]string{migrated: migratedPlugins},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: k.m.Name, UID: node}},
		},
		Spec: storagev1.CSINodeSpec{Drivers: drivers},
	}
	err := ks.putDrivers(ctx, fresh, published)
	if err != nil {
		return fmt.Errorf("publish the CSI drivers of node %s: %w", k.m.Name, err)
	}
	ks.Lock.Lock()
	defer ks.Lock.Unlock()
	k.driversDue, k.published = false, true
	return nil
}

// putDrivers makes a CSINode, or corrects the one that is there.
func (ks *Kubelets) putDrivers(ctx context.Context, fresh *storagev1.CSINode, likely bool) error {
	client := ks.Client.StorageV1().CSINodes()
	if !likely {
		if _, err := client.Create(ctx, fresh, metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	old, err := client.Get(ctx, fresh.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		_, err = client.Create(ctx, fresh, metav1.CreateOptions{})
		return err
	case err != nil:
		return err
	}
	return ks.correctDrivers(ctx, old, fresh)
}

// correctDrivers makes a CSINode that was there say what it should. One of an earlier Node
// is replaced.
func (ks *Kubelets) correctDrivers(ctx context.Context, old, fresh *storagev1.CSINode) error {
	client := ks.Client.StorageV1().CSINodes()
	owner := fresh.OwnerReferences[0]
	if !slices.ContainsFunc(old.OwnerReferences, func(o metav1.OwnerReference) bool { return o.Kind == owner.Kind && o.UID == owner.UID }) {
		err := client.Delete(ctx, old.Name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(old.UID))})
		if err == nil || apierrors.IsNotFound(err) {
			_, err = client.Create(ctx, fresh, metav1.CreateOptions{})
		}
		return err
	}
	now := old.DeepCopy()
	metav1.SetMetaDataAnnotation(&now.ObjectMeta, migrated, migratedPlugins)
	for _, d := range fresh.Spec.Drivers {
		if i := slices.IndexFunc(now.Spec.Drivers, func(o storagev1.CSINodeDriver) bool { return o.Name == d.Name }); i >= 0 {
			now.Spec.Drivers[i] = d
		} else {
			now.Spec.Drivers = append(now.Spec.Drivers, d)
		}
	}
	if equality.Semantic.DeepEqual(old, now) {
		return nil
	}
	_, err := client.Update(ctx, now, metav1.UpdateOptions{})
	return err
}

// nodePatch is what a kubelet corrects of a Node that was there when it registered; nil if
// that is as it should be.
func nodePatch(m *vm.VM, old, own *corev1.Node) ([]byte, error) {
	change := map[string]any{}
	if old.Labels[ImageLabel] != own.Labels[ImageLabel] {
		change["labels"] = map[string]string{ImageLabel: own.Labels[ImageLabel]}
	}
	if names := driverNames(m.Name); old.Annotations[nodeIDs] != names {
		change["annotations"] = map[string]string{nodeIDs: names}
	}
	if len(change) == 0 {
		return nil, nil
	}
	return json.Marshal(map[string]any{"metadata": change})
}
