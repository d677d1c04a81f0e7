// Package ingress is what the Ingress controller of nginx does, as a container of its image
// runs it: it serves the Ingresses of its class to whoever connects (kubernetes/ingress-nginx
// 1.13, which AKS's application routing add-on runs, too).
//
// A [Controller] is one run of the program. [Controller.Run] watches, with the rights of the
// pod's service account, Ingresses, IngressClasses, Services, EndpointSlices and Secrets, and
// makes a table of routes of them (table.go), not oftener than every few seconds;
// [Controller.ServeHTTP] answers by that table (proxy.go), and [Controller.Certificate] is what
// it shows. While the API server is away the table stays as it is; a controller that starts
// then never gets one, and ends. While nothing changes, nothing runs.
package ingress

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"demarc/sim/clock"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// Pod is where a controller runs.
type Pod struct {
	Namespace, Name string
	// Labels are the pod's, by which it finds its likes.
	Labels map[string]string
	// Dial connects as the pod does.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// ReachesAPI says whether the pod can reach the API server.
	ReachesAPI func() bool
}

// Controller is one run of the program. Its methods may be called from any goroutine.
type Controller struct {
	pod    Pod
	client kubernetes.Interface
	now    *store // what the watches have told
	out    io.Writer

	options atomic.Pointer[options] // nil before the command line was read
	table   atomic.Pointer[table]   // nil before the first was made
	changed chan struct{}           // something that the table is made of has
	events  recorder
	fake    func() *certificate // is shown where there is no other
	said    map[string]bool     // the warnings of the table that is in force; sync's

	logging sync.Mutex
}

// New makes a controller that does not run yet, with a client that speaks for its pod by the
// context of a request.
func New(client kubernetes.Interface, pod Pod) *Controller {
	c := &Controller{pod: pod, client: client, out: io.Discard, changed: make(chan struct{}, 1), fake: sync.OnceValue(fakeCertificate)}
	c.events = recorder{client: client, host: pod.Name}
	return c
}

// Exit codes.
const (
	exitUsage = 1
	exitFatal = 255 // klog's
)

// syncInterval is the least time between two tables (ingress-nginx, --sync-rate-limit 0.3).
const syncInterval = 10 * time.Second / 3

// retryAPI is when a change is looked at again that the pod could not have heard of.
const retryAPI = 5 * time.Second

// Run serves until ctx ends, and returns the exit code.
func (c *Controller) Run(ctx context.Context, out io.Writer, argv []string) int {
	c.out = out
	o, err := parse(argv, out)
	if err != nil {
		return exitUsage
	}
	c.log('I', "main.go:205", "Creating API client", "host", "https://10.0.0.1:443")
	c.options.Store(o)
	if err := c.connect(ctx); err != nil {
		if ctx.Err() == nil {
			c.log('F', "main.go:254", "Error while initiating a connection to the Kubernetes API server. This could mean the cluster is misconfigured (e.g. it has invalid API server certificates or Service Accounts configuration).", "err", err)
		}
		return exitFatal
	}
	all := informers.NewSharedInformerFactoryWithOptions(c.client, 0, informers.WithNamespace(o.watchNamespace), informers.WithTweakListOptions(longWatch), informers.WithTransform(slim))
	defer all.Shutdown()
	c.watch(all)
	all.StartWithContext(ctx)
	for _, ok := range all.WaitForCacheSyncWithContext(ctx).Synced {
		if !ok {
			return exitFatal
		}
	}
	c.log('I', "nginx.go:337", "Starting NGINX process")
	var publishing sync.WaitGroup
	defer publishing.Wait()
	publish := make(chan struct{}, 1)
	publishing.Go(func() { c.publish(ctx, publish) })
	for {
		c.sync(ctx)
		wake(publish)
		if !clock.Sleep(ctx, syncInterval) {
			return 0
		}
		select {
		case <-ctx.Done():
			return 0
		case <-c.changed:
		}
		for !c.pod.ReachesAPI() {
			if !clock.Sleep(ctx, retryAPI) {
				return 0
			}
		}
	}
}

// Attempts to reach the API server at the start (ingress-nginx, cmd/nginx/main.go).
const (
	attempts     = 10
	firstBackoff = time.Second
	backoffGrows = 1.5
)

