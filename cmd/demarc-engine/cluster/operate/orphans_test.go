package operate

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestMatch checks that an orphan was made for a claim and that no volume of the driver's
// names it, however it writes it; and that what a volume names and is not there is lost.
func TestMatch(t *testing.T) {
	const driver = "disk.example"
	volume := func(name, driver, handle string) corev1.PersistentVolume {
		v := corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name}}
		v.Spec.CSI = &corev1.CSIPersistentVolumeSource{Driver: driver, VolumeHandle: handle}
		return v
	}
	volumes := []corev1.PersistentVolume{
		volume("pv-1", driver, "ACCOUNT/PVC-1"), volume("pv-2", driver, "static"), volume("pv-3", driver, "account/gone"),
		volume("pv-4", "other.example", "pvc-4"), volume("pv-5", driver, "not ours"),
		{ObjectMeta: metav1.ObjectMeta{Name: "nfs"}},
	}
	type entered struct {
		volume string
		orphan bool
	}
	var got [5]entered
	all := []resource{{key: "account/pvc-1", claim: "shop/db"}, {key: "account/pvc-2", claim: "shop/old"}, {key: "scratch"}, {key: "static"}, {key: "pvc-4", claim: "shop/new"}}
	for i := range all {
		all[i].name, all[i].volume, all[i].orphan = all[i].key, &got[i].volume, &got[i].orphan
	}
	orphaned, lost := match(all, volumes, driver, func(handle string) string {
		if handle == "not ours" {
			return ""
		}
		return handle
	})
	if want := [5]entered{{"pv-1", false}, {"", true}, {"", false}, {"pv-2", false}, {"", true}}; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if want := []string{"account/pvc-2", "pvc-4"}; !slices.Equal(orphaned, want) {
		t.Errorf("orphaned: got %v, want %v", orphaned, want)
	}
	if want := []string{"gone"}; !slices.Equal(lost, want) {
		t.Errorf("lost: got %v, want %v", lost, want)
	}
}
