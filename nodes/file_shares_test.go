package nodes

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"demarc/nodes/cloud"
	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
)

const fileDriver = "file.csi.azure.com"

// shareWorld is a fleet with a claim, data, of a file share of one GiB. The share's key is
// the second result.
func shareWorld(t *testing.T, nodes int) (*world, string) {
	t.Helper()
	w := newWorld(t, nodes, nil)
	shares, ctx := w.f.Shares(), context.Background()
	account, err := shares.Account(ctx, "Standard_LRS", timeline.Provider)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shares.Create(ctx, cloud.ShareSpec{Account: account, Name: "pvc-1", QuotaGiB: 1}, timeline.Provider); err != nil {
		t.Fatal(err)
	}
	pv := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pvc-1"}, Spec: corev1.PersistentVolumeSpec{
		MountOptions: []string{"mfsymlinks", "actimeo=30", "file_mode=0640", "uid=7"},
		PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{
			Driver: fileDriver, VolumeHandle: shares.Group() + "#" + account + "#pvc-1###default",
		}},
	}}
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "data", Namespace: "default"}, Spec: corev1.PersistentVolumeClaimSpec{VolumeName: pv.Name},
		Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound},
	}
	for _, o := range []runtime.Object{pv, claim, &storagev1.CSIDriver{ObjectMeta: metav1.ObjectMeta{Name: fileDriver}, Spec: storagev1.CSIDriverSpec{AttachRequired: ptr.To(false)}}} {
		if err := w.api.Tracker().Add(o); err != nil {
			t.Fatal(err)
		}
	}
	return w, shares.Key("", account, "pvc-1")
}

// Pods on two nodes have one share, with the modes and the owner of its mount.
func TestAShareIsOnManyNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, key := shareWorld(t, 2)
		defer w.stop()
		first, second := w.f.NodeNames()[0], w.f.NodeNames()[1]
		w.create(testPod(w.f, "b", onNode(second), script("echo from b > /data/f; df /data | tail -1; mount | grep /data; sleep 20; cat /data/f; sleep 3600"), usesDisk))
		w.create(testPod(w.f, "a", onNode(first), script("sleep 3600"), usesDisk, func(p *corev1.Pod) {
			p.Spec.SecurityContext = &corev1.PodSecurityContext{FSGroup: ptr.To[int64](3000)}
		}))
		w.pass(10 * time.Second)
		if got := strings.TrimSpace(w.exec("a", "cat /data/f; chmod 600 /data/f; chown 9 /data/f; stat -c %a:%u:%g /data /data/f; ls /data; echo from a > /data/f")); got != "from b\n777:7:3000\n640:7:3000\nf" {
			t.Errorf("on the other node: %q", got)
		}
		w.pass(20 * time.Second)
		source := "//" + strings.TrimSuffix(key, "/pvc-1") + ".file.core.windows.net/pvc-1"
		want := source + "   1048576         4   1048572   1% /data\n" + source + " on /data type cifs (rw,relatime)\nfrom a"
		if got := w.logged("b"); got != want {
			t.Errorf("on the first node: %q, want %q", got, want)
		}
		if got := w.node(first).Status.VolumesInUse; len(got) > 0 {
			t.Errorf("in use are %v: nobody attaches a share", got)
		}
		if err := w.f.Shares().Delete(context.Background(), key, timeline.Customer); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(w.exec("a", "cat /data/f 2>&1")); got != "cat: can't open '/data/f': Input/output error" {
			t.Errorf("without the share: %q", got)
		}
		w.create(testPod(w.f, "late", onNode(first), script("sleep 3600"), usesDisk))
		w.pass(10 * time.Second)
		said := w.events("late")
		for _, part := range []string{
			`FailedMount: MountVolume.MountDevice failed for volume "pvc-1" : rpc error: code = Internal desc = volume(`, "Mounting arguments: -t cifs -o mfsymlinks,actimeo=30,file_mode=0640,uid=7,dir_mode=0777,<masked> " + source + " /var/lib/kubelet/plugins/",
			"Output: mount error(2): No such file or directory",
		} {
			if !strings.Contains(said, part) {
				t.Errorf("of a share that is not there it is said\n%s\nwant\n%s", said, part)
			}
		}
	})
}
