package kubelet

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/nodes/cloud"
	"demarc/nodes/program"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// peeker is a volume of which who holds the lock can read a file.
type peeker interface {
	program.Volume
	peek(name string) ([]byte, error)
}

// mounts are the container's volumes, where it finds them.
func (p *pod) mounts(c *corev1.Container, env *variables, now time.Time) (out []program.Mount, err error) {
	for _, m := range c.VolumeMounts {
		i := slices.IndexFunc(p.spec.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name })
		if i < 0 {
			return nil, fmt.Errorf("cannot find volume %q to mount into container %q", m.Name, c.Name)
		}
		v := &p.spec.Spec.Volumes[i]
		mount := program.Mount{Path: m.MountPath, Volume: p.volume(v), ReadOnly: m.ReadOnly || p.readOnly(v)}
		switch {
		case inMemory(v):
			mount.Type = "tmpfs"
		case v.Image != nil:
			mount.Type, mount.NoExec = "overlay", true
		default:
			mount.Type = p.fileSystem(v)
		}
		sub, err := subPath(&m, env)
		if err != nil {
			return nil, err
		}
		if sub = path.Clean(sub); sub != "." {
			if err := p.imagePart(v, sub); err != nil {
				return nil, err
			}
			mount = within(mount, sub)
			if err := p.makeSub(mount, now); err != nil {
				return nil, fmt.Errorf("failed to create subPath directory for volumeMount %q of container %q", m.Name, c.Name)
			}
		}
		if d, ok := mount.Volume.(nodeDir); ok {
			f, err := d.stat()
			mount.File = err == nil && !f.Dir
		}
		out = append(out, mount)
	}
	devices, err := p.devices(c)
	return append(out, devices...), err
}

// subPath is what of its volume is mounted, with what the kubelet says of one that cannot be
// (kubernetes 1.37, pkg/kubelet: makeMounts).
func subPath(m *corev1.VolumeMount, env *variables) (string, error) {
	sub := m.SubPath
	if m.SubPathExpr != "" {
		for _, r := range reference.FindAllStringSubmatch(m.SubPathExpr, -1) {
			if _, known := env.values[r[1]]; !known && r[1] != "" {
				return "", fmt.Errorf("missing value for %q", r[1])
			}
		}
		sub = expand(m.SubPathExpr, env)
	}
	switch {
	case path.IsAbs(sub):
		return "", fmt.Errorf("error SubPath `%s` must not be an absolute path", sub)
	case slices.Contains(strings.Split(sub, "/"), ".."):
		return "", fmt.Errorf("unable to provision SubPath `%s`: must not contain '..'", sub)
	}
	return sub, nil
}

// makeSub makes the directory of a subPath that is missing.
func (p *pod) makeSub(m program.Mount, now time.Time) error {
	d, ok := m.Volume.(nodeDir)
	if !ok || m.ReadOnly {
		return nil
	}
	if _, err := d.stat(); err == nil {
		return nil
	}
	files, err := d.tree()
	if err == nil {
		err = files.MakeDirs(now, d.path, 0o777)
	}
	return err
}

// inMemory says whether the volume is a tmpfs on the node: what holds secrets is, and an
// emptyDir that wants it.
func inMemory(v *corev1.Volume) bool {
	return v.Secret != nil || v.DownwardAPI != nil || v.Projected != nil || v.EmptyDir != nil && v.EmptyDir.Medium == corev1.StorageMediumMemory
}

// within is the mount of a part of a volume.
func within(m program.Mount, sub string) program.Mount {
	switch v := m.Volume.(type) {
	case nodeDir:
		v.path, v.lazy = path.Join(v.path, sub), true // the kubelet makes what is missing
		m.Volume = v
	case *projection:
		_, dir, err := v.find(sub)
		m.Volume, m.Sub, m.File = v.frozen(), sub, err == nil && !dir
	}
	return m
}

// readOnly says whether nobody can write to the volume.
func (p *pod) readOnly(v *corev1.Volume) bool {
	s := p.csi(v)
	return projects(v) || v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ReadOnly || s != nil && s.ReadOnly
}

// fileSystem is the kind of a volume's file system; empty for the usual one.
func (p *pod) fileSystem(v *corev1.Volume) string {
	if s := p.csi(v); s != nil {
		if s.Driver == cloud.FileDriver {
			return shareType(s)
		}
		return s.FSType
	}
	return ""
}

// csi is what a CSI driver is to mount for a volume; nil if none is.
func (p *pod) csi(v *corev1.Volume) *corev1.CSIPersistentVolumeSource {
	if c := p.config.claims[claimName(p.spec, v)]; c != nil && c.pv != nil {
		return c.pv.Spec.CSI
	}
	return nil
}

