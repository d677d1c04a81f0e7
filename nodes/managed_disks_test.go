package nodes

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"demarc/nodes/cloud"
	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
)

const diskDriver = "disk.csi.azure.com"

// diskWorld is a fleet with a claim, data, of a managed disk of one GiB.
func diskWorld(t *testing.T, nodes int, change ...func(*corev1.PersistentVolume)) *world {
	t.Helper()
	w := newWorld(t, nodes, nil)
	ctx := context.Background()
	if _, err := w.f.Disks().Create(ctx, cloud.DiskSpec{Name: "pvc-1", SizeGiB: 1}, timeline.Provider); err != nil {
		t.Fatal(err)
	}
	pv := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pvc-1"}, Spec: corev1.PersistentVolumeSpec{
		Capacity:               corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")},
		PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: diskDriver, VolumeHandle: w.f.Disks().ID("pvc-1")}},
	}}
	for _, c := range change {
		c(pv)
	}
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "data", Namespace: "default"}, Spec: corev1.PersistentVolumeClaimSpec{VolumeName: pv.Name},
		Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound, Capacity: pv.Spec.Capacity},
	}
	for _, o := range []runtime.Object{pv, claim, &storagev1.CSIDriver{ObjectMeta: metav1.ObjectMeta{Name: diskDriver}, Spec: storagev1.CSIDriverSpec{AttachRequired: ptr.To(true)}}} {
		if err := w.api.Tracker().Add(o); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// usesDisk gives a pod the claim, at /data.
func usesDisk(p *corev1.Pod) {
	volumes(corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}})(p)
}

func onNode(name string) func(*corev1.Pod) { return func(p *corev1.Pod) { p.Spec.NodeName = name } }

// attachment is the object with which the attach-detach controller attaches the disk.
func (w *world) attachment(node string) *storagev1.VolumeAttachment {
	name := fmt.Sprintf("csi-%x", sha256.Sum256([]byte(w.f.Disks().ID("pvc-1")+diskDriver+node)))
	return &storagev1.VolumeAttachment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       storagev1.VolumeAttachmentSpec{Attacher: diskDriver, NodeName: node, Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: ptr.To("pvc-1")}},
		Status:     storagev1.VolumeAttachmentStatus{Attached: true, AttachmentMetadata: map[string]string{"LUN": "0"}},
	}
}

// attachDisk does what the controllers do: the disk is attached to the node, and said to be.
func (w *world) attachDisk(node string) {
	w.t.Helper()
	ctx := context.Background()
	if _, err := w.f.Disks().Attach(ctx, "pvc-1", node, timeline.Provider); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.api.StorageV1().VolumeAttachments().Create(ctx, w.attachment(node), metav1.CreateOptions{}); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

func (w *world) detachDisk(node string) {
	w.t.Helper()
	ctx := context.Background()
	if err := w.f.Disks().Detach(ctx, "pvc-1", node, timeline.Provider); err != nil {
		w.t.Fatal(err)
	}
	if err := w.api.StorageV1().VolumeAttachments().Delete(ctx, w.attachment(node).Name, metav1.DeleteOptions{}); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

// inUse are the volumes that a Node says are in use, without what all their names begin with.
func (w *world) inUse(node string) (names []string) {
	w.t.Helper()
	for _, v := range w.node(node).Status.VolumesInUse {
		names = append(names, strings.TrimPrefix(string(v), "kubernetes.io/csi/"+diskDriver+"^"+w.f.Disks().ID("")))
	}
	return names
}

// A pod is started when its disk is attached, what it writes is on the next node, and each
// Node says as long which volume is in use as the pod has it.
func TestADiskMovesWithItsPod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := diskWorld(t, 2)
		defer w.stop()
		first, second := w.f.NodeNames()[1], w.f.NodeNames()[0]
		if _, err := w.api.CoreV1().Nodes().Patch(context.Background(), first, "application/merge-patch+json",
			[]byte(`{"status":{"volumesAttached":[{"name":"other","devicePath":""}]}}`), metav1.PatchOptions{}, "status"); err != nil {
			t.Fatal(err)
		}
		w.create(testPod(w.f, "writes", onNode(first), script("echo kept > /data/f; df /data; mount | grep /data; sleep 3600"), usesDisk))
		w.pass(time.Minute)
		if got := w.phase("writes"); got != "ContainerCreating" || strings.Contains(w.events("writes"), "FailedMount") {
			t.Fatalf("without its disk it is %s:\n%s", got, w.events("writes"))
		}
		if got := w.inUse(first); !slices.Equal(got, []string{"pvc-1"}) {
			t.Errorf("while it waits, in use are %v", got)
		}
		w.attachDisk(first)
		w.pass(2 * time.Second)
		if got := w.phase("writes"); got != "Running" {
			t.Fatalf("with its disk it is %s:\n%s", got, w.events("writes"))
		}
		w.pass(5 * time.Second)
		want := "Filesystem           1K-blocks      Used Available Use% Mounted on\n" +
			"/dev/sdc               1048576         4   1048572   1% /data\n/dev/sdc on /data type ext4 (rw,relatime)"
		if got := w.logged("writes"); got != want {
			t.Errorf("it says\n%s\nwant\n%s", got, want)
		}
		w.remove("writes", 1)
		w.pass(5 * time.Second)
		if got := w.inUse(first); len(got) > 0 {
			t.Errorf("without the pod, in use are %v", got)
		}
		if got := w.node(first).Status.VolumesAttached; len(got) != 1 || got[0].Name != "other" {
			t.Errorf("the attach-detach controller's list is %v", got)
		}
		w.detachDisk(first)
		w.attachDisk(second)
		w.create(testPod(w.f, "reads", onNode(second), script("cat /data/f; ls -l / | grep data; sleep 3600"), usesDisk, func(p *corev1.Pod) {
			p.Spec.SecurityContext = &corev1.PodSecurityContext{FSGroup: ptr.To[int64](3000)}
		}))
		w.pass(10 * time.Second)
		if got := strings.TrimSpace(w.exec("reads", "cat /data/f; stat -c %a:%g /data /data/f")); got != "kept\n775:3000\n664:3000" {
			t.Errorf("on the other node: %q", got)
		}
		if got := w.inUse(second); !slices.Equal(got, []string{"pvc-1"}) {
			t.Errorf("in use on the other node are %v", got)
		}
	})
}

