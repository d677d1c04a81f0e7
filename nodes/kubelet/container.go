package kubelet

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"demarc/nodes/network"
	"demarc/nodes/program"
	"demarc/nodes/timers"
	"demarc/sim/api"
	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// Exit codes of ends that a program does not choose.
const (
	exitTerminated = 128 + 15 // SIGTERM
	exitKilled     = 128 + 9  // SIGKILL
	exitFault      = 128 + 11 // SIGSEGV
	exitStart      = 128      // containerd's, of what could not be started
	// exitLost is what containerd reports of a container that was gone after a
	// boot, with the reason Unknown.
	exitLost = 255
)

// minimumGrace is the least time a container has to end after SIGTERM
// (kubernetes 1.37, pkg/kubelet/kuberuntime: minimumGracePeriodInSeconds).
const minimumGrace = 2 * time.Second

type containerState int

const (
	absent containerState = iota // never made, or waiting to be
	running
	exited
)

// container is one container of a pod: its newest instance in the runtime, and
// what the kubelet knows of it.
type container struct {
	p       *pod
	name    string
	init    bool // of either kind
	sidecar bool
	// ephemeral says that somebody has added it to a running pod, to look at it.
	ephemeral bool

	// The runtime's.
	state      containerState
	id         string
	startedAt  time.Time
	finishedAt time.Time
	exitCode   int
	reason     string
	message    string // why it ended
	words      *smallFile
	granted    *corev1.ResourceRequirements // with which it runs
	restarts   int
	last       *corev1.ContainerStateTerminated // how the instance before ended
	behaviour  program.Behaviour
	looksAt    time.Time // when a server of names looks for a new configuration
	program    program.Spec
	exitAt     time.Time          // of an end that is planned
	termAt     time.Time          // of SIGTERM; zero if it is not being stopped
	killAt     time.Time          // of SIGKILL
	termed     bool               // SIGTERM was sent
	cancel     context.CancelFunc // of a script
	log        *logBuffer
	stdio      *stdio
	previous   *logBuffer // of the instance before

	// The kubelet's.
	waiting  string             // reason, if it waits for something
	waitsFor string             // the message of that
	starting bool               // past its back-off
	again    bool               // to be started although it ended well: the sandbox is new
	posting  bool               // the postStart hook runs
	endHook  context.CancelFunc // of the hook that runs, or nil
	backoff  backoff
	pull     pull
	tried    int // version of the pod's configuration it could not start with
	probes   [3]probe
	asked    asked
	told     string // id of the instance of which was told that its backend is refused
	cause    int64  // the event that ended it
}

func newContainer(p *pod, spec *corev1.Container, init bool) *container {
	return &container{
		p: p, name: spec.Name, init: init, sidecar: init && isSidecar(spec),
	}
}

// isSidecar says whether an init container is one.
func isSidecar(spec *corev1.Container) bool {
	return ptr.Deref(spec.RestartPolicy, "") == corev1.ContainerRestartPolicyAlways
}

// spec is the container in the pod's newest specification.
func (c *container) spec() *corev1.Container { return containerSpec(c.p.spec, c.name) }

// containerSpec is the container of a name; nil if the pod has none.
func containerSpec(pod *corev1.Pod, name string) *corev1.Container {
	for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	for i := range pod.Spec.EphemeralContainers {
		if c := &pod.Spec.EphemeralContainers[i]; c.Name == name {
			return (*corev1.Container)(&c.EphemeralContainerCommon)
		}
	}
	return nil
}

// subject names the container in the timeline.
func (c *container) subject() string {
	return "container/" + c.p.namespace + "/" + c.p.name + "/" + c.name
}

// field is how Kubernetes events point to the container.
func (c *container) field() string {
	switch {
	case c.init:
		return "spec.initContainers{" + c.name + "}"
	case c.ephemeral:
		return "spec.ephemeralContainers{" + c.name + "}"
	}
	return "spec.containers{" + c.name + "}"
}

// start makes and starts a new instance. Its image and configuration are there.
func (c *container) start(now time.Time, spec program.Spec) {
	if c.state == exited {
		c.last = c.terminated()
		c.restarts++
	}
	c.previous, c.log = c.log, nil
	c.state = running
	c.startedAt = now
	c.finishedAt, c.termAt, c.killAt = time.Time{}, time.Time{}, time.Time{}
	c.termed, c.starting, c.again = false, false, false
	c.pull = pull{}
	c.waiting, c.waitsFor = "", ""
	c.id = hexID("container", c.p.k.ks.Seed, c.p.uid, c.name, c.restarts, now.UnixNano())
	c.probes = [3]probe{}
	c.run(spec)
}

