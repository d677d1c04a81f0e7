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

func TestProvision(t *testing.T) {
	inBubble(t, func(w *world) {
		w.class("late", storagev1.VolumeBindingWaitForFirstConsumer, map[string]string{"skuName": "Premium_LRS", "csi.storage.k8s.io/fstype": "xfs"})
		w.create(claim("data", "late", "", "2500Mi"))
		w.after(time.Hour)
		if w.attached() != "" {
			t.Fatal("a disk was made before the scheduler has chosen a node")
		}
		x := claim("data", "late", "b", "2500Mi")
		_, err := w.client.CoreV1().PersistentVolumeClaims("shop").Update(w.ctx, x, metav1.UpdateOptions{})
		w.ok(err)
		w.after(4 * time.Second)
		v := w.volume("pvc-uid-data")
		if v == nil {
			t.Fatalf("no volume after 4s: %q", w.events())
		}
		d, err := w.disks.Get(w.ctx, v.Name)
		w.ok(err)
		if d.ID != v.Spec.CSI.VolumeHandle || d.SizeGiB != 3 || d.SKU != "Premium_LRS" || d.Zone != "2" || d.Claim != "shop/data" || d.Tags[cloud.TagVolume] != v.Name {
			t.Errorf("the disk is %+v", d)
		}
		size := v.Spec.Capacity[storage]
		got := []string{
			size.String(), v.Spec.CSI.FSType, string(v.Spec.PersistentVolumeReclaimPolicy), v.Spec.StorageClassName, v.Annotations[annProvisionedBy],
			v.Spec.ClaimRef.Namespace + "/" + v.Spec.ClaimRef.Name + " " + string(v.Spec.ClaimRef.UID),
			strings.Join(v.Finalizers, " "), strings.Join(v.Spec.MountOptions, " "), strings.Join(v.Spec.NodeAffinity.Required.NodeSelectorTerms[0].MatchExpressions[0].Values, " "),
			strings.Join(slices.Sorted(maps.Keys(v.Spec.CSI.VolumeAttributes)), " "),
		}
		if diff := cmp.Diff([]string{
			"3Gi", "xfs", "Delete", "late", cloud.DiskDriver, "shop/data uid-data", provisionerFinalizer, "noatime", "westeurope-2",
			"csi.storage.k8s.io/pv/name csi.storage.k8s.io/pvc/name csi.storage.k8s.io/pvc/namespace requestedsizegib skuName storage.kubernetes.io/csiProvisionerIdentity",
		}, got); diff != "" {
			t.Errorf("the volume (-want +got):\n%s", diff)
		}
		w.said(`Provisioning External provisioner is provisioning volume for claim "shop/data"`, "ProvisioningSucceeded Successfully provisioned volume pvc-uid-data")
		list, err := w.client.CoreV1().Events("").List(w.ctx, metav1.ListOptions{})
		w.ok(err)
		if from := list.Items[0].Source.Component; !strings.HasPrefix(from, "disk.csi.azure.com_csi-azuredisk-controller-") {
			t.Errorf("events are from %s", from)
		}
	})
}

func TestRefusals(t *testing.T) {
	const failed = `ProvisioningFailed failed to provision volume with StorageClass "c": `
	type parameters = map[string]string
	for name, c := range map[string]struct {
		parameters parameters
		change     func(*corev1.PersistentVolumeClaim)
		want       string
	}{
		"kind of disk": {parameters{"skuName": "Premium"}, nil,
			"rpc error: code = InvalidArgument desc = azureDisk - Premium is not supported sku/storageaccounttype. Supported values are [StandardSSD_LRS Premium_LRS Standard_LRS StandardSSD_ZRS Premium_ZRS PremiumV2_LRS UltraSSD_LRS]"},
		"parameter": {parameters{"colour": "red"}, nil, "rpc error: code = InvalidArgument desc = Failed parsing disk parameters: invalid parameter colour in storage class"},
		"caching":   {parameters{"cachingMode": "Some"}, nil, "rpc error: code = InvalidArgument desc = azureDisk - Some is not supported cachingmode. Supported values are [None ReadOnly ReadWrite]"},
		"tags":      {parameters{"tags": "a"}, nil, "rpc error: code = InvalidArgument desc = Failed parsing disk parameters: Tags 'a' are invalid, the format should like: 'key1=value1,key2=value2'"},
		"reserved":  {parameters{"csi.storage.k8s.io/x": ""}, nil, `failed to strip CSI Parameters of prefixed keys: found unknown parameter key "csi.storage.k8s.io/x" with reserved namespace csi.storage.k8s.io/`},
		"many nodes": {nil, func(x *corev1.PersistentVolumeClaim) {
			x.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}
		},
			"rpc error: code = InvalidArgument desc = mountVolume is not supported for access mode: MULTI_NODE_MULTI_WRITER"},
		"selector": {nil, func(x *corev1.PersistentVolumeClaim) { x.Spec.Selector = &metav1.LabelSelector{} }, "claim Selector is not supported"},
		"source": {nil, func(x *corev1.PersistentVolumeClaim) {
			x.Spec.DataSource = &corev1.TypedLocalObjectReference{Kind: "PersistentVolumeClaim", Name: "none"}
		}, `error getting handle for DataSource Type PersistentVolumeClaim by Name none: error getting PVC none (namespace "shop") from api server: persistentvolumeclaims "none" not found`},
		"too large": {nil, func(x *corev1.PersistentVolumeClaim) { x.Spec.Resources = claim("", "", "", "40Ti").Spec.Resources },
			"rpc error: code = Internal desc = (InvalidParameter) The value 40960 of parameter 'diskSizeGB' is out of range. Value must be between 1 and 32767, inclusive."},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				w.class("c", storagev1.VolumeBindingImmediate, c.parameters)
				x := claim("data", "c", "", "1Gi")
				if c.change != nil {
					c.change(x)
				}
				w.create(x)
				w.after(5 * time.Second)
				w.said(`Provisioning External provisioner is provisioning volume for claim "shop/data"`, failed+c.want)
			})
		})
	}
}

