package kubelet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	corehelpers "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
)

// refusal is why a kubelet does not admit a pod, in its words.
type refusal struct{ reason, message string }

// admissible says why the kubelet does not admit the pod; nil if it does. The order is the
// kubelet's (kubernetes 1.37, pkg/kubelet: admission handlers).
func (p *pod) admissible() *refusal {
	if why := p.refused(); why != "" {
		return &refusal{"Evicted", why}
	}
	if why := forbiddenSysctl(p.spec); why != "" {
		return &refusal{"SysctlForbidden", "forbidden sysctl: " + why}
	}
	if os := p.spec.Spec.OS; os != nil && os.Name != corev1.Linux {
		return &refusal{"PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS"}
	}
	if r := p.tooMuch(); r != nil && !p.critical() { // for a critical pod others go
		return r
	}
	return p.misplaced()
}

// reject ends a pod that was not admitted.
func (p *pod) reject(now time.Time, r *refusal) {
	p.fail(now, warning, r.reason, r.message)
	p.rejected, p.why = true, "Pod was rejected: "+r.message
}

// tooMuch says which resource the node has too little of.
func (p *pod) tooMuch() *refusal {
	var used corev1.ResourceList
	pods := int64(0)
	for _, o := range p.k.pods {
		if o != p && !o.admitted.IsZero() && !o.over && !o.failed && !terminal(o.spec.Status.Phase) {
			pods++
			used = add(used, requests(&o.spec.Spec))
		}
	}
	all := allocatable(p.k.m)
	if most := all.Pods().Value(); pods+1 > most {
		return shortOf("OutOfpods", corev1.ResourcePods, 1, pods, most)
	}
	wanted := requests(&p.spec.Spec)
	for _, r := range []struct {
		name   corev1.ResourceName
		reason string
		units  func(resource.Quantity) int64
	}{
		{corev1.ResourceCPU, "OutOfcpu", func(q resource.Quantity) int64 { return q.MilliValue() }},
		{corev1.ResourceMemory, "OutOfmemory", func(q resource.Quantity) int64 { return q.Value() }},
		{corev1.ResourceEphemeralStorage, "OutOfephemeral-storage", func(q resource.Quantity) int64 { return q.Value() }},
	} {
		if want, has, most := r.units(wanted[r.name]), r.units(used[r.name]), r.units(all[r.name]); want > 0 && want > most-has {
			return shortOf(r.reason, r.name, want, has, most)
		}
	}
	return nil
}

func shortOf(reason string, name corev1.ResourceName, requested, used, capacity int64) *refusal {
	return &refusal{reason, fmt.Sprintf("Node didn't have enough resource: %s, requested: %d, used: %d, capacity: %d", name, requested, used, capacity)}
}

// add is the sum of two lists.
func add(a, b corev1.ResourceList) corev1.ResourceList {
	sum := corev1.ResourceList{}
	for _, l := range []corev1.ResourceList{a, b} {
		for name, q := range l {
			total := sum[name]
			total.Add(q)
			sum[name] = total
		}
	}
	return sum
}

// most is the greater of two lists, resource by resource.
func most(a, b corev1.ResourceList) corev1.ResourceList {
	out := add(a, nil)
	for name, q := range b {
		if has := out[name]; q.Cmp(has) > 0 {
			out[name] = q
		}
	}
	return out
}

// requests is what a pod asks for as a whole (kubernetes 1.37,
// k8s.io/component-helpers/resource: PodRequests): its containers together, or an init
// container with the sidecars before it, if that is more.
func requests(spec *corev1.PodSpec) corev1.ResourceList {
	var together, sidecars, starting corev1.ResourceList
	for i := range spec.InitContainers {
		c := &spec.InitContainers[i]
		if isSidecar(c) {
			sidecars = add(sidecars, c.Resources.Requests)
			starting = most(starting, sidecars)
			continue
		}
		starting = most(starting, add(sidecars, c.Resources.Requests))
	}
	for i := range spec.Containers {
		together = add(together, spec.Containers[i].Resources.Requests)
	}
	all := most(add(together, sidecars), starting)
	if spec.Resources != nil {
		for name, q := range spec.Resources.Requests {
			all[name] = q
		}
	}
	return add(all, spec.Overhead)
}

// misplaced says what of the pod does not fit the node.
func (p *pod) misplaced() *refusal {
	failed := func(predicate, why string) *refusal {
		return &refusal{predicate, "Predicate " + predicate + " failed: " + why}
	}
	node, err := p.k.ks.Node(p.k.m.Name)
	if err == nil {
		if ok, _ := nodeaffinity.GetRequiredNodeAffinity(p.spec).Match(node); !ok { // one that cannot be read matches nothing
			return failed("NodeAffinity", "node(s) didn't match Pod's node affinity/selector")
		}
	}
	if p.portTaken() {
		return failed("NodePorts", "node(s) didn't have free ports for the requested pod ports")
	}
	if err != nil {
		return nil
	}
	noExecute := func(t *corev1.Taint) bool { return t.Effect == corev1.TaintEffectNoExecute }
	if _, untolerated := corehelpers.FindMatchingUntoleratedTaint(klog.Background(), node.Spec.Taints, p.spec.Spec.Tolerations, noExecute, false); untolerated {
		return failed("TaintToleration", "node(s) had taints that the pod didn't tolerate")
	}
	return nil
}

