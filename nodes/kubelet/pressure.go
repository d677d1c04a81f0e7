package kubelet

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"
)

// Node-pressure eviction: the thresholds that AKS sets (Microsoft, "Node resource
// reservations in AKS": memory.available<100Mi, nodefs.available<10%) and the
// kubelet's own timings (kubernetes 1.37, pkg/kubelet/eviction: monitoringInterval;
// pkg/kubelet/apis/config/v1beta1/defaults.go: evictionPressureTransitionPeriod).
const (
	leastMemory      = 100 << 20
	leastDiskPercent = 10
	evictionInterval = 10 * time.Second
	transitionPeriod = 5 * time.Minute
)

// shortage is something of which a machine can have too little.
type shortage string

const (
	diskShort   shortage = api.ShortOfDisk
	memoryShort shortage = api.ShortOfMemory
)

// scarcity is how a kubelet speaks of a shortage.
type scarcity struct {
	condition corev1.NodeConditionType
	resource  corev1.ResourceName
	// has and hasNot are the reasons of the condition, and of its events.
	has, hasNot         string
	message, messageNot string
	// left is what the machine has and what it must have, in bytes.
	left func(k *Kubelet) (available, threshold int64)
}

var scarcities = map[shortage]scarcity{
	diskShort: {
		corev1.NodeDiskPressure, corev1.ResourceEphemeralStorage, "KubeletHasDiskPressure", "KubeletHasNoDiskPressure",
		"kubelet has disk pressure", "kubelet has no disk pressure",
		func(k *Kubelet) (int64, int64) {
			used, size := k.m.OS.Disk()
			return size - used, size * leastDiskPercent / 100
		},
	},
	memoryShort: {
		corev1.NodeMemoryPressure, corev1.ResourceMemory, "KubeletHasInsufficientMemory", "KubeletHasSufficientMemory",
		"kubelet has insufficient memory available", "kubelet has sufficient memory available",
		func(k *Kubelet) (int64, int64) {
			used, size := k.m.OS.Memory()
			return size - used - k.requested(), leastMemory
		},
	},
}

// requested is the memory that the pods on the machine ask for, which stands for
// what they use.
func (k *Kubelet) requested() (bytes int64) {
	for _, p := range k.pods {
		if p.over {
			continue
		}
		for i := range p.spec.Spec.Containers {
			bytes += p.spec.Spec.Containers[i].Resources.Requests.Memory().Value()
		}
	}
	return bytes
}

// CheckShort looks whether the machine is short of something.
func (k *Kubelet) CheckShort(now time.Time) {
	if k.pressure != nil || k.m.OS.Drifted() {
		k.checkShort(now)
	}
}

// checkShort is CheckShort of a machine of which something is used that its image has not.
func (k *Kubelet) checkShort(now time.Time) {
	for kind, s := range scarcities {
		available, threshold := s.left(k)
		if available >= threshold {
			continue
		}
		if _, known := k.pressure[kind]; !known {
			if k.pressure == nil {
				k.pressure = map[shortage]time.Time{}
			}
			k.m.Broke(timeline.Event{
				Time: now, Verb: "is short", Subject: string(kind) + "/" + k.m.Name,
				Message: fmt.Sprintf("%s of %s is left", quantity(available), s.resource),
			})
		}
		k.pressure[kind] = now.Add(transitionPeriod)
	}
}

// checkEnough notes of what a machine that has just booted has enough. Its kubelet
// remembers no shortage.
func (k *Kubelet) checkEnough(now time.Time) {
	for kind, s := range scarcities {
		if available, threshold := s.left(k); available >= threshold {
			k.m.Mended(string(kind)+"/"+k.m.Name, now)
		}
	}
}

// relieve is what the kubelet does while its machine is short of something: it
// says so, and evicts one pod after another. It returns when it looks again.
func (k *Kubelet) relieve(now time.Time) time.Time {
	if len(k.pressure) == 0 || !k.Running {
		return time.Time{}
	}
	if now.Before(k.relieved.Add(evictionInterval)) {
		return k.relieved.Add(evictionInterval)
	}
	k.relieved = now.Truncate(evictionInterval)
	k.CheckShort(now)
	for kind, until := range k.pressure {
		s := scarcities[kind]
		available, threshold := s.left(k)
		switch {
		case available < threshold:
			k.events.add(now, warning, "EvictionThresholdMet", fmt.Sprintf("Attempting to reclaim %s", s.resource), "")
			if k.syncs() {
				k.evict(now, s, available, threshold)
			}
		case !now.Before(until):
			delete(k.pressure, kind)
			k.m.Mended(string(kind)+"/"+k.m.Name, now)
		}
	}
	return k.relieved.Add(evictionInterval)
}

// evict ends the pod that is the first to go. Critical pods stay.
func (k *Kubelet) evict(now time.Time, s scarcity, available, threshold int64) {
	var candidates []*pod
	for _, p := range sortedPods(k.pods) {
		if !p.over && !p.killing && !p.critical() && p.sandbox {
			candidates = append(candidates, p)
		}
	}
	if len(candidates) == 0 {
		return
	}
	// Nothing is known of what they use, so what they were promised decides.
	slices.SortStableFunc(candidates, func(a, b *pod) int {
		return cmp.Or(cmp.Compare(a.priority(), b.priority()), qosRank(a.spec)-qosRank(b.spec))
	})
	candidates[0].evict(now, fmt.Sprintf("The node was low on resource: %s. Threshold quantity: %s, available: %s. ",
		s.resource, quantity(threshold), quantity(available)))
}

func quantity(bytes int64) string {
	return resource.NewQuantity(max(bytes, 0)/1024*1024, resource.BinarySI).String()
}

// qosRank orders pods by who goes first.
func qosRank(p *corev1.Pod) int {
	return slices.Index([]corev1.PodQOSClass{corev1.PodQOSBestEffort, corev1.PodQOSBurstable, corev1.PodQOSGuaranteed}, p.Status.QOSClass)
}

// systemCritical is the priority from which on a pod is critical (kubernetes
// 1.37, pkg/apis/scheduling: SystemCriticalPriority).
const systemCritical = 2_000_000_000

func (p *pod) priority() int32 { return ptr.Deref(p.spec.Spec.Priority, 0) }

func (p *pod) critical() bool { return p.priority() >= systemCritical }

// evict ends the pod for good, at once.
func (p *pod) evict(now time.Time, why string) {
	p.fail(now, warning, "Evicted", why)
	p.kill(now, 0)
	p.k.ks.Timers.Wake(p)
}

// refused says why a kubelet under pressure does not admit the pod; empty if it
// does.
func (p *pod) refused() string {
	if len(p.k.pressure) == 0 || p.critical() || p.begun() {
		return ""
	}
	var conditions []string
	for kind := range p.k.pressure {
		if kind == diskShort || qosRank(p.spec) == 0 {
			conditions = append(conditions, string(scarcities[kind].condition))
		}
	}
	if len(conditions) == 0 {
		return ""
	}
	slices.Sort(conditions)
	return "The node had condition: [" + strings.Join(conditions, " ") + "]. "
}
