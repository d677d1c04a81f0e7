package autoscaler

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"demarc/sim/clock"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	appslisters "k8s.io/client-go/listers/apps/v1"
	policylisters "k8s.io/client-go/listers/policy/v1"
	"k8s.io/client-go/tools/cache"
)

// Cloud is the node pools, and what may be done to them. An error has a code of Azure's.
type Cloud interface {
	// Groups are the pools that the autoscaler decides on. Busy says that something else
	// changes the cluster now: it waits.
	Groups() (groups []Group, busy bool)
	// Changed is told when there may be other ones.
	Changed() <-chan struct{}
	// Grow asks for some more VMs of a pool, for some pods.
	Grow(ctx context.Context, pool string, by, pods int) error
	// Shrink deletes a node and its VM.
	Shrink(ctx context.Context, pool, node string) error
	// Draining tells that the pods of a node that goes move.
	Draining(node string, pods int)
}

// Objects is what the API server has, as somebody else's watches tell.
type Objects interface {
	Nodes() ([]*corev1.Node, error)
	Pods() ([]*corev1.Pod, error)
	// Observe calls changed whenever something changes that counts, until end is called.
	Observe(changed func()) (end func())
}

// Config is what a [Controller] needs.
type Config struct {
	Client  kubernetes.Interface
	Cloud   Cloud
	Objects Objects
	// Serving says why the API server does not serve.
	Serving func(context.Context) error
	// Seed makes the choice among pools repeatable.
	Seed uint64
}

// Controller is the autoscaler at work.
type Controller struct {
	Config
	random *rand.Rand
	events *recorder
	status statusMap

	daemons appslisters.DaemonSetLister
	budgets policylisters.PodDisruptionBudgetLister

	mu      sync.Mutex
	mem     Memory
	told    map[string]told // of pods that wait, by their UIDs
	woken   chan struct{}
	working sync.WaitGroup
}

// New makes an autoscaler. It remembers nothing of what another has seen.
func New(cfg Config) *Controller {
	return &Controller{
		Config: cfg, random: rand.New(rand.NewPCG(cfg.Seed, 0)), events: newRecorder(cfg.Client), woken: make(chan struct{}, 1),
	}
}

// Run scales until ctx ends. Without a pool that is scaled it only waits for one.
func (c *Controller) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if groups, busy := c.Cloud.Groups(); len(groups) > 0 || busy {
			c.attend(ctx)
			continue
		}
		select {
		case <-c.Cloud.Changed():
		case <-ctx.Done():
		}
	}
}

// watchSeconds is how long a watch lasts: without events it costs nothing.
const watchSeconds int64 = 24 * 60 * 60

// attend scales as long as there is a pool that is scaled.
func (c *Controller) attend(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	factory := informers.NewSharedInformerFactoryWithOptions(c.Client, 0, informers.WithTweakListOptions(func(o *metav1.ListOptions) {
		if o.TimeoutSeconds != nil { // a list has none
			seconds := watchSeconds
			o.TimeoutSeconds = &seconds
		}
	}))
	daemons, budgets := factory.Apps().V1().DaemonSets(), factory.Policy().V1().PodDisruptionBudgets()
	c.daemons, c.budgets = daemons.Lister(), budgets.Lister()
	// Adding a handler to an informer that has not started cannot fail.
	_, _ = budgets.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { c.wake() }, UpdateFunc: func(any, any) { c.wake() }, DeleteFunc: func(any) { c.wake() },
	})
	_ = daemons.Informer()
	factory.Start(ctx.Done())
	defer func() {
		cancel()
		factory.Shutdown()
		c.working.Wait()
	}()
	for _, ok := range factory.WaitForCacheSync(ctx.Done()) {
		if !ok {
			return
		}
	}
	defer c.Objects.Observe(c.wake)()
	c.mem = Memory{Unneeded: map[string]time.Time{}, Awaited: map[string]time.Time{}, Deleting: map[string]bool{}, Backoffs: map[string]Backoff{}}
	c.told = map[string]told{}
	for cleaned := false; clock.Sleep(ctx, clock.UntilTick(time.Now(), ScanInterval)); {
		groups, busy := c.Cloud.Groups()
		if len(groups) == 0 && !busy {
			return
		}
		next := time.Now().Add(ScanInterval)
		if !busy && c.serves(ctx) {
			if !cleaned {
				cleaned = c.unmarkAll(ctx, groups)
			}
			next = c.look(ctx, groups)
		}
		c.await(ctx, next)
	}
}

// await waits until something has changed, or until a time; zero is none.
func (c *Controller) await(ctx context.Context, until time.Time) {
	var due <-chan time.Time // never
	if !until.IsZero() {
		if tick := until.Truncate(ScanInterval); tick.Before(until) {
			until = tick.Add(ScanInterval) // looks are on the grid
		}
		t := time.NewTimer(max(time.Until(until)-ScanInterval, 0)) // the wait for the look itself follows
		defer t.Stop()
		due = t.C
	}
	select {
	case <-c.woken:
	case <-c.Cloud.Changed():
	case <-due:
	case <-ctx.Done():
	}
}

func (c *Controller) wake() {
	select {
	case c.woken <- struct{}{}:
	default: // it will be seen
	}
}

// servesTimeout bounds the question whether the API server serves.
const servesTimeout = 5 * time.Second

func (c *Controller) serves(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, servesTimeout)
	defer cancel()
	return c.Serving(ctx) == nil
}

// look decides what is to be done, and begins it. It returns when to look again; zero is
// when something changes.
func (c *Controller) look(ctx context.Context, groups []Group) time.Time {
	in, err := c.input(ctx, groups)
	if err != nil {
		return time.Now().Add(ScanInterval)
	}
	c.mu.Lock()
	c.mem.await(in)
	plan := Decide(in, c.mem)
	if !plan.Unhealthy {
		c.mem.Unneeded = plan.Since
	}
	c.mu.Unlock()
	c.giveUp(ctx, groups, plan)
	if plan.Up != nil {
		c.grow(ctx, plan.Up)
	}
	c.tellWaiting(ctx, in.Now, &plan)
	for _, r := range plan.Remove {
		c.begin(ctx, r)
	}
	if plan.Mark {
		c.mark(ctx, in, plan.Unneeded)
	}
	c.writeStatus(ctx, in, plan)
	return plan.Next
}

// await notes which VMs have no Node since when, and forgets the others.
func (m *Memory) await(in Input) {
	registered := map[string]bool{}
	for _, n := range in.Nodes {
		registered[n.Name] = true
	}
	was := m.Awaited
	m.Awaited = map[string]time.Time{}
	for _, g := range in.Groups {
		for _, vm := range g.VMs {
			if since, known := was[vm]; known && !registered[vm] {
				m.Awaited[vm] = since
			} else if !registered[vm] {
				m.Awaited[vm] = in.Now
			}
		}
	}
}

// input is what there is now.
func (c *Controller) input(ctx context.Context, groups []Group) (in Input, err error) {
	in = Input{Now: time.Now().Truncate(time.Second), Groups: groups, Draw: c.random.IntN}
	if in.Nodes, err = c.Objects.Nodes(); err != nil {
		return in, err
	}
	if in.Pods, err = c.Objects.Pods(); err != nil {
		return in, err
	}
	if in.DaemonSets, err = c.daemons.List(labels.Everything()); err != nil {
		return in, err
	}
	if in.Budgets, err = c.budgets.List(labels.Everything()); err != nil {
		return in, err
	}
	in.VolumesFit = c.volumesOf(ctx, in.Pods)
	return in, nil
}