// connect asks the API server for its version, as often as the program does.
func (c *Controller) connect(ctx context.Context) (err error) {
	for i := range attempts {
		if err = errNoAPI; c.pod.ReachesAPI() {
			_, err = c.client.CoreV1().RESTClient().Get().AbsPath("/version").Do(ctx).Raw()
		}
		if err == nil {
			return nil
		}
		if i < attempts-1 && !clock.Sleep(ctx, time.Duration(float64(firstBackoff)*math.Pow(backoffGrows, float64(i)))) {
			return ctx.Err()
		}
	}
	return err
}

// errNoAPI is what a pod hears that cannot reach the API server.
var errNoAPI = &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 443}, Err: os.ErrDeadlineExceeded}

// watch has informers tell of what the table is made of.
func (c *Controller) watch(all informers.SharedInformerFactory) {
	routes, core := all.Networking().V1(), all.Core().V1()
	c.now = &store{
		ingresses: routes.Ingresses().Lister(), classes: routes.IngressClasses().Lister(),
		services: core.Services().Lister(), secrets: core.Secrets().Lister(), slices: all.Discovery().V1().EndpointSlices().Lister(),
	}
	changed := func(any) { wake(c.changed) }
	handler := cache.ResourceEventHandlerFuncs{AddFunc: changed, UpdateFunc: func(_, obj any) { changed(obj) }, DeleteFunc: changed}
	for _, i := range []cache.SharedIndexInformer{
		routes.IngressClasses().Informer(), core.Services().Informer(), core.Secrets().Informer(), all.Discovery().V1().EndpointSlices().Informer(), routes.Ingresses().Informer(),
	} {
		_, _ = i.AddEventHandler(handler) // fails only once it has stopped
	}
}

// wake tells a loop that there is something to do.
func wake(loop chan struct{}) {
	select {
	case loop <- struct{}{}:
	default:
	}
}

// watchSeconds is how long a watch lasts. By default informers begin anew every few minutes,
// which costs requests on a day without events.
const watchSeconds int64 = 24 * 60 * 60

// longWatch has a watch last. A list has no time.
func longWatch(o *metav1.ListOptions) {
	if o.TimeoutSeconds != nil {
		seconds := watchSeconds
		o.TimeoutSeconds = &seconds
	}
}

// slim drops what nobody here reads. It changes a copy: a client may have shared the object
// with somebody else.
func slim(obj any) (any, error) {
	switch o := obj.(type) {
	case *corev1.Service:
		c := *o
		c.ManagedFields = nil
		return &c, nil
	case *corev1.Secret:
		c := *o
		if c.ManagedFields = nil; c.Type != corev1.SecretTypeTLS && len(c.Data[corev1.TLSCertKey]) == 0 {
			c.Data = nil
		}
		return &c, nil
	case *discoveryv1.EndpointSlice:
		c := *o
		c.ManagedFields = nil
		return &c, nil
	case *networkingv1.Ingress:
		c := *o
		c.ManagedFields = nil
		return &c, nil
	}
	return obj, nil
}

// sync makes the table of what there is, and tells of Ingresses that are new in it.
func (c *Controller) sync(ctx context.Context) {
	o := c.options.Load()
	t, notes := c.now.build(o)
	said := map[string]bool{}
	for _, n := range notes {
		if !said[n] && !c.said[n] {
			c.log('W', "controller.go:1280", n)
		}
		said[n] = true
	}
	c.said = said
	before := c.table.Load()
	if before == nil {
		before = &table{}
	}
	t.keepTurns(before)
	c.table.Store(t)
	fresh := 0
	for key, ing := range t.ingresses {
		if old := before.ingresses[key]; old != nil && old.Generation == ing.Generation && old.UID == ing.UID && maps.Equal(old.Annotations, ing.Annotations) {
			continue
		}
		fresh++
		c.log('I', "store.go:440", "Found valid IngressClass", "ingress", key, "ingressclass", o.class)
		c.events.scheduled(ctx, ing)
	}
	if fresh > 0 || len(t.ingresses) != len(before.ingresses) {
		c.log('I', "controller.go:210", "Backend successfully reloaded")
	}
}

// log writes a line as klog does.
func (c *Controller) log(level byte, at, message string, pairs ...any) {
	line := fmt.Sprintf("%c%s       7 %s] %q", level, time.Now().UTC().Format("0102 15:04:05.000000"), at, message)
	for i := 0; i+1 < len(pairs); i += 2 {
		line += fmt.Sprintf(" %v=%q", pairs[i], fmt.Sprint(pairs[i+1]))
	}
	c.write(line)
}

// write writes a line to the container's log.
func (c *Controller) write(line string) {
	c.logging.Lock()
	defer c.logging.Unlock()
	fmt.Fprintln(c.out, line) // a container's log takes everything
}
