package csi

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ask has a claim want another size.
func (w *world) ask(name, size string) {
	w.t.Helper()
	x := w.claimed(name)
	x.Spec.Resources.Requests = corev1.ResourceList{storage: resource.MustParse(size)}
	_, err := w.client.CoreV1().PersistentVolumeClaims("shop").Update(w.ctx, x, metav1.UpdateOptions{})
	w.ok(err)
}

func (w *world) claimed(name string) *corev1.PersistentVolumeClaim {
	w.t.Helper()
	x, err := w.client.CoreV1().PersistentVolumeClaims("shop").Get(w.ctx, name, metav1.GetOptions{})
	w.ok(err)
	return x
}

func conditions(x *corev1.PersistentVolumeClaim) (out []string) {
	for _, c := range x.Status.Conditions {
		out = append(out, string(c.Type))
	}
	slices.Sort(out)
	return out
}

func TestResize(t *testing.T) {
	inBubble(t, func(w *world) {
		v := w.provisioned("data")
		before := len(w.events())
		w.ask("data", "7000Mi")
		w.after(5 * time.Second)
		d, err := w.disks.Get(w.ctx, v.Name)
		w.ok(err)
		x, v := w.claimed("data"), w.volume(v.Name)
		size := v.Spec.Capacity[storage]
		if d.SizeGiB != 7 || size.String() != "7Gi" || v.Annotations[annPreResize] != "5Gi" {
			t.Errorf("the disk has %d GiB, the volume %s, %s before", d.SizeGiB, size.String(), v.Annotations[annPreResize])
		}
		if got := conditions(x); !slices.Equal(got, []string{"FileSystemResizePending", "Resizing"}) || !nodeResizes(x) {
			t.Errorf("the claim's conditions are %q, its status %v", got, x.Status.AllocatedResourceStatuses)
		}
		if got := w.events(); len(got) != before+2 || !slices.Contains(got, "Resizing External resizer is resizing volume "+v.Name) ||
			!slices.Contains(got, "FileSystemResizeRequired Require file system resize of volume on node") {
			t.Errorf("events %q", got)
		}
		// The node has done its part.
		x.Status.Capacity, x.Status.Conditions, x.Status.AllocatedResourceStatuses = v.Spec.Capacity, nil, nil
		_, err = w.client.CoreV1().PersistentVolumeClaims("shop").UpdateStatus(w.ctx, x, metav1.UpdateOptions{})
		w.ok(err)
		w.after(time.Second)
		if v := w.volume(v.Name); v.Annotations[annPreResize] != "" {
			t.Error("the volume still tells its size of before")
		}
	})
}

func TestResizeFails(t *testing.T) {
	inBubble(t, func(w *world) {
		w.provisioned("data")
		w.down(true)
		w.ask("data", "6Gi")
		w.after(5 * time.Second)
		const want = `VolumeResizeFailed resize volume "pvc-uid-data" by resizer "disk.csi.azure.com" failed: rpc error: code = Internal desc = GetDiskByURI(` +
			group + `/providers/Microsoft.Compute/disks/pvc-uid-data) failed with error((ServiceUnavailable) The service is unavailable.)`
		if !slices.Contains(w.events(), want) || !slices.Contains(conditions(w.claimed("data")), "ControllerResizeError") {
			t.Errorf("events %q, conditions %q", w.events(), conditions(w.claimed("data")))
		}
		w.down(false)
		w.after(20 * time.Second)
		if got := conditions(w.claimed("data")); !slices.Contains(got, "FileSystemResizePending") {
			t.Errorf("conditions %q after it was over", got)
		}
	})
}