// What a silent node has mounted its Node still says; when it is back, and its pod is gone, it
// does no longer.
func TestASilentNodeKeepsItsVolumesInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := diskWorld(t, 2)
		defer w.stop()
		node := w.f.NodeNames()[0]
		w.create(testPod(w.f, "p", script("sleep 3600"), usesDisk))
		w.pass(time.Second)
		w.attachDisk(node)
		w.pass(5 * time.Second)
		if _, err := w.f.PowerOff(node, timeline.Customer); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		if err := w.api.CoreV1().Pods("default").Delete(context.Background(), "p", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		if got := w.inUse(node); !slices.Equal(got, []string{"pvc-1"}) {
			t.Errorf("of a machine that is off, in use are %v", got)
		}
		if _, err := w.f.PowerOn(node, timeline.Customer); err != nil {
			t.Fatal(err)
		}
		w.pass(5 * time.Minute)
		if got := w.inUse(node); len(got) > 0 {
			t.Errorf("of a machine that is on again, in use are %v", got)
		}
	})
}

// A disk that is detached under its pod cannot be read or written; a new pod does not find it
// on the node either, though the controller still says that it is attached.
func TestADiskIsDetachedUnderItsPod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := diskWorld(t, 1)
		defer w.stop()
		node := w.f.NodeNames()[0]
		w.attachDisk(node)
		w.create(testPod(w.f, "p", script("echo 1 > /data/f; sleep 3600"), usesDisk))
		w.pass(10 * time.Second)
		if got := strings.TrimSpace(w.exec("p", "cat /data/f")); got != "1" {
			t.Fatalf("it reads %q", got)
		}
		if err := w.f.Disks().Detach(context.Background(), "pvc-1", node, timeline.Customer); err != nil {
			t.Fatal(err)
		}
		broken := "cat: can't open '/data/f': Input/output error\nsh: can't create /data/g: Input/output error"
		if got := strings.TrimSpace(w.exec("p", "(cat /data/f; echo 2 > /data/g) 2>&1")); got != broken {
			t.Errorf("without the disk: %q, want %q", got, broken)
		}
		w.create(testPod(w.f, "late", script("cat /data/f; sleep 3600"), usesDisk))
		w.pass(130 * time.Second)
		said := `FailedMount: MountVolume.MountDevice failed for volume "pvc-1" : rpc error: code = Internal desc = failed to find disk on lun 0. timed out waiting for the condition`
		if got := w.events("late"); w.phase("late") != "ContainerCreating" || !strings.Contains(got, said) {
			t.Errorf("it is %s:\n%s", w.phase("late"), got)
		}
		if _, err := w.f.Disks().Attach(context.Background(), "pvc-1", node, timeline.Customer); err != nil {
			t.Fatal(err)
		}
		w.pass(40 * time.Second)
		if got := w.logged("late"); got != "1" {
			t.Errorf("with the disk it says %q", got)
		}
		if got := strings.TrimSpace(w.exec("p", "cat /data/f 2>&1")); got != "cat: can't open '/data/f': Input/output error" {
			t.Errorf("what was mounted before: %q", got)
		}
	})
}