// run gives the container its program, which has run since startedAt.
func (c *container) run(spec program.Spec) {
	spec.StartedAt, spec.Disk = c.startedAt, program.NewDisk()
	c.words, c.message = &smallFile{}, ""
	var input *stdio
	if s := c.spec(); s != nil && s.Stdin {
		input = newStdio(nil, s.StdinOnce)
		spec.Input = input
	}
	if s := c.spec(); s != nil {
		spec.Mounts = append(spec.Mounts, c.words.mount(s))
		c.granted = &s.Resources
	}
	spec.Mounts = append(spec.Mounts, program.Mount{Path: "/etc/hosts", Volume: &smallFile{text: []byte(c.p.hosts()), at: c.startedAt}, File: true})
	spec.Mounts = append(spec.Mounts, program.Mount{Path: "/etc/resolv.conf", Volume: &smallFile{text: []byte(c.p.resolvConf()), at: c.startedAt}, File: true})
	spec.Mounts = slices.Insert(spec.Mounts, 0, c.cgroupMount())
	c.attach(&spec)
	if s := c.spec(); s != nil {
		spec.Agent = c.p.k.ks.Agent(c.p.k.m.Name, c.p.spec, s)
		spec.API = c.p.k.ks.API(c.p.k.m.Name, s)
		spec.Gateway = c.p.k.ks.Gateway(c.p.k.m.Name, c.p.spec, s, spec.Dial)
	}
	spec.Config, spec.Jitter = c.corefiles, c.jitter()
	c.program = spec
	if c.p.k.ks.Starts.refuse(c.startName()) != nil {
		c.behaviour = notStarted()
	} else {
		c.behaviour = program.Plan(spec)
	}
	if c.tooLarge() {
		c.behaviour = program.Behaviour{Exits: true, ExitAfter: oomTime, ExitCode: exitKilled, ExitReason: "OOMKilled"}
	}
	c.exitAt = time.Time{}
	if c.behaviour.Exits {
		c.exitAt = c.startedAt.Add(c.behaviour.ExitAfter)
	}
	c.log, c.stdio = newLogBuffer(c.behaviour.Lines, c.startedAt), input
	if input != nil {
		input.log = c.log
	}
	c.serveNames()
	if c.p.k.ks.ctx == nil {
		return
	}
	c.makeSecrets(spec.Makes())
	if c.behaviour.Script == nil {
		return
	}
	ctx, cancel := context.WithCancel(c.p.k.ks.ctx)
	c.cancel = cancel
	ks, id, log, script := c.p.k.ks, c.id, io.Writer(c.log), c.behaviour.Script
	if input != nil {
		log = input
		context.AfterFunc(ctx, input.end) // it reads no more
	}
	ks.scripts.Go(func() {
		code := c.guarded(func() int { return script(ctx, log) })
		if ks.ctx.Err() == nil { // else the fleet ends, not the script
			c.endInstance(id, code)
		}
	})
}

// endInstance ends an instance of the container, if it still runs. The lock is not held.
func (c *container) endInstance(id string, code int) {
	ks := c.p.k.ks
	ks.Lock.Lock()
	defer ks.Lock.Unlock()
	if c.state == running && c.id == id {
		c.ended(time.Now(), code, "")
		ks.Timers.Wake(c.p)
	}
}

// attach gives a program the network of its node, and process 1 its signals.
func (c *container) attach(spec *program.Spec) {
	ks, id := c.p.k.ks, c.id
	from := network.Origin{Node: c.p.k.m.Name, Namespace: c.p.namespace}
	if !c.p.spec.Spec.HostNetwork {
		from.Address = c.p.ip
	}
	spec.Dial = func(ctx context.Context, protocol, address string) (net.Conn, error) {
		return ks.Network.Open(ctx, from, protocol, address)
	}
	spec.Query = func(ctx context.Context, q network.Question) ([]network.Record, error) {
		return ks.Network.Query(ctx, from, q)
	}
	spec.Trust = network.Authority
	if c.rulesNode() {
		spec.Node = func(ctx context.Context, argv []string, in io.Reader, out, errOut io.Writer) int {
			return ks.NodeShell(ctx, c.p.k.m.Name, c.p.namespace+"/"+c.p.name, argv, in, out, errOut)
		}
	}
	spec.NodeRoot = c.nodeRoot()
	here := *spec
	spec.Kill = func(signal int) {
		if code, ends := here.Ends(signal); ends {
			c.endInstance(id, code)
		}
	}
}

// advance does what the runtime does by itself: programs that come to their end
// and signals that are due. It returns when the next is, or the zero time.
func (c *container) advance(now time.Time) time.Time {
	if c.state != running {
		return time.Time{}
	}
	if !c.termAt.IsZero() {
		if !c.termed && !now.Before(c.termAt) {
			c.terminate(now)
		}
		if c.state == running && !now.Before(c.killAt) {
			c.exit(now, exitKilled, "")
		}
	}
	if c.state == running && !c.looksAt.IsZero() && !now.Before(c.looksAt) {
		c.reload()
	}
	if c.state == running && !c.exitAt.IsZero() && !now.Before(c.exitAt) {
		c.ended(now, c.behaviour.ExitCode, c.behaviour.ExitReason)
	}
	if c.state != running {
		return time.Time{}
	}
	if !c.termed {
		return timers.Sooner(timers.Sooner(c.exitAt, c.termAt), c.looksAt)
	}
	return timers.Sooner(c.exitAt, c.killAt)
}

