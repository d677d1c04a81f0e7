package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"demarc/controlplane/upstream"
	"demarc/sim/clock"
	"demarc/sim/disk"

	"k8s.io/client-go/tools/cache"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
	"k8s.io/kubernetes/pkg/serviceaccount"
)

const (
	// kubernetesServiceIP is the first address of the service range.
	kubernetesServiceIP = "10.0.0.1"
	serviceRange        = "10.0.0.0/16" // AKS's default service CIDR
	podRange            = "10.244.0.0/16"
	issuer              = "https://kubernetes.default.svc.cluster.local"

	// readyPoll is how often a starting API server is asked whether it serves.
	readyPoll = 100 * time.Millisecond
	// healthTimeout bounds one health check.
	healthTimeout = 5 * time.Second
)

// apiServer is one incarnation of a kube-apiserver.
type apiServer struct {
	life
	plane    *Plane
	listener *serverListener
	etcd     etcdLink
	health   *http.Client
	name     *cache.InformerName
	down     sync.Once
}

// startAPIServer starts a kube-apiserver with links to etcd of its own, so that
// a killed one cannot write any more. The path is the network between the two.
func (p *Plane) startAPIServer(self *Component, path *gate) (incarnation, error) {
	listener := newServerListener(p.customer.address(), self.gate)
	life := fmt.Sprintf("%s-%d", self.name, self.Status().Starts)
	link, err := p.linkEtcd(life, self.gate, path)
	if err != nil {
		listener.kill()
		return nil, err
	}
	name, err := cache.NewInformerName(life)
	if err != nil {
		listener.kill()
		link.drop()
		return nil, err
	}
	s := &apiServer{life: newLife(), plane: p, listener: listener, etcd: link, name: name}
	if err := s.launch(); err != nil {
		s.die(err) // nothing runs yet
		s.kill()
		return nil, err
	}
	return s, nil
}

// etcdLink is how one incarnation of an API server reaches etcd.
type etcdLink interface {
	urls() string // what --etcd-servers takes
	drop()        // ends it, for good
}

// linkEtcd is a link by calls, but for who traces the components: they want to see
// connections.
func (p *Plane) linkEtcd(life string, gates ...*gate) (etcdLink, error) {
	if p.cfg.Tracing == nil {
		return p.seats.newCalls(p.id+"."+life, gates...), nil
	}
	return p.seats.newLinks(gates...)
}

func (s *apiServer) launch() error {
	p := s.plane
	// Through the server's gate: the health check sees what any client sees.
	s.health = &http.Client{Transport: s.listener.calls(p.parties.caller(providerAdmin))}
	o := options.NewServerRunOptions()
	var err error
	if o.GenericServerRunOptions.ComponentGlobalsRegistry, err = p.versions(); err != nil {
		return err
	}
	audit, err := p.auditFlags()
	if err != nil {
		return err
	}
	if err := p.parse(o.Flags(), append(p.apiServerFlags(s.etcd.urls()), audit...), o.GenericServerRunOptions.ComponentGlobalsRegistry); err != nil {
		return err
	}
	o.SecureServing.Listener = s.listener
	o.SecureServing.BindPort = p.customer.address().Port
	o.SecureServing.ExternalAddress = net.IPv4(127, 0, 0, 1)
	p.trustAdmission(o)
	p.watchBlocks(o)
	s.run(APIServer, func(ctx context.Context) error { return s.serve(ctx, o) })
	return nil
}

// peerLeases is how often an API server writes to etcd where its peers find it. Nobody
// reads that: it has no --peer-ca-file, without which requests are not handed on to peers.
const peerLeases = 24 * time.Hour

// serve is kube-apiserver's own Run, with our tracer provider, and with a handler that can
// be called.
func (s *apiServer) serve(ctx context.Context, o *options.ServerRunOptions) error {
	opts, err := o.Complete(ctx)
	if err != nil {
		return err
	}
	if errs := opts.Validate(); len(errs) > 0 {
		return errors.Join(errs...)
	}
	opts.InformerName = s.name
	config, err := app.NewConfig(opts)
	if err != nil {
		return err
	}
	if tp := s.plane.cfg.Tracing; tp != nil {
		config.KubeAPIs.ControlPlane.Generic.TracerProvider = tp
		config.ApiExtensions.GenericConfig.TracerProvider = tp
		config.Aggregator.GenericConfig.TracerProvider = tp
	}
	config.KubeAPIs.ControlPlane.PeerEndpointReconcileInterval = peerLeases
	if err := publish(config); err != nil {
		return err
	}
	s.plane.audit(config)
	s.plane.watchRefusals(config)
	s.plane.watchFlows(config)
	s.plane.trustConversion(config)
	s.plane.dialAggregated(config)
	var documents upstream.OpenAPI
	documents.Serve(&config.Aggregator.GenericConfig.Config)
	holdClock(&config.Aggregator.GenericConfig.Config)
	policies := upstream.Policies(config.KubeAPIs.ControlPlane.Generic, config.KubeAPIs.ControlPlane.VersionedInformers)
	self, err := upstream.ForPolicies(s.listener.loopback(), policies)
	if err != nil {
		return err
	}
	loopback, err := upstream.CallLoopback(config.KubeAPIs.ControlPlane.Generic.LoopbackClientConfig, self)
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(loopback)
	completed, err := config.Complete()
	if err != nil {
		return err
	}
	chain, crds, err := upstream.ServerChain(completed, &documents)
	if err != nil {
		return err
	}
	prepared, err := chain.PrepareRun()
	if err != nil {
		return err
	}
	if err := documents.Calm(chain, crds); err != nil {
		return err
	}
	s.listener.called.handler = s.renewals(chain.GenericAPIServer.Handler, config.KubeAPIs.ControlPlane.VersionedInformers, policies)
	s.listener.called.marks = upstream.Marked()
	return prepared.Run(ctx)
}

