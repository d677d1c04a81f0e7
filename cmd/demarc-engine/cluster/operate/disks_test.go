package operate

import (
	"testing"

	"demarc/sim/api"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestOrphans checks that an orphan is a disk that was made for a claim, and of which no
// volume has the ID, however it is written.
func TestOrphans(t *testing.T) {
	list := []api.Disk{{ID: "/x/disks/pvc-1", Claim: "shop/db"}, {ID: "/x/disks/pvc-2", Claim: "shop/old"}, {ID: "/x/disks/scratch"}, {ID: "/x/disks/static"}}
	var volumes []corev1.PersistentVolume
	for name, handle := range map[string]string{"pv-1": "/X/disks/PVC-1", "pv-2": "/x/disks/static"} {
		v := corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name}}
		v.Spec.CSI = &corev1.CSIPersistentVolumeSource{VolumeHandle: handle}
		volumes = append(volumes, v)
	}
	volumes = append(volumes, corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "nfs"}})
	NameVolumes(list, volumes)
	for i, want := range []struct {
		volume string
		orphan bool
	}{{"pv-1", false}, {"", true}, {"", false}, {"pv-2", false}} {
		if list[i].Volume != want.volume || list[i].Orphan != want.orphan {
			t.Errorf("%s: got %q, orphan %t; want %q, %t", list[i].ID, list[i].Volume, list[i].Orphan, want.volume, want.orphan)
		}
	}
}
