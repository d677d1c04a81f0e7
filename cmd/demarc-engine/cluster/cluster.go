// Package cluster is the engine: it puts a managed cluster together from its
// control plane, its nodes and its clients, makes faults happen, and keeps the
// timeline of it all.
//
// [Open] prepares a [Cluster] in a data directory, [Cluster.Start] brings it up
// or resumes it, [Cluster.Serve] answers the management API (package sim/api),
// and [Cluster.Drill] runs a scenario in it. Cluster implements the world of
// the scenario language.
//
// The packages below it know nothing of each other: package controlplane runs
// the upstream components, package nodes the machines; here the API server's
// tunnel is tied to the nodes' kubelets, the nodes' client to the front door,
// and what each of them reports to one timeline.
package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"demarc/cmd/demarc-engine/cluster/desk"
	"demarc/cmd/demarc-engine/cluster/faults"
	"demarc/cmd/demarc-engine/cluster/incident"
	"demarc/cmd/demarc-engine/cluster/operate"
	"demarc/cmd/demarc-engine/cluster/probe"
	"demarc/cmd/demarc-engine/cluster/server"
	"demarc/controlplane"
	"demarc/nodes"
	"demarc/nodes/image"
	"demarc/nodes/network"
	"demarc/sim/addon"
	"demarc/sim/api"
	"demarc/sim/books"
	"demarc/sim/clock"
	"demarc/sim/disk"
	"demarc/sim/sshd"
	"demarc/sim/state"
	"demarc/sim/timeline"
	"demarc/sim/traffic"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
)

// Cluster is one managed cluster and the world around it.
type Cluster struct {
	*operate.Management // the provider's; nil until the control plane is made
	*desk.Desk

	dir string
	cfg api.EngineConfig
	// loaded is what was known of the cluster when this engine started, and resumed
	// says that it was there before.
	loaded  state.Loaded
	resumed bool
	spec    api.ClusterSpec
	dial    *clock.Dial

	log        *timeline.Log
	refusals   *timeline.Repeats // what is refused, on that log
	plane      *controlplane.Plane
	fleet      *nodes.Fleet
	provider   kubernetes.Interface
	traffic    *traffic.Generator
	balancers  *balancers
	faults     *faults.Faults
	incidents  *incident.Ledger
	flows      flows
	policyTold sync.Once // that nobody enforces NetworkPolicies
	probes     probe.Book
	contract   contract
	telemetry  *telemetry
	addons     *addon.Reconciler
	installed  chan struct{} // closed when the add-ons are
	ssh        *sshd.Server
	moved      []api.MovedPort // since the last run
	sshLog     *disk.Log
	drill      *server.Drill // nil for none
	stop       chan struct{} // somebody asks the engine to end
	actions    map[api.Role]*api.Actions
	health     *incident.Health

	ctx  context.Context // ends with the cluster
	end  context.CancelFunc
	work sync.WaitGroup
	// saving is held while the state is written.
	saving  sync.Mutex
	saves   saves
	past    books.Books // of earlier engines
	written []byte      // what of the books was written last

	mu      sync.Mutex
	state   string
	phase   string
	failure error
	unsaved error // why the cluster cannot be saved now
	readyAt time.Time
	mended  []api.Mended // by this start
}

