package nodes

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"
)

// volumes gives a pod volumes, of which each container has each, at /NAME.
func volumes(all ...corev1.Volume) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.Volumes = all
		for _, list := range [][]corev1.Container{p.Spec.InitContainers, p.Spec.Containers} {
			for i := range list {
				for _, v := range all {
					list[i].VolumeMounts = append(list[i].VolumeMounts, corev1.VolumeMount{Name: v.Name, MountPath: "/" + v.Name})
				}
			}
		}
	}
}

func emptyDir(name string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}
}

func configMapVolume(name string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}}}
}

func configMap(name, key, value string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"}, Data: map[string]string{key: value}}
}

// script makes the pod's container run one.
func script(text string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.Containers[0].Image, p.Spec.Containers[0].Ports = "busybox:1", nil
		p.Spec.Containers[0].Command = []string{"sh", "-c", text}
	}
}

func initScript(text string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.InitContainers = []corev1.Container{{Name: "init", Image: "busybox:1", Command: []string{"sh", "-c", text}}}
	}
}

// logged is what the pod's first container has logged.
func (w *world) logged(name string) string {
	w.t.Helper()
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	for _, m := range w.f.machines() {
		r := m.kubelet.Shell(0)
		for _, c := range r.Containers() {
			if c.Pod == name && c.Name == "c" {
				return strings.TrimSuffix(string(r.Logs(c.ID)), "\n")
			}
		}
	}
	return ""
}

func (w *world) phase(name string) string {
	p := w.pod(name)
	for _, c := range p.Status.ContainerStatuses {
		if c.State.Waiting != nil {
			return c.State.Waiting.Reason
		}
	}
	return string(p.Status.Phase)
}

// What a container writes to an emptyDir the pod's others read, and it outlives the container
// and the engine.
func TestAnEmptyDirIsThePods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		w.create(testPod(w.f, "shares", initScript("echo hello > /shared/greeting; mkdir /shared/runs"),
			script("cat /shared/greeting; touch /shared/runs/$RANDOM$(date +%s); ls /shared/runs | wc -l; sleep 20; exit 1"), volumes(emptyDir("shared"))))
		w.pass(100 * time.Second)
		if got := w.logged("shares"); got != "hello\n3" && got != "hello\n4" || w.pod("shares").Status.ContainerStatuses[0].RestartCount < 2 {
			t.Errorf("it says %q after %d restarts", got, w.pod("shares").Status.ContainerStatuses[0].RestartCount)
		}
		state, err := w.f.Save()
		if err != nil {
			t.Fatal(err)
		}
		before := w.pod("shares")
		w.stop()
		node, err := w.api.CoreV1().Nodes().Get(context.Background(), before.Spec.NodeName, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		w = newWorld(t, 1, state, before, node)
		w.pass(100 * time.Second)
		if got := w.logged("shares"); !strings.HasPrefix(got, "hello\n") {
			t.Errorf("after a resume it says %q", got)
		}
		w.remove("shares", 1)
		w.pass(10 * time.Second)
		w.f.mu.Lock()
		left, err := w.f.machines()[0].OS.List("/var/lib/kubelet/pods")
		w.f.mu.Unlock()
		if err != nil || len(left) > 0 {
			t.Errorf("the pod is gone, and %v is left: %v", left, err)
		}
		w.stop()
	})
}

// A pod whose emptyDir grows over its limit is evicted, in the kubelet's words.
func TestAnEmptyDirThatIsTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		v := emptyDir("cache")
		v.EmptyDir.SizeLimit = ptr.To(resource.MustParse("16Ki"))
		w.create(testPod(w.f, "grows", script("while true; do seq 1 1000 >> /cache/f; sleep 5; done"), volumes(v)))
		w.pass(40 * time.Second)
		p := w.pod("grows")
		if want := `Usage of EmptyDir volume "cache" exceeds the limit "16Ki". `; p.Status.Phase != corev1.PodFailed || p.Status.Reason != "Evicted" || p.Status.Message != want {
			t.Errorf("it is %s, %s: %q", p.Status.Phase, p.Status.Reason, p.Status.Message)
		}
	})
}

// What changes in a ConfigMap is in running containers within the kubelet's period, but for
// what is mounted by a subPath, and what cannot change.
func TestAConfigMapIsRefreshed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil, configMap("live", "colour", "blue"))
		defer w.stop()
		w.create(testPod(w.f, "reads", script("while true; do cat /live/colour /once; echo; sleep 10; done"), volumes(configMapVolume("live")), func(p *corev1.Pod) {
			p.Spec.Containers[0].VolumeMounts = append(p.Spec.Containers[0].VolumeMounts, corev1.VolumeMount{Name: "live", MountPath: "/once", SubPath: "colour"})
		}))
		w.pass(30 * time.Second)
		if got := w.logged("reads"); !strings.HasSuffix(got, "blueblue") {
			t.Fatalf("it says %q", got)
		}
		if _, err := w.api.CoreV1().ConfigMaps("default").Update(context.Background(), configMap("live", "colour", "red"), metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		w.pass(5 * time.Second)
		if got := w.logged("reads"); !strings.HasSuffix(got, "blueblue") {
			t.Errorf("at once it says %q", got)
		}
		w.pass(90 * time.Second)
		if got := w.logged("reads"); !strings.HasSuffix(got, "redblue") {
			t.Errorf("in the end it says %q", got)
		}
	})
}

