package csi

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/nodes/cloud"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// fileClass makes a class of the driver of file shares.
func (w *world) fileClass(name string, parameters map[string]string) {
	w.t.Helper()
	binding, policy := storagev1.VolumeBindingImmediate, corev1.PersistentVolumeReclaimDelete
	_, err := w.client.StorageV1().StorageClasses().Create(w.ctx, &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: cloud.FileDriver, Parameters: parameters, VolumeBindingMode: &binding, ReclaimPolicy: &policy,
		MountOptions: []string{"mfsymlinks", "actimeo=30"},
	}, metav1.CreateOptions{})
	w.ok(err)
}

// shareClaim is a claim of such a class, of many nodes.
func shareClaim(name, class, size string) *corev1.PersistentVolumeClaim {
	x := claim(name, class, "", size)
	x.Annotations[annProvisioner] = cloud.FileDriver
	x.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}
	return x
}

// TestShare has a claim get a file share, grow, and be deleted with it.
func TestShare(t *testing.T) {
	inBubble(t, func(w *world) {
		w.fileClass("files", map[string]string{"skuName": "Premium_LRS"})
		w.create(shareClaim("data", "files", "5Gi"))
		w.after(30 * time.Second)
		w.bound("data")
		v, list := w.volume("pvc-uid-data"), w.shares.List()
		if len(list) != 1 || list[0].QuotaGiB != 100 || list[0].SKU != "Premium_LRS" || list[0].Claim != "shop/data" {
			t.Fatalf("shares %+v", list)
		}
		size := v.Spec.Capacity[storage]
		got := []string{
			v.Spec.CSI.Driver, v.Spec.CSI.VolumeHandle, size.String(), strings.Join(v.Spec.MountOptions, " "), v.Annotations[annProvisionedBy],
			strings.Join(slices.Sorted(maps.Keys(v.Spec.CSI.VolumeAttributes)), " "), v.Spec.CSI.VolumeAttributes["secretnamespace"],
		}
		if diff := cmp.Diff([]string{
			cloud.FileDriver, "mc_a#" + list[0].Account + "#pvc-uid-data###shop", "5Gi", "mfsymlinks actimeo=30", cloud.FileDriver,
			"csi.storage.k8s.io/pv/name csi.storage.k8s.io/pvc/name csi.storage.k8s.io/pvc/namespace secretnamespace skuName storage.kubernetes.io/csiProvisionerIdentity", "shop",
		}, got); diff != "" || v.Spec.NodeAffinity != nil {
			t.Errorf("the volume (-want +got):\n%s", diff)
		}
		w.ask("data", "120Gi")
		w.after(5 * time.Second)
		x, v := w.claimed("data"), w.volume(v.Name)
		size, has := v.Spec.Capacity[storage], x.Status.Capacity[storage]
		if got := w.shares.List()[0].QuotaGiB; got != 120 || size.String() != "120Gi" || has.String() != "120Gi" || len(conditions(x)) > 0 || len(x.Status.AllocatedResourceStatuses) > 0 {
			t.Errorf("the share has %d GiB, the volume %s, the claim %s: %v", got, size.String(), has.String(), x.Status)
		}
		w.released(v.Name)
		w.after(5 * time.Second)
		if len(w.shares.List()) > 0 || w.volume(v.Name) != nil {
			t.Errorf("shares %v after the volume was released", w.shares.List())
		}
		w.said(`Provisioning External provisioner is provisioning volume for claim "shop/data"`, "ProvisioningSucceeded Successfully provisioned volume pvc-uid-data",
			"Resizing External resizer is resizing volume pvc-uid-data", "VolumeResizeSuccessful Resize volume succeeded")
		events, err := w.client.CoreV1().Events("").List(w.ctx, metav1.ListOptions{})
		w.ok(err)
		for _, e := range events.Items {
			if from := e.Source.Component; !strings.HasPrefix(from, "file.csi.azure.com_csi-azurefile-controller-") && from != "external-resizer file.csi.azure.com" {
				t.Errorf("%s is from %s", e.Reason, from)
			}
		}
	})
}