// Open prepares the cluster whose data is in dir: a new one, or the one that
// was there. Close it also if Start fails.
func Open(dir string, cfg api.EngineConfig, dial *clock.Dial, loaded state.Loaded) (_ *Cluster, err error) {
	ctx, end := context.WithCancel(context.Background())
	c := &Cluster{dir: dir, cfg: cfg, loaded: loaded, spec: loaded.Cluster, dial: dial, ctx: ctx, end: end, state: "starting", stop: make(chan struct{}, 1)}
	defer func() {
		if err != nil {
			c.Close(ctx)
		}
	}()
	c.spec.Images = cmp.Or(cfg.Cluster.Images, c.spec.Images) // a newer catalogue may come with each start
	logs := filepath.Join(dir, "logs")
	if err := os.MkdirAll(logs, 0o700); err != nil {
		return nil, err
	}
	if err := c.openTimeline(); err != nil {
		return nil, err
	}
	if c.telemetry, err = newTelemetry(ctx, c.spec.Name); err != nil {
		return nil, err
	}
	if _, err := operate.CheckGates(c.spec.Edition, c.spec.FeatureGates, c.spec.AllowUnsupportedGates); err != nil {
		return nil, err
	}
	if err := c.spec.CheckNewNetwork(); err != nil && !c.resumed {
		return nil, err
	}
	c.faults = c.newFaults()
	c.incidents = incident.NewLedger(c.log, c.holds, c.struck)
	c.flows.of = c
	c.openBooks()
	if cfg.Scenario != "" {
		c.drill = server.NewDrill()
	}
	c.plane, err = controlplane.New(controlplane.Config{
		Name: c.spec.Name, Dir: dir, Logs: logs, Port: loaded.Port, Ephemeral: cfg.Ephemeral,
		EtcdMembers: c.spec.EtcdMembers, APIServers: c.spec.APIServers, EtcdQuota: c.spec.EtcdQuota, WebhookEgress: c.spec.WebhookEgress,
		Tunnel: c.tunnel, Note: c.note, Mended: c.mend, Changed: c.changed, Unserved: c.unserved, Tracing: c.telemetry.provider(),
		Workloads: network.Authority(), Blocked: func(b controlplane.Block) { c.Management.Blocked(b) }, Rejected: c.flows.rejected,
	})
	if err != nil {
		return nil, err
	}
	c.faults.Plane = struckPlane{c.plane}
	c.health = c.newHealth()
	if err := c.clients(); err != nil {
		return nil, err
	}
	if err := c.manage(); err != nil {
		return nil, err
	}
	if err := c.machines(loaded.State); err != nil {
		return nil, err
	}
	if c.moved, err = c.movedPorts(loaded.State); err != nil {
		return nil, err
	}
	c.actions = map[api.Role]*api.Actions{}
	for _, role := range api.Roles {
		c.actions[role] = api.Serve(apiService{c}, role, c.allow)
	}
	return c, c.telemetry.observe(c)
}

// Serve answers the management API. Its clients' handle is DIR/engine.json.
func (c *Cluster) Serve() (*server.Server, error) {
	tokens := map[api.Role]string{}
	for _, role := range []api.Role{api.RoleProvider, api.RoleDirector} {
		var err error
		if tokens[role], err = c.token(role); err != nil {
			return nil, err
		}
	}
	return server.New(server.Config{
		Dir: c.dir, Tokens: tokens, Actions: c.actions, Allow: c.allow,
		Timeline: c.log, Drill: c.drill, Metrics: c.telemetry.metrics(), Context: c.ctx,
	})
}

// StopRequested receives when somebody asks the engine to end.
func (c *Cluster) StopRequested() <-chan struct{} { return c.stop }

// openTimeline opens the timeline, and notes what it has lost.
func (c *Cluster) openTimeline() (err error) {
	var damage timeline.Damage
	if c.log, damage, err = timeline.Open(timelineFile(c.dir), c.loaded.LastEvent); err != nil {
		return err
	}
	if damage != (timeline.Damage{}) {
		c.loaded.Mended = append(c.loaded.Mended, api.Mended{Subject: timeline.File, Found: damage.String(), Remedy: "it goes on with what is left"})
	}
	c.refusals = timeline.NewRepeats(c.log)
	c.resumed = c.log.Last().Seq > 0 || !c.loaded.Starting // before anybody notes anything
	return nil
}

// clients makes the clients of the API server that the cluster itself needs.
func (c *Cluster) clients() (err error) {
	c.provider, err = kubernetes.NewForConfig(c.plane.Provider())
	return err
}

// machines makes the nodes, their network, and the clients that use it.
func (c *Cluster) machines(saved *state.State) error {
	client, err := nodesClient(c.plane.NodeProxy())
	if err != nil {
		return err
	}
	wanted := c.Memory.State().Cluster.Pools
	var pools []nodes.PoolConfig
	for _, p := range wanted {
		pools = append(pools, nodes.PoolConfig{Name: p.Name, Shape: p.PoolShape, Nodes: p.Count, KubeletVersion: "v" + p.KubernetesVersion, NodeImage: p.NodeImage})
	}
	reportFaults()
	starts, err := c.starts()
	if err != nil {
		return fmt.Errorf("what the last engine was starting: %w", err)
	}
	images, err := image.Load("the cluster's catalogue of images", c.spec.Images)
	if err != nil {
		return err
	}
	subnet, podSubnet, err := c.spec.Subnets()
	if err != nil {
		return err
	}
	c.fleet, err = nodes.NewFleet(nodes.Config{
		ClusterName: c.spec.Name, Pools: pools, NetworkPolicy: c.spec.NetworkPolicy, NetworkPlugin: c.spec.NetworkPlugin, Subnet: subnet, PodSubnet: podSubnet, Seed: c.spec.Seed, Created: c.spec.Start,
		KubeletVersion: "v" + wanted[0].KubernetesVersion,
		Timeline:       c.log, Client: client, Watcher: c.incidents, State: saved.Fleet, Starts: starts, Images: images,
		Preempted: c.Operator.Preempted,
		Live:      func() bool { return !c.dial.Free() }, APIServer: controlplane.PublicAddress, DialAPIServer: c.plane.DialPublic,
	})
	if err != nil {
		return err
	}
	for _, p := range pools {
		c.fleet.SetPool(p.Name, p.Shape) // which a state that was lost may not have
	}
	c.fleet.Disks().Changed, c.fleet.Shares().Changed, c.fleet.Balancers().Changed = c.cloudChanged, c.cloudChanged, c.cloudChanged
	c.faults.CloudDisks, c.faults.CloudShares, c.faults.CloudBalancers = c.fleet.Disks(), c.fleet.Shares(), c.fleet.Balancers()
	c.fleet.Routes().Changed, c.faults.CloudRoutes = c.cloudChanged, c.fleet.Routes()
	c.faults.CloudDNS = c.fleet.PublicDNS()
	c.faults.Nodes, c.Management.Fleet = c.fleet, c.fleet
	c.PatchNodes()
	c.fleet.SetOutbound(c.Settings().LoadBalancer)
	c.openDesk()
	if err := c.serveSSH(saved.SSHPort); err != nil {
		return fmt.Errorf("SSH server: %w", err)
	}
	c.balancers = newBalancers(c, c.fleet.Balancers(), saved.Balancers)
	c.traffic = traffic.New(clientNetwork{c.fleet})
	for _, s := range saved.Traffic {
		if err := c.traffic.Start(s); err != nil {
			return err
		}
	}
	return nil
}