// TestRetries has Azure be out of order for a while.
func TestRetries(t *testing.T) {
	inBubble(t, func(w *world) {
		w.class("c", storagev1.VolumeBindingImmediate, nil)
		w.down(true)
		w.create(claim("data", "c", "", "1Gi"))
		w.after(10 * time.Second) // tried after 0, 1, 3 and 7 s
		w.said(`Provisioning External provisioner is provisioning volume for claim "shop/data"`,
			`ProvisioningFailed failed to provision volume with StorageClass "c": rpc error: code = Internal desc = (ServiceUnavailable) The service is unavailable.`)
		list, err := w.client.CoreV1().Events("").List(w.ctx, metav1.ListOptions{})
		w.ok(err)
		for _, e := range list.Items {
			if e.Count != 4 {
				t.Errorf("%s %d times in 10 s, want 4", e.Reason, e.Count)
			}
		}
		w.down(false)
		w.after(9 * time.Second)
		if w.volume("pvc-uid-data") == nil {
			t.Errorf("no volume: %q", w.events())
		}
	})
}

// TestSelectedNodeIsGone has the scheduler choose again.
func TestSelectedNodeIsGone(t *testing.T) {
	inBubble(t, func(w *world) {
		w.class("late", storagev1.VolumeBindingWaitForFirstConsumer, nil)
		w.create(claim("data", "late", "gone", "1Gi"))
		w.after(time.Second)
		x, err := w.client.CoreV1().PersistentVolumeClaims("shop").Get(w.ctx, "data", metav1.GetOptions{})
		w.ok(err)
		if at := x.Annotations[annSelectedNode]; at != "" || w.attached() != "" {
			t.Errorf("selected node %q, disks %s", at, w.attached())
		}
	})
}

func TestClone(t *testing.T) {
	inBubble(t, func(w *world) {
		w.provisioned("data")
		x := claim("copy", "late", "a", "6Gi")
		x.Spec.DataSource = &corev1.TypedLocalObjectReference{Kind: "PersistentVolumeClaim", Name: "data"}
		w.create(x)
		w.after(5 * time.Second)
		if w.attached() != "pvc-uid-copy pvc-uid-data" {
			t.Errorf("disks %s: %q", w.attached(), w.events())
		}
	})
}

func TestZoneRedundant(t *testing.T) {
	inBubble(t, func(w *world) {
		w.class("zrs", storagev1.VolumeBindingWaitForFirstConsumer, map[string]string{"skuname": "Premium_ZRS"})
		w.create(claim("data", "zrs", "b", "1Gi"))
		w.after(5 * time.Second)
		var zones []string
		for _, term := range w.volume("pvc-uid-data").Spec.NodeAffinity.Required.NodeSelectorTerms {
			zones = append(zones, term.MatchExpressions[0].Values...)
		}
		if want := []string{"westeurope-1", "westeurope-2", "westeurope-3", ""}; !slices.Equal(zones, want) {
			t.Errorf("zones %q, want %q", zones, want)
		}
	})
}

func TestReclaim(t *testing.T) {
	inBubble(t, func(w *world) {
		kept, gone := w.provisioned("kept"), w.provisioned("gone")
		kept.Spec.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimRetain
		_, err := w.client.CoreV1().PersistentVolumes().Update(w.ctx, kept, metav1.UpdateOptions{})
		w.ok(err)
		w.attach("gone", "a")
		w.after(10 * time.Second)
		w.released(kept.Name)
		w.released(gone.Name)
		w.after(2 * time.Second)
		if want := "VolumeFailedDelete persistentvolume pvc-uid-gone is still attached to node a"; !slices.Contains(w.events(), want) {
			t.Errorf("got %q, want %q", w.events(), want)
		}
		w.detach("gone")
		w.after(10 * time.Second)
		if w.attached() != kept.Name || w.volume(kept.Name) == nil || w.volume(gone.Name) != nil {
			t.Errorf("disks %s after both were released: %q", w.attached(), w.events())
		}
		if f := w.volume(kept.Name).Finalizers; slices.Contains(f, provisionerFinalizer) {
			t.Errorf("a volume whose disk is kept has the finalizers %q: nothing ends its deletion", f)
		}
	})
}

// TestReclaimWithoutDisk is after somebody has deleted the disk by himself.
func TestReclaimWithoutDisk(t *testing.T) {
	inBubble(t, func(w *world) {
		v := w.provisioned("data")
		w.ok(w.disks.Delete(w.ctx, v.Name, "customer"))
		w.released(v.Name)
		w.after(time.Second)
		if w.volume(v.Name) != nil {
			t.Errorf("the volume stays: %q", w.events())
		}
	})
}