// apiServerFlags are the flags of AKS's API server as far as they are known,
// and those that keep a laptop's clock fast.
func (p *Plane) apiServerFlags(etcd string) []string {
	return []string{
		"--etcd-servers=" + etcd,
		"--etcd-cafile=" + p.pki.cert(etcdCA),
		"--etcd-certfile=" + p.pki.cert(etcdClient.file),
		"--etcd-keyfile=" + p.pki.key(etcdClient.file),
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		"--cert-dir=" + p.pki.dir,
		"--tls-cert-file=" + p.pki.cert("apiserver"),
		"--tls-private-key-file=" + p.pki.key("apiserver"),
		"--client-ca-file=" + p.pki.cert(clusterCA),
		"--requestheader-client-ca-file=" + p.pki.cert(frontProxyCA),
		"--requestheader-allowed-names=" + frontProxy.user,
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + p.pki.cert(frontProxy.file),
		"--proxy-client-key-file=" + p.pki.key(frontProxy.file),
		"--kubelet-client-certificate=" + p.pki.cert(kubeletClient.file),
		"--kubelet-client-key=" + p.pki.key(kubeletClient.file),
		"--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=" + issuer,
		"--service-account-jwks-uri=" + issuer + serviceaccount.JWKSPath,
		"--service-account-key-file=" + p.pki.key("service-account"),
		"--service-account-signing-key-file=" + p.pki.key("service-account"),
		"--service-cluster-ip-range=" + serviceRange,
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		"--egress-selector-config-file=" + p.egressFile(),
		"--profiling=false",
		// A watch cache per resource is a goroutine family and a timer each;
		// without them the clock runs three times as fast.
		"--watch-cache=false",
		// Object counts are a metric that costs one etcd request per resource
		// and minute.
		"--etcd-count-metric-poll-period=0",
	}
}

func (s *apiServer) ready(ctx context.Context) error {
	for s.check(ctx, "/readyz") != nil {
		if !clock.Sleep(ctx, readyPoll) {
			return ctx.Err()
		}
	}
	return s.plane.door.attach(s.listener)
}

func (s *apiServer) healthy(ctx context.Context) error { return s.check(ctx, "/livez") }

func (s *apiServer) check(ctx context.Context, path string) error {
	return getOK(ctx, "https://localhost"+path, s.health)
}

// kill takes the listener and every connection away at once. The link to etcd
// stays until its goroutines have ended: without one, those that want to say
// goodbye (the server's own lease) would wait for ever. Requests that were under
// way are cancelled with their connections.
func (s *apiServer) kill() {
	s.down.Do(func() {
		s.plane.door.detach(s.listener)
		s.listener.kill()
		s.end()
		go func() {
			<-s.died()
			s.etcd.drop()
			s.name.Release()
		}()
	})
}

// stop lets requests that are under way finish.
func (s *apiServer) stop(ctx context.Context) {
	s.plane.door.detach(s.listener)
	s.end()
	select {
	case <-s.died():
	case <-ctx.Done():
	}
	s.kill()
}

// egressFile tells the API server to reach nodes, pods and services by the
// tunnel, as AKS does with konnectivity, and webhooks by URL by a path of their own.
func (p *Plane) egressFile() string { return filepath.Join(p.cfg.Dir, "egress-selector.yaml") }

func (p *Plane) writeEgress() error {
	return disk.Replace(p.egressFile(), fmt.Appendf(nil, `apiVersion: apiserver.k8s.io/v1beta1
kind: EgressSelectorConfiguration
egressSelections:
- name: cluster
  connection:
    proxyProtocol: HTTPConnect
    transport:
      uds:
        udsName: %s
- name: controlplane
  connection:
    proxyProtocol: HTTPConnect
    transport:
      uds:
        udsName: %s
`, p.tunnel.socket, p.webhooks.socket), false)
}

// getOK asks a URL and wants 200.
func getOK(ctx context.Context, url string, client *http.Client) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", resp.Status, failures(string(body)))
	}
	return nil
}

// failures is what a health check's answer says is wrong, in one line: of
// Kubernetes' lists of checks, those that failed.
func failures(body string) string {
	var failed []string
	for line := range strings.Lines(body) {
		if check, ok := strings.CutPrefix(line, "[-]"); ok {
			failed = append(failed, strings.TrimSpace(check))
		}
	}
	if len(failed) == 0 {
		return strings.TrimSpace(body)
	}
	return strings.Join(failed, "; ")
}
