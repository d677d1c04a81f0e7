package kubelet

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"demarc/nodes/cloud"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// claim is what the API server said of a PersistentVolumeClaim of a pod.
type claim struct {
	err        error // why there is no volume
	pv         *corev1.PersistentVolume
	attachable bool   // somebody has to attach it
	attached   bool   // to the node, or nobody has to attach it
	lun        string // where the VolumeAttachment says it is
	// growing is the claim while the volume is larger than its file system.
	growing *corev1.PersistentVolumeClaim
	sought  time.Time // since when the driver looks for it on the node
}

var (
	// errNotAttached is why a pod waits of which a kubelet says nothing: the
	// attach-detach controller does.
	errNotAttached = errors.New("volume not attached according to node status")
	// errNotConnected is why a kubelet cannot ask the API server.
	errNotConnected = errors.New("the API server cannot be reached")
)

// claimName is the claim of a volume; empty if it has none.
func claimName(pod *corev1.Pod, v *corev1.Volume) string {
	switch {
	case v.PersistentVolumeClaim != nil:
		return v.PersistentVolumeClaim.ClaimName
	case v.Ephemeral != nil:
		return pod.Name + "-" + v.Name
	}
	return ""
}

// claimNames are the claims of a pod.
func claimNames(pod *corev1.Pod) (names []string) {
	for i := range pod.Spec.Volumes {
		if name := claimName(pod, &pod.Spec.Volumes[i]); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// attachable says in the kubelet's words why a volume cannot be mounted; nil if it can.
func (p *pod) attachable(v *corev1.Volume, now time.Time) error {
	failed := func(err error) error {
		if err == nil {
			return nil
		}
		return fmt.Errorf("MountVolume.SetUp failed for volume %q : %w", v.Name, err)
	}
	switch name := claimName(p.spec, v); {
	case name != "":
		return p.claimable(v.Name, name, now)
	case v.HostPath != nil:
		return failed(p.k.checkHostPath(v.HostPath, now))
	case v.CSI != nil && registered(v.CSI.Driver):
		return failed(fmt.Errorf("kubernetes.io/csi: mounter.SetUpAt failed to check volume lifecycle mode: volume mode \"Ephemeral\" not supported by driver %s (only supports [\"Persistent\"])", v.CSI.Driver))
	case v.CSI != nil:
		return failed(fmt.Errorf("kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: %w", noDriver(v.CSI.Driver)))
	}
	return failed(p.config.mountable(*v))
}

// noDriver is what a kubelet says on a node on which nobody has registered a driver.
func noDriver(name string) error {
	return fmt.Errorf("driver name %s not found in the list of registered CSI drivers", name)
}

// claimable says why the volume of a claim cannot be mounted.
func (p *pod) claimable(volume, name string, now time.Time) error {
	c := p.config.claims[name]
	switch {
	case c == nil:
		return errNotAttached // not looked up yet
	case c.err != nil:
		//lint:ignore ST1005 it is the kubelet's text
		return fmt.Errorf("Unable to attach or mount volumes: unmounted volumes=[%s], unattached volumes=[], failed to process volumes=[%[1]s]: error processing PVC %s/%s: %w",
			volume, p.namespace, name, c.err)
	case !c.attached:
		return errNotAttached
	}
	switch s := &c.pv.Spec; {
	case s.CSI != nil:
		return p.staged(c, now)
	case s.HostPath != nil:
		if err := p.k.checkHostPath(s.HostPath, now); err != nil {
			return fmt.Errorf("MountVolume.SetUp failed for volume %q : %w", c.pv.Name, err)
		}
	case s.Local != nil:
		if _, err := p.k.m.OS.Stat(s.Local.Path); err != nil {
			return fmt.Errorf("MountVolume.NewMounter initialization failed for volume %q : path %q does not exist", c.pv.Name, s.Local.Path)
		}
	}
	return nil
}

// takeClaims takes what the API server says of the pod's claims. What is done meanwhile for
// a volume goes on.
func (c *podConfig) takeClaims(claims map[string]*claim) {
	for name, now := range claims {
		if old := c.claims[name]; old != nil && old.attached && now.attached {
			now.sought = old.sought
		}
	}
	c.claims = claims
}

// lookUpClaims asks the API server for a pod's claims and their volumes.
func (ks *Kubelets) lookUpClaims(ctx context.Context, p *pod, spec *corev1.Pod) (map[string]*claim, error) {
	out := map[string]*claim{}
	for _, name := range claimNames(spec) {
		c, err := ks.lookUpClaim(ctx, p, name)
		if err != nil {
			return nil, fmt.Errorf("get persistentvolumeclaim %s/%s: %w", p.namespace, name, err)
		}
		out[name] = c
	}
	return out, nil
}

// lookUpClaim asks for one claim. Its error is that nobody has answered.
func (ks *Kubelets) lookUpClaim(ctx context.Context, p *pod, name string) (*claim, error) {
	pvc, err := ks.Client.CoreV1().PersistentVolumeClaims(p.namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case err != nil && outage(err):
		return nil, err
	case err != nil:
		return &claim{err: fmt.Errorf("failed to fetch PVC from API server: %w", err)}, nil
	case pvc.Status.Phase != corev1.ClaimBound:
		return &claim{err: errors.New("PVC is not bound")}, nil
	}
	pv, err := ks.Client.CoreV1().PersistentVolumes().Get(ctx, pvc.Spec.VolumeName, metav1.GetOptions{})
	switch {
	case err != nil && outage(err):
		return nil, err
	case err != nil:
		return &claim{err: fmt.Errorf("failed to fetch PV %s from API server: %w", pvc.Spec.VolumeName, err)}, nil
	}
	c := &claim{pv: pv, attached: true}
	if pv.Spec.CSI == nil {
		return c, nil
	}
	if pv.Spec.CSI.Driver == cloud.DiskDriver && growing(pvc) {
		c.growing = pvc
	}
	ks.Lock.Lock()
	before := p.config.claims[name]
	ks.Lock.Unlock()
	if c.attachable = before != nil && before.attachable && before.pv.UID == pv.UID; !c.attachable {
		if c.attachable, err = ks.attachRequired(ctx, pv.Spec.CSI.Driver); err != nil || !c.attachable {
			return c, err
		}
	}
	return c, ks.lookUpAttachment(ctx, p.k.m.Name, c)
}

// attachRequired asks whether somebody has to attach the volumes of a driver, which does not
// change.
func (ks *Kubelets) attachRequired(ctx context.Context, name string) (bool, error) {
	driver, err := ks.Client.StorageV1().CSIDrivers().Get(ctx, name, metav1.GetOptions{})
	switch {
	case err == nil:
		return ptr.Deref(driver.Spec.AttachRequired, true), nil
	case outage(err):
		return false, err
	}
	return true, nil
}

// lookUpAttachment asks whether a claim's volume is attached to a node.
func (ks *Kubelets) lookUpAttachment(ctx context.Context, node string, c *claim) error {
	c.attached = false
	a, err := ks.Client.StorageV1().VolumeAttachments().Get(ctx, attachment(c.pv, node), metav1.GetOptions{})
	switch {
	case err != nil && outage(err):
		return err
	case err == nil:
		c.attached, c.lun = a.Status.Attached, a.Status.AttachmentMetadata["LUN"]
	}
	return nil
}

// attachment is the name that the attach-detach controller gives a VolumeAttachment
// (kubernetes 1.37, pkg/volume/csi: getAttachmentName).
func attachment(pv *corev1.PersistentVolume, node string) string {
	return fmt.Sprintf("csi-%x", sha256.Sum256([]byte(pv.Spec.CSI.VolumeHandle+pv.Spec.CSI.Driver+node)))
}