// A full disk takes no more, until it is made larger; the kubelet tells of that.
func TestADiskIsMadeLarger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := diskWorld(t, 1)
		defer w.stop()
		ctx, node := context.Background(), w.f.NodeNames()[0]
		w.attachDisk(node)
		w.create(testPod(w.f, "p", script("sleep 3600"), usesDisk))
		w.pass(10 * time.Second)
		if got := strings.TrimSpace(w.exec("p", "(dd if=/dev/zero of=/data/f bs=1M count=2048; echo x >> /data/g) 2>&1")); !strings.Contains(got, "No space left on device") {
			t.Errorf("on a full disk: %q", got)
		}
		if _, err := w.f.Disks().Resize(ctx, "pvc-1", 4, timeline.Provider); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(w.exec("p", "(echo x >> /data/g) 2>&1")); !strings.Contains(got, "No space left on device") {
			t.Errorf("on a larger disk with the file system as it was: %q", got)
		}
		pv, err := w.api.CoreV1().PersistentVolumes().Get(ctx, "pvc-1", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		pv.Spec.Capacity = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("4Gi")}
		claim, err := w.api.CoreV1().PersistentVolumeClaims("default").Get(ctx, "data", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		claim.Status.Conditions = []corev1.PersistentVolumeClaimCondition{{Type: corev1.PersistentVolumeClaimFileSystemResizePending, Status: corev1.ConditionTrue}}
		claim.Status.AllocatedResourceStatuses = map[corev1.ResourceName]corev1.ClaimResourceStatus{corev1.ResourceStorage: corev1.PersistentVolumeClaimNodeResizePending}
		if _, err := w.api.CoreV1().PersistentVolumes().Update(ctx, pv, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.api.CoreV1().PersistentVolumeClaims("default").UpdateStatus(ctx, claim, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		w.pass(2 * time.Second)
		if claim, err = w.api.CoreV1().PersistentVolumeClaims("default").Get(ctx, "data", metav1.GetOptions{}); err != nil {
			t.Fatal(err)
		}
		if s := claim.Status; s.Capacity.Storage().String() != "4Gi" || len(s.Conditions)+len(s.AllocatedResourceStatuses) > 0 {
			t.Errorf("the claim says %v", s)
		}
		if got := strings.TrimSpace(w.exec("p", "echo x >> /data/g; cat /data/g")); got != "x" {
			t.Errorf("with more room: %q", got)
		}
		for _, name := range []string{"p", "data"} {
			if want := `FileSystemResizeSuccessful: MountVolume.NodeExpandVolume succeeded for volume "pvc-1" ` + node; !strings.Contains(w.events(name), want) {
				t.Errorf("of %s it is said:\n%s", name, w.events(name))
			}
		}
	})
}

// A disk can be given to a container without a file system.
func TestADiskAsADevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := diskWorld(t, 1, func(pv *corev1.PersistentVolume) { pv.Spec.VolumeMode = ptr.To(corev1.PersistentVolumeBlock) })
		defer w.stop()
		w.attachDisk(w.f.NodeNames()[0])
		w.create(testPod(w.f, "p", script("ls /dev/disk; echo x > /dev/disk && echo written; sleep 3600"), usesDisk, func(p *corev1.Pod) {
			p.Spec.Containers[0].VolumeMounts = nil
			p.Spec.Containers[0].VolumeDevices = []corev1.VolumeDevice{{Name: "data", DevicePath: "/dev/disk"}}
		}))
		w.pass(10 * time.Second)
		if got := w.logged("p"); got != "/dev/disk\nwritten" {
			t.Errorf("it says %q, %s", got, w.events("p"))
		}
	})
}

// Each node has a CSINode with its drivers, and makes it again when it is deleted; what others
// have put there stays.
func TestCSINodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, nil)
		defer w.stop()
		w.pass(5 * time.Second)
		ctx, node := context.Background(), w.f.NodeNames()[1]
		client := w.api.StorageV1().CSINodes()
		drivers := func() (out []string) {
			n, err := client.Get(ctx, node, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if o := n.OwnerReferences; len(o) != 1 || o[0].Kind != "Node" || o[0].Name != node {
				t.Errorf("its owner is %v", o)
			}
			for _, d := range n.Spec.Drivers {
				text := d.Name + " " + strings.Join(d.TopologyKeys, ",")
				if d.Allocatable != nil {
					text += fmt.Sprint(" ", *d.Allocatable.Count)
				}
				out = append(out, text)
			}
			return out
		}
		want := []string{"disk.csi.azure.com topology.disk.csi.azure.com/zone 8", "file.csi.azure.com "}
		if got := drivers(); !slices.Equal(got, want) {
			t.Errorf("its drivers are %q", got)
		}
		if got := w.node(node).Annotations["csi.volume.kubernetes.io/nodeid"]; got != fmt.Sprintf(`{"disk.csi.azure.com":%q,"file.csi.azure.com":%[1]q}`, node) {
			t.Errorf("the Node says %s", got)
		}
		if err := client.Delete(ctx, node, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		w.pass(5 * time.Second)
		if got := drivers(); !slices.Equal(got, want) {
			t.Errorf("after it was deleted its drivers are %q", got)
		}
		n, err := client.Get(ctx, node, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		n.Spec.Drivers = append(n.Spec.Drivers[1:], storagev1.CSINodeDriver{Name: "other", NodeID: "x"})
		if _, err := client.Update(ctx, n, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.f.CrashKubelet(node, timeline.Customer, false, false); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		if got := drivers(); !slices.Equal(got, []string{"file.csi.azure.com ", "other ", want[0]}) {
			t.Errorf("after a restart of the kubelet its drivers are %q", got)
		}
	})
}