// Start brings everything up and returns when the cluster is ready: the control
// plane serves, the nodes are Ready and kube-system runs.
func (c *Cluster) Start(ctx context.Context) error {
	err := c.start(ctx)
	if err == nil && c.drill != nil {
		awaitDrillStart(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.state, c.failure = "failed", err
		return err
	}
	c.state, c.phase, c.readyAt = "ready", "", time.Now().UTC()
	return nil
}

func (c *Cluster) start(ctx context.Context) error {
	verb, message := timeline.Verb("created"), fmt.Sprintf("cluster %s with %d nodes", c.spec.Name, c.spec.Nodes)
	if c.resumed {
		verb = "resumed"
	}
	c.log.Append(timeline.Event{Actor: timeline.Provider, Verb: verb, Subject: "cluster/" + c.spec.Name, Message: message})
	c.noteMovedPorts()
	for _, m := range c.loaded.Mended {
		c.mend(m)
	}
	c.work.Go(c.keepState)
	if !c.resumed {
		c.NoteGates(nil, c.spec.FeatureGates)
	}
	c.setPhase("control plane")
	if err := c.BringUp(ctx); err != nil {
		return err
	}
	if c.Memory.State().Resting() {
		return c.rest()
	}
	if err := c.install(ctx, c.bootstrap); err != nil {
		return err
	}
	c.setPhase("nodes")
	if err := c.runNodes(); err != nil {
		return err
	}
	if err := c.comeUp(ctx); err != nil {
		return err
	}
	c.setPhase("workloads")
	if err := c.await(ctx, "kube-system", c.addonsReady); err != nil {
		return err
	}
	if c.spec.Sample && c.loaded.Starting {
		if err := c.installSample(ctx); err != nil {
			return fmt.Errorf("install the sample workload: %w", err)
		}
	}
	c.serve()
	return c.founded()
}

// runNodes runs the machines, and the controllers that tie them and the cloud to the API
// server: they wait for it.
func (c *Cluster) runNodes() error {
	c.faults.Resume()
	c.work.Go(func() { c.balancers.run(c.ctx) })
	c.work.Go(func() {
		if err := c.fleet.Run(c.ctx); err != nil && c.ctx.Err() == nil {
			c.fail(fmt.Errorf("nodes: %w", err))
		}
	})
	if err := c.watchCloudNodes(c.ctx); err != nil {
		return err
	}
	if err := c.watchRoutes(c.ctx); err != nil {
		return err
	}
	return c.driveDisks(c.ctx)
}

// serve sends the traffic of clients, and probes what serves them.
func (c *Cluster) serve() {
	c.work.Go(func() { c.traffic.Run(c.ctx) })
	c.work.Go(c.keepProbing)
}

// comeUp installs the managed add-ons when the nodes can take pods.
func (c *Cluster) comeUp(ctx context.Context) error {
	if err := c.await(ctx, "the nodes", func() bool { return c.fleet.Ready() }); err != nil {
		return err
	}
	// Not before all can take pods: the scheduler would put all add-ons on the node
	// that comes first.
	if err := c.await(ctx, "the nodes", c.schedulable); err != nil {
		return err
	}
	if err := c.install(ctx, c.addons.Install); err != nil {
		return err
	}
	close(c.installed)
	return nil
}

// schedulable says whether the taints of new nodes are gone from those that are Ready.
func (c *Cluster) schedulable() bool {
	list, err := c.fleet.NodeObjects()
	if err != nil || len(list) == 0 {
		return false
	}
	return !slices.ContainsFunc(list, func(n *corev1.Node) bool {
		return operate.NodeOf(n).Ready && slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool {
			return t.Key == corev1.TaintNodeNotReady || t.Key == corev1.TaintNodeNetworkUnavailable
		})
	})
}