// projects says whether the node makes the volume's files.
func projects(v *corev1.Volume) bool {
	return v.ConfigMap != nil || v.Secret != nil || v.DownwardAPI != nil || v.Projected != nil || v.Image != nil
}

// volume is one of the pod's volumes, which can be mounted. One whose data lie elsewhere, of
// a kind that nobody here knows, is an empty directory.
func (p *pod) volume(v *corev1.Volume) peeker {
	switch {
	case projects(v):
		return p.projection(v)
	case v.HostPath != nil:
		return nodeDir{p: p, path: v.HostPath.Path, lazy: ptr.Deref(v.HostPath.Type, "") == corev1.HostPathUnset}
	}
	if name := claimName(p.spec, v); name != "" {
		if c := p.config.claims[name]; c != nil && c.pv != nil {
			return p.persistent(c.pv)
		}
	}
	return p.emptyDir(v)
}

// persistent is a PersistentVolume on the node.
func (p *pod) persistent(pv *corev1.PersistentVolume) nodeDir {
	switch s := &pv.Spec; {
	case s.HostPath != nil:
		return nodeDir{p: p, path: s.HostPath.Path, lazy: ptr.Deref(s.HostPath.Type, "") == corev1.HostPathUnset}
	case s.Local != nil:
		return nodeDir{p: p, path: s.Local.Path, grouped: true}
	case s.CSI != nil && s.CSI.Driver == cloud.DiskDriver:
		return p.managedDisk(s.CSI)
	case s.CSI != nil && s.CSI.Driver == cloud.FileDriver:
		return nodeDir{p: p, path: "/", share: p.fileShare(pv), grouped: true}
	}
	return nodeDir{p: p, path: path.Join("/var/lib/kubelet/plugins", pv.Name), lazy: true, grouped: true}
}

// projection is a volume of which the kubelet makes the files.
func (p *pod) projection(v *corev1.Volume) *projection {
	at := p.projections[v.Name]
	if at == nil {
		at = &projection{}
		at.put(p.projected(v), time.Now())
		if p.projections == nil {
			p.projections = map[string]*projection{}
		}
		p.projections[v.Name] = at
	}
	return at
}

// reproject makes the files of volumes that are mounted anew.
func (p *pod) reproject(now time.Time) {
	for i := range p.spec.Spec.Volumes {
		v := &p.spec.Spec.Volumes[i]
		if at := p.projections[v.Name]; at != nil && p.config.mountable(*v) == nil { // else the old ones stay
			at.put(p.projected(v), now)
		}
	}
	p.reconfigured(now)
}

// describes says whether a volume shows the pod's own metadata, which can change.
func describes(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool {
		return v.DownwardAPI != nil || v.Projected != nil &&
			slices.ContainsFunc(v.Projected.Sources, func(s corev1.VolumeProjection) bool { return s.DownwardAPI != nil })
	})
}

// projecting is the files of a volume while they are put together.
type projecting struct {
	p      *pod
	volume string
	mode   fs.FileMode // of a file that has none of its own
	files  map[string]projected
}

// projected is the files of a volume.
func (p *pod) projected(v *corev1.Volume) map[string]projected {
	b := projecting{p: p, volume: v.Name, mode: 0o644, files: map[string]projected{}}
	switch {
	case v.Image != nil:
		b.image(v.Image.Reference)
	case v.ConfigMap != nil:
		b.setMode(v.ConfigMap.DefaultMode)
		b.config(ref{kind: "configmap", name: v.ConfigMap.Name}, v.ConfigMap.Items)
	case v.Secret != nil:
		b.setMode(v.Secret.DefaultMode)
		b.config(ref{kind: "secret", name: v.Secret.SecretName}, v.Secret.Items)
	case v.DownwardAPI != nil:
		b.setMode(v.DownwardAPI.DefaultMode)
		b.downward(v.DownwardAPI.Items)
	case v.Projected != nil:
		b.setMode(v.Projected.DefaultMode)
		for i, s := range v.Projected.Sources {
			b.source(i, s)
		}
	}
	return b.files
}

