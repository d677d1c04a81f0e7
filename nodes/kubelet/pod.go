package kubelet

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"demarc/nodes/cloud"
	"demarc/nodes/host"
	"demarc/nodes/timers"
	"demarc/sim/annotation"
	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

// syncPeriod is how soon a kubelet tries again what failed for a reason of the
// pod's own (kubernetes 1.37, pkg/kubelet/kubelet.go: backOffPeriod).
const syncPeriod = 10 * time.Second

// pod is one pod on a machine: its sandbox and containers in the runtime, and
// what the kubelet knows of it.
type pod struct {
	k         *Kubelet
	uid       types.UID
	namespace string
	name      string
	timer     timers.Timer

	latest *corev1.Pod // newest that the API server told
	gone   bool        // the API server told that it has no such pod
	// vanished says that it is missing from what a restore has brought back.
	vanished bool

	// The runtime's.
	sandbox    bool
	sandboxes  int
	ip         netip.Addr
	containers []*container // init containers first, each kind in order

	// The kubelet's.
	spec      *corev1.Pod // newest that the node heard of
	removed   bool        // the node heard that the pod is gone
	admitted  time.Time   // since when this kubelet looks after it
	startTime metav1.Time
	config    podConfig
	mounting  retry // of volumes that cannot be mounted
	// holds are the volumes that somebody has to attach for it, and attachments how managed
	// disks were attached when they were mounted, by name.
	holds       []corev1.UniqueVolumeName
	attachments map[string]cloud.Attachment
	limitAt     time.Time   // when an emptyDir that is too large is noticed
	described   *corev1.Pod // the one whose metadata its volumes show
	// Volumes of which the kubelet makes the files, and tokens in them, by name.
	projections map[string]*projection
	tokens      map[string]*tokenSource
	// pulls are those of its image volumes, by name.
	pulls    map[string]*pull
	killing  bool // all containers are being stopped
	killAt   time.Time
	over     bool   // nothing runs and nothing will
	rejected bool   // it was never admitted: there is nothing to say of its containers
	failed   bool   // the kubelet has ended it for good
	reason   string // of the phase
	why      string // the phase's message

	// What the API server is to hear.
	status *corev1.PodStatus // never changed once it is here
	base   *corev1.Pod       // newest known state of the API's object
	dirty  bool
	want   bool // configuration
	news   bool // since it was asked for last, what it asks for has changed
	events eventQueue
	retry  retry

	next time.Time // of the step under way
	work time.Time // when something else than a probe is due
}

func newPod(k *Kubelet, api *corev1.Pod) *pod {
	p := &pod{
		k: k, uid: api.UID, namespace: api.Namespace, name: api.Name,
		latest: api, spec: api, base: api,
	}
	for i := range api.Spec.InitContainers {
		p.containers = append(p.containers, newContainer(p, &api.Spec.InitContainers[i], true))
	}
	for i := range api.Spec.Containers {
		p.containers = append(p.containers, newContainer(p, &api.Spec.Containers[i], false))
	}
	return p
}

func (p *pod) Timer() *timers.Timer { return &p.timer }

// observe hands the node what the API server has told, if the node can hear it.
func (p *pod) observe() {
	if !p.k.Connected() {
		return
	}
	p.spec, p.removed = p.latest, p.gone
	p.k.ks.Timers.Wake(p)
}

// at asks for another step at t. The zero time asks for none.
func (p *pod) at(t time.Time) {
	if !t.IsZero() {
		p.next = timers.Sooner(p.next, t)
	}
}

func (p *pod) event(now time.Time, kind, reason, message, field string) {
	p.events.add(now, kind, reason, message, field)
}

// Step lets the runtime, then the kubelet, do what is due. The lock is held.
func (p *pod) Step(now time.Time) time.Time {
	if !p.k.m.Up() {
		return time.Time{}
	}
	if p.timer.TakeWoken() || !p.work.IsZero() && !now.Before(p.work) {
		p.next = time.Time{}
		for _, c := range p.containers {
			p.at(c.advance(now))
		}
		if p.k.syncs() {
			p.sync(now)
			p.publish(now)
			p.flush()
		}
		p.work = p.next
	}
	// Most steps of a pod only ask its probes: they need not look at all else.
	p.next = p.work
	if p.k.Running && p.sandbox && !p.killing {
		for _, c := range p.containers {
			if c.state == running {
				c.scheduleProbes(now)
			}
		}
	}
	return p.next
}