// Projected volumes hold all that their sources have, with their modes.
func TestAProjectedVolume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil, configMap("kube-root-ca.crt", "ca.crt", "CA"))
		defer w.stop()
		asked := 0
		w.api.PrependReactor("create", "serviceaccounts", func(a clienttesting.Action) (bool, runtime.Object, error) {
			if a.GetSubresource() != "token" {
				return false, nil, nil
			}
			asked++
			r := a.(clienttesting.CreateAction).GetObject().(*authenticationv1.TokenRequest).DeepCopy()
			r.Status.Token = "token-for-" + r.Spec.BoundObjectRef.Name
			return true, r, nil
		})
		v := corev1.Volume{Name: "api", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{DefaultMode: ptr.To[int32](0o440), Sources: []corev1.VolumeProjection{
			{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token", ExpirationSeconds: ptr.To[int64](3607)}},
			{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "kube-root-ca.crt"}, Items: []corev1.KeyToPath{{Key: "ca.crt", Path: "ca.crt"}}}},
			{DownwardAPI: &corev1.DownwardAPIProjection{Items: []corev1.DownwardAPIVolumeFile{
				{Path: "labels", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.labels"}, Mode: ptr.To[int32](0o400)},
				{Path: "cpu", ResourceFieldRef: &corev1.ResourceFieldSelector{ContainerName: "c", Resource: "limits.cpu", Divisor: resource.MustParse("1m")}},
			}}},
		}}}}
		w.create(testPod(w.f, "sees", func(p *corev1.Pod) {
			p.Labels = map[string]string{"b": "2", "a": "1"}
			p.Spec.Containers[0].Resources.Limits = corev1.ResourceList{"cpu": resource.MustParse("250m")}
		}, script("cd /api; ls; ls -l labels ca.crt | cut -c1-10; cat token ca.crt cpu; echo; cat labels; echo; echo x > ca.crt; sleep 1000"), volumes(v)))
		w.pass(10 * time.Second)
		want := "ca.crt\ncpu\nlabels\ntoken\n-r--------\n-r--r-----\ntoken-for-seesCA250\na=\"1\"\nb=\"2\"\nsh: can't create ca.crt: Read-only file system"
		if got := w.logged("sees"); got != want {
			t.Errorf("it says\n%s\nwant\n%s", got, want)
		}
		if asked != 1 {
			t.Errorf("%d tokens were asked for", asked)
		}
	})
}

// What is read-only stays so; a hostPath is the node's own.
func TestAHostPathIsTheNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		etc := corev1.Volume{Name: "etc", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/etc"}}}
		w.create(testPod(w.f, "node", script("cat /etc-node/hostname; echo made > /etc-node/made; echo x > /x; echo y > /shared/y; ls /shared; sleep 1000"), func(p *corev1.Pod) {
			p.Spec.Volumes = []corev1.Volume{etc, emptyDir("shared")}
			p.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "etc", MountPath: "/etc-node"}, {Name: "shared", MountPath: "/shared"}}
			p.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{ReadOnlyRootFilesystem: ptr.To(true)}
		}))
		w.pass(10 * time.Second)
		node := w.f.NodeNames()[0]
		if got, want := w.logged("node"), node+"\nsh: can't create /x: Read-only file system\ny"; got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
		w.f.mu.Lock()
		defer w.f.mu.Unlock()
		if b, err := w.f.machines()[0].OS.Read("/etc/made"); string(b) != "made\n" {
			t.Errorf("the node has %q, %v", b, err)
		}
	})
}

