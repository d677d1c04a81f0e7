package kubelet

import (
	"fmt"
	"path"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// ensureVolumes brings the images of the pod's volumes to the node. One that cannot be had
// keeps a container from being made if that mounts it (kubernetes 1.37,
// pkg/kubelet/kuberuntime: getImageVolumes, toKubeContainerImageVolumes).
func (p *pod) ensureVolumes(c *container, now time.Time) pullState {
	failed := pullDone
	for _, v := range p.spec.Spec.Volumes {
		if v.Image == nil {
			continue
		}
		switch l := p.pullOf(v); p.ensureImage(l, now) {
		case pullUnderWay:
			return pullUnderWay
		case pullFailed:
			if mountsVolume(c.spec(), v.Name) {
				c.lacks(now, l)
				failed = pullFailed
			}
		}
	}
	return failed
}

// pullOf is the pull of an image volume. Its events are the pod's.
func (p *pod) pullOf(v corev1.Volume) *pull {
	l := p.pulls[v.Name]
	if l == nil {
		l = &pull{}
		if p.pulls == nil {
			p.pulls = map[string]*pull{}
		}
		p.pulls[v.Name] = l
	}
	l.of(v.Image.Reference, v.Image.PullPolicy, "")
	return l
}

// remount has the images of volumes looked for again, as for each container that starts anew.
func (p *pod) remount() {
	for _, l := range p.pulls {
		l.ready = false
	}
}

func mountsVolume(c *corev1.Container, name string) bool {
	for _, m := range c.VolumeMounts {
		if m.Name == name {
			return true
		}
	}
	return false
}

// image adds the files of an image, as far as its entry names them.
func (b *projecting) image(name string) {
	entry := b.p.k.ks.Images.Lookup(name)
	if entry == nil {
		return
	}
	b.mode = 0o755
	for file, text := range entry.Files {
		b.put(strings.TrimPrefix(file, "/"), []byte(text), nil)
	}
}

// imageMountError is what containerd says of an image volume that it cannot mount.
type imageMountError struct{ error }

// imagePart says why a part of an image volume cannot be mounted: only a directory of the
// image can (containerd 2, internal/cri/server: ensureImageSubPath).
func (p *pod) imagePart(v *corev1.Volume, sub string) error {
	if v.Image == nil {
		return nil
	}
	_, id, _ := strings.Cut(imageID(v.Image.Reference), "@sha256:")
	root := path.Join("/run/containerd/io.containerd.grpc.v1.cri/image-volumes", hexID("sandbox", p.uid, p.sandboxes), id)
	_, dir, err := p.projection(v).find(sub)
	switch {
	case err != nil:
		err = fmt.Errorf("openat %s: %w", sub, syscall.ENOENT)
	case !dir:
		err = fmt.Errorf("only directory subpath is supported, subpath: %q, mountpoint: %q ", sub, root)
	default:
		return nil
	}
	return imageMountError{fmt.Errorf("failed to mount image volume: ImageVolumeMountFailed: failed to ensure image subpath %q in %q: %w", sub, root, err)}
}