// sync is what a kubelet does for a pod.
func (p *pod) sync(now time.Time) {
	switch {
	case p.over:
		p.forget()
		return
	case p.admitted.IsZero():
		p.admit(now)
	}
	if p.config.version > 0 {
		p.configured(now) // asks again if it is time
	}
	p.addEphemeral()
	p.describe(now)
	p.heedLimits(now)
	p.runAdopted()
	switch {
	case p.killing || p.ending(now):
		p.kill(now, p.grace())
	case p.sandbox || p.makeSandbox(now):
		p.check(now)
		p.resize(now)
		p.startNext(now)
	}
	p.forget()
}

// addEphemeral takes the containers that somebody has added to the pod.
func (p *pod) addEphemeral() {
	for i := range p.spec.Spec.EphemeralContainers {
		name := p.spec.Spec.EphemeralContainers[i].Name
		if !slices.ContainsFunc(p.containers, func(c *container) bool { return c.name == name }) {
			p.containers = append(p.containers, &container{p: p, name: name, ephemeral: true})
		}
	}
}

// describe shows the pod's newest metadata in its volumes.
func (p *pod) describe(now time.Time) {
	if len(p.projections) > 0 && p.described != p.spec && describes(p.spec) {
		p.described = p.spec
		p.reproject(now)
	}
}

// admit is the kubelet's first sight of a pod.
func (p *pod) admit(now time.Time) {
	p.admitted = now
	if p.startTime.IsZero() {
		p.startTime = metav1.NewTime(now)
	}
	if why := p.admissible(); why != nil {
		p.reject(now, why)
	}
}