// stop asks the container to end: the preStop hook first, then SIGTERM, and
// SIGKILL when the grace period is over. Asking again can only hasten it.
func (c *container) stop(now time.Time, grace time.Duration, message string) {
	if c.state != running {
		return
	}
	kill := now.Add(max(grace, minimumGrace))
	if !c.termAt.IsZero() {
		if kill.Before(c.killAt) {
			c.killAt = kill
		}
		return
	}
	c.p.event(now, normal, "Killing", message, c.field())
	if h := hooks(c.spec()).PreStop; h != nil && grace > 0 {
		c.preStop(now, h, grace)
		return
	}
	c.termAt, c.killAt = now, kill
}

// terminate delivers SIGTERM.
func (c *container) terminate(now time.Time) {
	c.termed = true
	switch {
	case c.behaviour.IgnoresTerm:
	case c.behaviour.Drains > 0:
		c.exitAt = now.Add(c.behaviour.Drains)
	case c.cancel != nil:
		c.cancel()
	case c.behaviour.Handler != nil: // servers shut down in order
		c.exit(now, 0, "")
	default:
		c.exit(now, exitTerminated, "")
	}
}

// ended is an end that nobody asked for, or that a script came to.
func (c *container) ended(now time.Time, code int, reason string) {
	stopped := c.termed
	c.exit(now, code, reason)
	if stopped || code == 0 || c.ephemeral {
		return
	}
	if c.behaviour.Misconfigured {
		c.cause = c.configuredBy()
	}
	c.tell(now, "crashed", fmt.Sprintf("the container ended with exit code %d (%s)", code, c.reason))
	c.out(now)
}

// tell puts on the timeline what has come of what happened to the container last.
func (c *container) tell(now time.Time, verb timeline.Verb, message string) {
	c.cause = c.p.k.ks.Log.Append(timeline.Event{
		Time: now, Actor: timeline.Node, Verb: verb, Subject: c.subject(), Cause: c.cause, Message: message,
	}).Seq
}

// exit ends the instance.
func (c *container) exit(now time.Time, code int, reason string) {
	if reason == "" {
		reason = exitReason(code)
	}
	c.state = exited
	c.finishedAt = now
	c.exitCode, c.reason = code, reason
	if c.cancel != nil {
		c.cancel()
		c.cancel = nil
	}
	if c.posting = false; c.endHook != nil {
		c.endHook()
		c.endHook = nil
	}
	if c.log != nil {
		c.log.close()
	}
	if c.stdio != nil {
		c.stdio.end()
	}
	c.message = c.farewell()
	if c.p.config.version > 0 {
		c.p.config.refresh = now // a next instance gets the newest
	}
	if ks := c.p.k.ks; ks.agents[c.p.uid] != nil {
		ks.TunnelChanged()
	}
}

// exitReason is the reason that the runtime gives for an exit code.
func exitReason(code int) string {
	if code == 0 {
		return "Completed"
	}
	return "Error"
}

// terminated is how the newest instance ended.
func (c *container) terminated() *corev1.ContainerStateTerminated {
	return &corev1.ContainerStateTerminated{
		ExitCode:    int32(c.exitCode),
		Reason:      c.reason,
		Message:     c.message,
		StartedAt:   metav1.NewTime(c.startedAt),
		FinishedAt:  metav1.NewTime(c.finishedAt),
		ContainerID: containerID(c.id),
	}
}

func containerID(id string) string {
	if id == "" {
		return ""
	}
	return "containerd://" + id
}

// serves says whether the container's ports answer at now.
func (c *container) serves(now time.Time) bool {
	return c.behaviour.Handler != nil && c.works(now)
}

// works says whether the container's program is up at now, and not asked to end unless it
// serves on then.
func (c *container) works(now time.Time) bool {
	return c.state == running && (!c.termed || c.behaviour.Drains > 0) && !now.Before(c.startedAt.Add(c.behaviour.ReadyAfter))
}

func (c *container) describe() api.Container {
	d := api.Container{
		Node: c.p.k.m.Name, Namespace: c.p.namespace, Pod: c.p.name, Name: c.name,
		State: api.ContainerWaiting, Restarts: c.restarts, StartedAt: c.startedAt.UTC(), FinishedAt: c.finishedAt.UTC(),
		Reason: c.waiting,
	}
	if s := c.spec(); s != nil {
		d.Image = s.Image
	}
	switch {
	case c.state == running:
		d.State, d.Reason = api.ContainerRunning, ""
		d.Ready = c.ready()
	case c.state == exited:
		d.ExitCode = c.exitCode
		if c.waiting == "" {
			d.State, d.Reason = api.ContainerExited, c.reason
		}
	}
	return d
}