// A pod waits for a volume that cannot be mounted, and the kubelet says why.
func TestAPodWaitsForItsVolumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pv := func(name string, source corev1.PersistentVolumeSource) *corev1.PersistentVolume {
			return &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PersistentVolumeSpec{PersistentVolumeSource: source}}
		}
		pvc := func(name, pv string, phase corev1.PersistentVolumeClaimPhase) *corev1.PersistentVolumeClaim {
			return &corev1.PersistentVolumeClaim{
				ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"}, Spec: corev1.PersistentVolumeClaimSpec{VolumeName: pv},
				Status: corev1.PersistentVolumeClaimStatus{Phase: phase},
			}
		}
		w := newWorld(t, 1, nil,
			pv("disk", corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: "disk.csi.azure.com", VolumeHandle: "d"}}),
			pv("file", corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: "file.csi.azure.com", VolumeHandle: "f"}}),
			&storagev1.CSIDriver{ObjectMeta: metav1.ObjectMeta{Name: "file.csi.azure.com"}, Spec: storagev1.CSIDriverSpec{AttachRequired: ptr.To(false)}},
			pv("other", corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: "other.example.com", VolumeHandle: "o"}}),
			&storagev1.CSIDriver{ObjectMeta: metav1.ObjectMeta{Name: "other.example.com"}, Spec: storagev1.CSIDriverSpec{AttachRequired: ptr.To(false)}},
			pv("here", corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/mnt/data"}}),
			pvc("disk", "disk", corev1.ClaimBound), pvc("file", "file", corev1.ClaimBound), pvc("other", "other", corev1.ClaimBound), pvc("here", "here", corev1.ClaimBound), pvc("free", "", corev1.ClaimPending))
		defer w.stop()
		source := map[string]corev1.VolumeSource{
			"csi":     {CSI: &corev1.CSIVolumeSource{Driver: "secrets-store.csi.k8s.io"}},
			"no-dir":  {HostPath: &corev1.HostPathVolumeSource{Path: "/does/not/exist", Type: ptr.To(corev1.HostPathDirectory)}},
			"no-file": {HostPath: &corev1.HostPathVolumeSource{Path: "/etc", Type: ptr.To(corev1.HostPathFile)}},
			"makes":   {HostPath: &corev1.HostPathVolumeSource{Path: "/mnt/made", Type: ptr.To(corev1.HostPathDirectoryOrCreate)}},
		}
		for _, name := range []string{"disk", "file", "other", "here", "free", "none"} {
			source[name] = corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: name}}
		}
		for name, s := range source {
			w.create(testPod(w.f, name, volumes(corev1.Volume{Name: "v", VolumeSource: s})))
		}
		w.pass(30 * time.Second)
		for name, want := range map[string]string{
			"makes": "", "here": "", "disk": "wait",
			"csi":     `MountVolume.SetUp failed for volume "v" : kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name secrets-store.csi.k8s.io not found in the list of registered CSI drivers`,
			"no-dir":  `MountVolume.SetUp failed for volume "v" : hostPath type check failed, /does/not/exist is not a directory, unable to determine its type: path "/does/not/exist" does not exist`,
			"no-file": `MountVolume.SetUp failed for volume "v" : hostPath type check failed: /etc is not a file, it's a Directory`,
			"file":    `rpc error: code = InvalidArgument desc = GetAccountInfo(f) failed with error: error parsing volume id: "f", should at least contain two #`,
			"other":   `MountVolume.MountDevice failed for volume "other" : kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient: driver name other.example.com not found in the list of registered CSI drivers`,
			"free":    `error processing PVC default/free: PVC is not bound`,
			"none":    `error processing PVC default/none: failed to fetch PVC from API server: persistentvolumeclaims "none" not found`,
		} {
			if phase := w.phase(name); (phase == "Running") != (want == "") || want != "" && phase != "ContainerCreating" {
				t.Errorf("%s is %s", name, phase)
			}
			if events := w.events(name); want != "wait" && !strings.Contains(events, want) || want == "wait" && strings.Contains(events, "FailedMount") {
				t.Errorf("of %s it is said:\n%s", name, events)
			}
		}
		w.f.mu.Lock()
		err := w.f.machines()[0].OS.MakeDirs(time.Now(), "/does/not/exist", 0o755)
		w.f.mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		if w.phase("no-dir") != "Running" {
			t.Errorf("the directory is there, and the pod is %s", w.phase("no-dir"))
		}
	})
}

// An init container gives a volume to the user of the container, who finds it so; without
// that the volume is the pod's fsGroup's.
func TestWhoseAVolumeIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil, configMap("config", "key", "value"))
		defer w.stop()
		w.create(testPod(w.f, "p", initScript("touch /data/f; chown -R 1000:1001 /data; touch /data/root"), script("touch /data/mine; sleep 3600"),
			volumes(emptyDir("data"), emptyDir("free"), configMapVolume("config")), func(p *corev1.Pod) {
				p.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsUser: ptr.To[int64](1000), FSGroup: ptr.To[int64](3000)}
				p.Spec.InitContainers[0].SecurityContext = &corev1.SecurityContext{RunAsUser: ptr.To[int64](0)}
			}))
		w.pass(15 * time.Second)
		for file, want := range map[string]string{
			"/data": "1000:1001", "/data/f": "1000:1001", "/data/root": "0:3000", "/data/mine": "1000:3000", "/free": "0:3000", "/config/key": "0:3000", "/etc/hostname": "0:0",
		} {
			if got := strings.TrimSpace(w.exec("p", "stat -c %u:%g "+file)); got != want {
				t.Errorf("%s is %q's, want %s", file, got, want)
			}
		}
		if got := strings.TrimSpace(w.exec("p", "id")); got != "uid=1000 gid=0(root) groups=0(root),3000" {
			t.Errorf("id: got %q", got)
		}
	})
}