// ending says whether the pod is to be stopped: it is deleted, somebody has
// ended it through the API, or it was active for too long.
func (p *pod) ending(now time.Time) bool {
	if p.removed || p.failed || p.spec.DeletionTimestamp != nil || terminal(p.spec.Status.Phase) {
		return true
	}
	if s := p.spec.Spec.ActiveDeadlineSeconds; s != nil {
		end := p.startTime.Add(time.Duration(*s) * time.Second)
		if !now.Before(end) {
			p.fail(now, normal, "DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
			return true
		}
		p.at(end)
	}
	return false
}

// fail is the kubelet's decision that the pod has failed, whatever its containers do.
func (p *pod) fail(now time.Time, kind, reason, why string) {
	p.failed, p.reason, p.why = true, reason, why
	p.event(now, kind, reason, why, "")
}

// grace is how long the pod's containers have to end.
func (p *pod) grace() time.Duration {
	own := ptr.Deref(p.spec.Spec.TerminationGracePeriodSeconds, 30) // the API's default
	return time.Duration(max(ptr.Deref(p.spec.DeletionGracePeriodSeconds, own), 1)) * time.Second
}

// makeSandbox gives the pod its volumes, its network and its address.
func (p *pod) makeSandbox(now time.Time) bool {
	if p.sandboxes > 0 && p.spec.Spec.RestartPolicy == corev1.RestartPolicyNever && p.begun() {
		p.kill(now, 0) // it lost its sandbox, and is not to be started again
		return false
	}
	if !p.mounted(now) {
		return false
	}
	if err := p.config.noClass; err != nil {
		if p.config.refresh.IsZero() && !p.want {
			p.event(now, warning, "FailedCreatePodSandBox", "Failed to create pod sandbox: "+err.Error(), "")
			p.config.refresh = timers.Tick(now.Add(syncPeriod))
		}
		p.at(p.config.refresh)
		return false
	}
	if p.sandboxes > 0 {
		p.event(now, normal, "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.", "")
		for _, c := range p.containers {
			c.again = c.init
		}
	}
	ip := p.k.m.IP
	if !p.spec.Spec.HostNetwork {
		if !p.k.m.OS.Running(host.CNS) {
			p.event(now, warning, "FailedCreatePodSandBox", noCNS(hexID("sandbox", p.uid, p.sandboxes)), "")
			p.at(timers.Tick(now.Add(syncPeriod)))
			return false
		}
		var ok bool
		if ip, ok = p.k.takeIP(); !ok {
			p.event(now, warning, "FailedCreatePodSandBox", "Failed to create pod sandbox: "+p.noAddress(), "")
			p.at(now.Add(syncPeriod))
			return false
		}
	}
	if p.sandboxes == 0 {
		p.complain(now)
	}
	p.attachments = nil
	p.takeSandbox(ip)
	p.want = p.want || p.grows()
	return true
}

// complain says which annotations of the pod are wrong: to Kubernetes, and on the timeline,
// where they are the customer's.
func (p *pod) complain(now time.Time) {
	for _, m := range annotation.Mistakes(p.spec.Annotations) {
		p.event(now, warning, "InvalidAnnotation", m.String(), "")
		p.k.ks.Log.Append(timeline.Event{
			Time: now, Actor: timeline.Customer, Verb: "annotated wrongly", Subject: "pod/" + p.spec.Namespace + "/" + p.spec.Name, Message: m.String(),
			Detail: &timeline.Detail{Annotation: &timeline.Annotation{Key: m.Key, Suggestion: m.Suggestion}},
		})
	}
}

// noCNS is what the runtime says when the network agent, which gives pods their
// addresses, does not answer.
func noCNS(sandbox string) string {
	return fmt.Sprintf("Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox %q: "+
		"plugin type=\"azure-vnet\" failed (add): IPAM Invoker Add failed with error: Failed to get IP address from CNS: "+
		"dial tcp 127.0.0.1:10090: connect: connection refused", sandbox)
}

// takeSandbox gives the pod its address.
func (p *pod) takeSandbox(ip netip.Addr) {
	p.ip = ip
	p.sandbox = true
	p.sandboxes++
	if !p.spec.Spec.HostNetwork {
		p.k.ks.byIP[ip] = p
	}
}

// dropSandbox takes the pod off the network.
func (p *pod) dropSandbox() {
	p.sandbox = false
	if p.k.ks.byIP[p.ip] == p {
		delete(p.k.ks.byIP, p.ip)
		p.k.release()
	}
}

// begun says whether any container was ever started.
func (p *pod) begun() bool {
	return slices.ContainsFunc(p.containers, func(c *container) bool { return c.state != absent })
}

// anyRunning says whether any container that is not an init container runs.
func (p *pod) anyRunning() bool {
	return slices.ContainsFunc(p.containers, func(c *container) bool { return c.main() && c.state == running })
}

// kill stops the pod: its containers first, then its sidecars in reverse, then
// its sandbox.
func (p *pod) kill(now time.Time, grace time.Duration) {
	if end := now.Add(grace); !p.killing || end.Before(p.killAt) {
		p.killing, p.killAt = true, end
		for _, c := range p.containers {
			if !c.sidecar {
				c.stop(now, grace, "Stopping container "+c.name)
			}
		}
	}
	left := false
	for _, c := range p.containers {
		p.at(c.advance(now))
		left = left || !c.sidecar && c.state == running
	}
	if left {
		return
	}
	for _, c := range slices.Backward(p.containers) {
		c.stop(now, max(p.killAt.Sub(now), 0), "Stopping container "+c.name)
		p.at(c.advance(now))
		if c.state == running {
			return
		}
	}
	p.over = true
	p.dropSandbox()
	p.letGo()
}

// forget removes a pod that is over and that the API server no longer has.
func (p *pod) forget() {
	if !p.over || !p.removed {
		return
	}
	p.k.ks.drop(p)
	p.next = time.Time{}
}

// powerLost is what becomes of the pod when its machine loses its power.
func (p *pod) powerLost(now time.Time) {
	for _, c := range p.containers {
		if c.state == running {
			c.exit(now, exitLost, "Unknown")
		}
		c.pull = pull{}
	}
	p.pulls = nil
	p.dropSandbox()
}

// blame notes the event that ended the containers that ended at now.
func (p *pod) blame(now time.Time, cause int64) {
	for _, c := range p.containers {
		if c.state == exited && c.finishedAt.Equal(now) {
			c.cause = cause
		}
	}
}

// kubeletRestarted makes the kubelet forget what it only remembered.
func (p *pod) kubeletRestarted(now time.Time) {
	p.admitted = now
	p.killing = false
	p.mounting, p.retry, p.pulls = retry{}, retry{}, nil
	for _, c := range p.containers {
		c.backoff = backoff{}
		c.pull = pull{}
		c.starting = false
		for i := range c.probes {
			c.probes[i].resume()
		}
	}
}
