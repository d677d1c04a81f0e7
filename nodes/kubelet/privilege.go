package kubelet

import (
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// rulesNode says whether the container can do on its node what root can: it is privileged,
// or among the node's processes.
func (c *container) rulesNode() bool {
	s := c.spec()
	if s == nil || c.p.k.ks.NodeShell == nil {
		return false
	}
	return c.p.spec.Spec.HostPID || s.SecurityContext != nil && ptr.Deref(s.SecurityContext.Privileged, false)
}

// administersNetwork says whether a container has the capability NET_ADMIN, as every
// privileged one has.
func administersNetwork(s *corev1.SecurityContext) bool {
	if s == nil {
		return false
	}
	has := func(c corev1.Capability) bool {
		return slices.Contains([]string{"ALL", "NET_ADMIN"}, strings.TrimPrefix(strings.ToUpper(string(c)), "CAP_"))
	}
	return ptr.Deref(s.Privileged, false) || s.Capabilities != nil && slices.ContainsFunc(s.Capabilities.Add, has)
}

// nodeRoot is where the container sees the whole file system of its node; empty if it
// does not.
func (c *container) nodeRoot() string {
	spec := c.spec()
	if spec == nil {
		return ""
	}
	for _, m := range spec.VolumeMounts {
		for _, v := range c.p.spec.Spec.Volumes {
			if v.Name == m.Name && isRoot(v.HostPath) && m.SubPath == "" {
				return path.Clean(m.MountPath)
			}
		}
	}
	return ""
}

func isRoot(v *corev1.HostPathVolumeSource) bool { return v != nil && path.Clean(v.Path) == "/" }
