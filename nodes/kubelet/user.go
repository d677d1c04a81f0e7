package kubelet

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// runsAs is the user and the group as which a container runs: the container's, the pod's,
// the image's if that is a number, or root.
func (p *pod) runsAs(c *corev1.Container) (user, group int64) {
	user, _ = strconv.ParseInt(p.k.ks.Images.UserOf(c.Image), 10, 64) // a name has a number that nobody here knows
	if s := p.spec.Spec.SecurityContext; s != nil {
		user, group = ptr.Deref(s.RunAsUser, user), ptr.Deref(s.RunAsGroup, 0)
	}
	if s := c.SecurityContext; s != nil {
		user, group = ptr.Deref(s.RunAsUser, user), ptr.Deref(s.RunAsGroup, group)
	}
	return user, group
}

// groups are those in which the pod's processes are beside their own.
func (p *pod) groups() (list []int64) {
	if s := p.spec.Spec.SecurityContext; s != nil {
		if s.FSGroup != nil {
			list = append(list, *s.FSGroup)
		}
		list = append(list, s.SupplementalGroups...)
	}
	return list
}

// sysctls are the kernel's parameters that the pod sets.
func (p *pod) sysctls() map[string]string {
	s := p.spec.Spec.SecurityContext
	if s == nil || len(s.Sysctls) == 0 {
		return nil
	}
	set := map[string]string{}
	for _, x := range s.Sysctls {
		set[x.Name] = x.Value
	}
	return set
}