// hostPort is a port of the node that a pod wants.
type hostPort struct {
	ip, protocol string
	port         int32
	to           int32 // the container's
}

// overlaps says whether two cannot both be had.
func (a hostPort) overlaps(b hostPort) bool {
	return a.port == b.port && a.protocol == b.protocol && (a.ip == b.ip || a.ip == "" || b.ip == "")
}

func hostPorts(spec *corev1.PodSpec) (out []hostPort) {
	for _, list := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range list {
			for _, port := range list[i].Ports {
				if port.HostPort > 0 && (isSidecar(&list[i]) || &list[0] == &spec.Containers[0]) {
					out = append(out, hostPort{strings.TrimPrefix(port.HostIP, "0.0.0.0"), string(port.Protocol), port.HostPort, port.ContainerPort})
				}
			}
		}
	}
	return out
}

// portTaken says whether another pod has a port of the node that this one wants.
func (p *pod) portTaken() bool {
	wanted := hostPorts(&p.spec.Spec)
	if len(wanted) == 0 {
		return false
	}
	for _, o := range p.k.pods {
		if o == p || o.admitted.IsZero() || o.over || o.failed {
			continue
		}
		for _, taken := range hostPorts(&o.spec.Spec) {
			if slices.ContainsFunc(wanted, taken.overlaps) {
				return true
			}
		}
	}
	return false
}

// safeSysctls are those that a kubelet lets a pod set on the node's kernel (kubernetes
// 1.37, pkg/kubelet/sysctl/safe_sysctls.go), with whose namespace they are of.
var safeSysctls = map[string]string{
	"kernel.shm_rmid_forced": "ipc", "net.ipv4.ip_local_port_range": "net", "net.ipv4.tcp_syncookies": "net",
	"net.ipv4.ping_group_range": "net", "net.ipv4.ip_unprivileged_port_start": "net", "net.ipv4.ip_local_reserved_ports": "net",
	"net.ipv4.tcp_keepalive_time": "net", "net.ipv4.tcp_fin_timeout": "net", "net.ipv4.tcp_keepalive_intvl": "net",
	"net.ipv4.tcp_keepalive_probes": "net", "net.ipv4.tcp_rmem": "net", "net.ipv4.tcp_wmem": "net",
}

// forbiddenSysctl says which of the pod's sysctls is not allowed; empty if all are.
func forbiddenSysctl(pod *corev1.Pod) string {
	if pod.Spec.SecurityContext == nil {
		return ""
	}
	for _, s := range pod.Spec.SecurityContext.Sysctls {
		name := strings.ReplaceAll(s.Name, "/", ".")
		of, safe := safeSysctls[name]
		switch {
		case !safe:
			return fmt.Sprintf("%q not allowlisted", name)
		case of == "net" && pod.Spec.HostNetwork, of == "ipc" && pod.Spec.HostIPC:
			return fmt.Sprintf("%q not allowed with host %s enabled", name, of)
		}
	}
	return ""
}

// mustNotRun says in the kubelet's words why a container that must not run as root would
// (kubernetes 1.37, pkg/kubelet/kuberuntime: verifyRunAsNonRoot); nil if it may run.
func (p *pod) mustNotRun(c *corev1.Container) error {
	var nonRoot *bool
	var user *int64
	if s := p.spec.Spec.SecurityContext; s != nil {
		nonRoot, user = s.RunAsNonRoot, s.RunAsUser
	}
	if s := c.SecurityContext; s != nil {
		if s.RunAsNonRoot != nil {
			nonRoot = s.RunAsNonRoot
		}
		if s.RunAsUser != nil {
			user = s.RunAsUser
		}
	}
	if !ptr.Deref(nonRoot, false) {
		return nil
	}
	whose := fmt.Sprintf("(pod: %q, container: %s)", p.title(), c.Name)
	if user != nil {
		if *user == 0 {
			return fmt.Errorf("container's runAsUser breaks non-root policy %s", whose)
		}
		return nil
	}
	name := p.k.ks.Images.UserOf(c.Image)
	switch uid, err := strconv.ParseInt(name, 10, 64); {
	case name != "" && err != nil:
		return fmt.Errorf("container has runAsNonRoot and image has non-numeric user (%s), cannot verify user is non-root %s", name, whose)
	case err == nil && uid == 0:
		return fmt.Errorf("container has runAsNonRoot and image will run as root %s", whose)
	}
	return nil // of an image of which nobody knows the user, too
}