// source adds the files of the i-th source of a projected volume.
func (b *projecting) source(i int, s corev1.VolumeProjection) {
	switch {
	case s.ConfigMap != nil:
		b.config(ref{kind: "configmap", name: s.ConfigMap.Name}, s.ConfigMap.Items)
	case s.Secret != nil:
		b.config(ref{kind: "secret", name: s.Secret.Name}, s.Secret.Items)
	case s.DownwardAPI != nil:
		b.downward(s.DownwardAPI.Items)
	case s.ServiceAccountToken != nil:
		b.put(s.ServiceAccountToken.Path, nil, nil)
		f := b.files[path.Clean(s.ServiceAccountToken.Path)]
		f.token = b.p.token(b.volume, s.ServiceAccountToken)
		b.files[path.Clean(s.ServiceAccountToken.Path)] = f
	case s.ClusterTrustBundle != nil:
		b.put(s.ClusterTrustBundle.Path, b.p.config.objects[trustRef(s.ClusterTrustBundle)].content()[trustKey], nil)
	case s.PodCertificate != nil:
		b.credential(s.PodCertificate, b.p.config.credentials[credentialKey{b.volume, i}])
	}
}

// credential adds a private key with its certificate. One that a group may read is nobody
// else's (kubernetes 1.37, pkg/volume/projected: collectData).
func (b *projecting) credential(s *corev1.PodCertificateProjection, c *credential) {
	if c.missing() != nil {
		return
	}
	var mode *int32
	if sc := b.p.spec.Spec.SecurityContext; sc != nil && sc.FSGroup != nil {
		mode = ptr.To[int32](0o600)
	}
	for path, data := range map[string][]byte{
		s.CredentialBundlePath: slices.Concat(c.key, c.chain), s.KeyPath: c.key, s.CertificateChainPath: c.chain,
	} {
		if path != "" {
			b.put(path, data, mode)
		}
	}
}

func (b *projecting) setMode(mode *int32) {
	b.mode = fs.FileMode(ptr.Deref(mode, int32(b.mode))).Perm()
}

// put adds a file. A group that owns the volume may read it (kubernetes 1.37, pkg/volume:
// SetVolumeOwnership).
func (b *projecting) put(name string, data []byte, mode *int32) {
	f := projected{data: data, mode: fs.FileMode(ptr.Deref(mode, int32(b.mode))).Perm()}
	if s := b.p.spec.Spec.SecurityContext; s != nil && s.FSGroup != nil {
		f.mode |= 0o440
		f.group = strconv.FormatInt(*s.FSGroup, 10)
	}
	b.files[path.Clean(name)] = f
}

// config adds the keys of a ConfigMap or a Secret: all, or those that are named.
func (b *projecting) config(r ref, items []corev1.KeyToPath) {
	data := b.p.config.objects[r].content()
	if len(items) == 0 {
		for key, content := range data {
			b.put(key, content, nil)
		}
	}
	for _, item := range items {
		if content, ok := data[item.Key]; ok {
			b.put(item.Path, content, item.Mode)
		}
	}
}

func (b *projecting) downward(items []corev1.DownwardAPIVolumeFile) {
	for _, item := range items {
		switch {
		case item.FieldRef != nil:
			b.put(item.Path, []byte(b.p.field(item.FieldRef.FieldPath)), item.Mode)
		case item.ResourceFieldRef != nil:
			if c := containerSpec(b.p.spec, item.ResourceFieldRef.ContainerName); c != nil {
				b.put(item.Path, []byte(b.p.resourceField(c, item.ResourceFieldRef)), item.Mode)
			}
		}
	}
}

// token is the pod's token in a volume: always the same source.
func (p *pod) token(volume string, s *corev1.ServiceAccountTokenProjection) *tokenSource {
	key := volume + "/" + path.Clean(s.Path)
	if p.tokens[key] == nil {
		if p.tokens == nil {
			p.tokens = map[string]*tokenSource{}
		}
		p.tokens[key] = p.newToken(s)
	}
	return p.tokens[key]
}

// formatMap is labels or annotations as the downward API writes all of them.
func formatMap(m map[string]string) string {
	lines := make([]string, 0, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		lines = append(lines, fmt.Sprintf("%v=%q", key, m[key]))
	}
	return strings.Join(lines, "\n")
}

// scripts are the files of volumes that the command line names, by path.
func scripts(mounts []program.Mount, argv []string) map[string][]byte {
	out := map[string][]byte{}
	for _, a := range argv {
		if !path.IsAbs(a) {
			continue
		}
		for _, m := range mounts {
			rest, ok := strings.CutPrefix(path.Clean(a), strings.TrimSuffix(path.Clean(m.Path), "/"))
			v, is := m.Volume.(peeker)
			if !ok || !is || rest != "" && rest[0] != '/' {
				continue
			}
			if b, err := v.peek(path.Join(".", m.Sub, rest)); err == nil && b != nil {
				out[path.Clean(a)] = b
			}
		}
	}
	return out
}