// TestShareNames has classes name the shares of their claims.
func TestShareNames(t *testing.T) {
	for name, x := range map[string]struct {
		parameters map[string]string
		handle     string // behind the account
	}{
		"prefix":  {map[string]string{"shareNamePrefix": "a"}, "a-pvc-uid-data###shop"},
		"name":    {map[string]string{"shareName": "${pvc.metadata.namespace}-all", "secretNamespace": "keys"}, "shop-all##pvc-uid-data#keys"},
		"by NFS":  {map[string]string{"protocol": "nfs"}, "pvcn-uid-data###shop"},
		"by kind": {map[string]string{"fsType": "nfs", "skuname": "Premium_ZRS"}, "pvcn-uid-data###shop"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				w.fileClass("files", x.parameters)
				w.create(shareClaim("data", "files", "5Gi"))
				w.after(30 * time.Second)
				v := w.volume("pvc-uid-data")
				if v == nil {
					t.Fatalf("no volume: %q", w.events())
				}
				if _, got, _ := strings.Cut(strings.TrimPrefix(v.Spec.CSI.VolumeHandle, "mc_a#"), "#"); got != x.handle {
					t.Errorf("the volume's handle is %s, want it to end with %s", v.Spec.CSI.VolumeHandle, x.handle)
				}
			})
		})
	}
}

func TestShareRefusals(t *testing.T) {
	for name, x := range map[string]struct {
		parameters map[string]string
		change     func(*corev1.PersistentVolumeClaim)
		want       string
	}{
		"parameter": {map[string]string{"colour": "red"}, nil, `rpc error: code = InvalidArgument desc = invalid parameter "colour" in storage class`},
		"protocol":  {map[string]string{"protocol": "afp"}, nil, "rpc error: code = InvalidArgument desc = protocol(afp) is not supported, supported protocol list: [smb nfs]"},
		"NFS":       {map[string]string{"protocol": "nfs", "skuName": "Standard_LRS"}, nil, "rpc error: code = InvalidArgument desc = nfs protocol only supports premium storage, current account type: Standard_LRS"},
		"kind":      {map[string]string{"skuName": "Gold"}, nil, "rpc error: code = Internal desc = failed to ensure storage account: (InvalidValuesForRequestParameters) Values for request parameters are invalid: sku.name."},
		"device": {nil, func(x *corev1.PersistentVolumeClaim) {
			mode := corev1.PersistentVolumeBlock
			x.Spec.VolumeMode = &mode
		}, "rpc error: code = InvalidArgument desc = CreateVolume Volume capabilities not valid: driver does not support block volumes"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				w.fileClass("c", x.parameters)
				of := shareClaim("data", "c", "1Gi")
				if x.change != nil {
					x.change(of)
				}
				w.create(of)
				w.after(5 * time.Second)
				w.said(`Provisioning External provisioner is provisioning volume for claim "shop/data"`, `ProvisioningFailed failed to provision volume with StorageClass "c": `+x.want)
			})
		})
	}
}

// TestCloudRefusesShares has Azure be out of order for a while.
func TestCloudRefusesShares(t *testing.T) {
	inBubble(t, func(w *world) {
		w.fileClass("files", nil)
		w.down(true)
		w.create(shareClaim("data", "files", "1Gi"))
		w.after(5 * time.Second)
		const want = `ProvisioningFailed failed to provision volume with StorageClass "files": rpc error: code = Internal desc = failed to ensure storage account: (ServiceUnavailable) The service is unavailable.`
		if !slices.Contains(w.events(), want) {
			t.Errorf("events %q", w.events())
		}
		w.down(false)
		w.after(time.Minute)
		if w.volume("pvc-uid-data") == nil {
			t.Errorf("no volume: %q", w.events())
		}
	})
}