// readyTimeout bounds the start of each part, in virtual time. It is what AKS
// allows a whole cluster.
const readyTimeout = 20 * time.Minute

// await waits until ok, which is asked ten times in a second.
func (c *Cluster) await(ctx context.Context, what string, ok func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for !ok() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s did not become ready in %s", what, readyTimeout)
		case <-c.ctx.Done():
			return errors.New("stopped while starting")
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

// install installs some of the managed add-ons, again until it succeeds: what an engine that
// was killed has left half done is refused until Kubernetes has cleaned it up. An address
// whose Service was not made any more is free again after a minute (kubernetes 1.37,
// pkg/registry/core/service/ipallocator/controller: syncIPAddress).
func (c *Cluster) install(ctx context.Context, some func(context.Context) error) error {
	var refused error
	err := c.await(ctx, "the managed add-ons", func() bool {
		refused = some(ctx)
		return refused == nil
	})
	if err != nil && refused != nil {
		return fmt.Errorf("%w: %w", err, refused)
	}
	return err
}

func (c *Cluster) setPhase(p string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.phase = p
}

func (c *Cluster) stateNow() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// fail records that the engine cannot go on.
func (c *Cluster) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != "stopping" {
		c.state, c.failure = "failed", err
	}
}

// Stop ends the cluster in good order: everything that was acknowledged is on
// disk.
func (c *Cluster) Stop(ctx context.Context) error {
	c.mu.Lock()
	c.state = "stopping"
	c.mu.Unlock()
	c.refusals.Flush()
	err := c.saveState()
	c.end()
	// First, so that nobody takes what ends for an outage.
	err = errors.Join(err, c.Management.Close())
	c.plane.Stop(ctx)
	return errors.Join(err, c.Close(ctx))
}

// Close gives back what the cluster holds, without a goodbye to its components.
func (c *Cluster) Close(ctx context.Context) error {
	c.end()
	var errs []error
	if c.ssh != nil {
		errs = append(errs, c.ssh.Close())
	}
	c.work.Wait()
	if c.Management != nil {
		errs = append(errs, c.Management.Close())
	}
	if c.sshLog != nil {
		errs = append(errs, c.sshLog.Close())
	}
	if c.telemetry != nil {
		errs = append(errs, c.telemetry.close(ctx))
	}
	if c.log != nil {
		errs = append(errs, c.log.Close())
	}
	return errors.Join(errs...)
}

// note is told by the control plane what happens to a component.
func (c *Cluster) note(component string, verb timeline.Verb, message string) {
	cause, _ := c.incidents.Open(component)
	// Everything else lives by the API server, and that by etcd.
	for _, below := range []string{controlplane.APIServer, controlplane.Etcd} {
		if cause.Event == 0 && verb == "crashed" {
			cause, _ = c.incidents.Open(below)
		}
	}
	e := c.log.Append(timeline.Event{Actor: timeline.Provider, Verb: verb, Subject: component, Message: message, Cause: cause.Event})
	if verb == "crashed" {
		c.outage(component, e)
	}
}

// Status is the cluster at this moment.
func (c *Cluster) Status() api.Status {
	c.mu.Lock()
	s := api.Status{Name: c.spec.Name, State: c.state, Phase: c.phase, ReadyAt: c.readyAt, Mended: slices.Clone(c.mended)}
	if c.failure != nil {
		s.Error = c.failure.Error()
	}
	c.mu.Unlock()
	s.Version, s.Now, s.Cluster, s.Clock = api.Version, time.Now().UTC(), c.spec, c.dial.Clock()
	s.KubernetesVersion, s.Server = c.plane.Version(), c.plane.URL()
	s.Kubeconfig, s.DataDir = c.plane.Kubeconfig(), c.dir
	s.SSHConfig, s.MovedPorts = c.ssh.ConfigFile(), c.moved
	s.Components, s.Machines = c.health.Soon(), c.Machines()
	s.LoadBalancers, s.Traffic, s.Faults = c.balancers.list(), c.trafficTotals(), c.Faults()
	s.Availability = c.probes.List()
	s.PowerState.Code = c.Memory.State().Power()
	s.Warnings = c.warnings(s.Clock)
	return s
}
