package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"demarc/controlplane/upstream"
	"demarc/sim/clock"

	"k8s.io/client-go/tools/cache"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/klog/v2"
	kcm "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	kcmoptions "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	scheduleroptions "k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

// client is one incarnation of a component that is a client of the API server. It has
// a way there of its own, which is closed when it is killed.
type client struct {
	life
	way  *namedCalls
	gate *gate
	down sync.Once
}

func (c *client) ready(ctx context.Context) error { return ctx.Err() }

// healthy asks for nothing over the network: these programs' health endpoints
// say no more than that the process runs. One that hangs does not answer.
func (c *client) healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	if !c.gate.pass(ctx.Done(), true) {
		return fmt.Errorf("its health check: %w", ctx.Err())
	}
	return c.err()
}

func (c *client) kill() {
	c.down.Do(func() {
		c.end()
		c.way.close()
	})
}

func (c *client) stop(ctx context.Context) {
	c.end()
	select {
	case <-c.died():
	case <-ctx.Done():
	}
	c.kill()
}

// startClient opens a way to the API servers, writes a kubeconfig that names it and
// calls main with that.
func (p *Plane) startClient(self *Component, id identity, main func(ctx context.Context, kubeconfig string) error) (incarnation, error) {
	name := self.name
	way := nameCalls(p.calls(name, id, self.gate))
	kubeconfig, err := p.writeKubeconfig(name, p.kubeconfig(&clientcmdapi.Cluster{Server: way.url}, &clientcmdapi.AuthInfo{}))
	if err != nil {
		way.close()
		return nil, err
	}
	c := &client{life: newLife(), way: way, gate: self.gate}
	logger := p.logs.logger(name)
	c.run(name, func(ctx context.Context) error {
		return main(klog.NewContext(ctx, logger), kubeconfig)
	})
	go c.keepLease(p)
	return c, nil
}

// renewDeadline is for how long a leader may fail to renew its lease before it
// gives up, and its process with it (Kubernetes v1.37, component-base/config:
// RenewDeadline, 10 s).
const renewDeadline = 10 * time.Second

// keepLease ends the program when it could not have renewed its lease. There is
// no lease, since there is one replica of each and writing leases is most of what
// an idle cluster does; but a controller that outlives an absence of the API
// server would judge the nodes by what it remembers of before.
func (c *client) keepLease(p *Plane) {
	led, missed := false, 0
	for {
		now := time.Now()
		select {
		case <-c.died():
			return
		case <-c.ctx.Done():
			return
		case <-time.After(clock.UntilTick(now, renewDeadline)):
		}
		switch answers := p.apiServerAnswers(c.ctx, renewDeadline); {
		case answers || p.upgrading.Load() > 0: // one API server of one may be away for a moment
			led, missed = true, 0
		case led && c.ctx.Err() == nil: // who has never had a lease goes on trying to get one
			if missed++; missed == 2 {
				c.die(errors.New("leaderelection lost: no API server has answered for more than " + renewDeadline.String()))
				return
			}
		}
	}
}

// startControllerManager starts kube-controller-manager. It waits for the API
// server itself, and exits like the real one when it does not come.
func (p *Plane) startControllerManager(context.Context) (incarnation, error) {
	return p.startClient(p.manager, controllers, func(ctx context.Context, kubeconfig string) error {
		if err := p.awaitAPIServer(ctx); err != nil {
			return err
		}
		o, err := kcmoptions.NewKubeControllerManagerOptions()
		if err != nil {
			return err
		}
		if o.ComponentGlobalsRegistry, err = p.versions(); err != nil {
			return err
		}
		named := o.Flags(kcm.KnownControllers(), kcm.ControllersDisabledByDefault(), kcm.ControllerAliases())
		o.ParsedFlags = &named
		if err := p.parse(named, []string{
			"--kubeconfig=" + kubeconfig,
			"--leader-elect=false", // one replica
			"--secure-port=0",
			"--use-service-account-credentials=true",
			"--service-account-private-key-file=" + p.pki.key("service-account"),
			"--root-ca-file=" + p.pki.cert(clusterCA),
			"--cluster-signing-cert-file=" + p.pki.cert(clusterCA),
			"--cluster-signing-key-file=" + p.pki.key(clusterCA),
			"--cluster-cidr=" + podRange,
			"--service-cluster-ip-range=" + serviceRange,
			"--allocate-node-cidrs=false", // the nodes bring their own, as in AKS
			"--kube-api-qps=200", "--kube-api-burst=400",
		}, o.ComponentGlobalsRegistry); err != nil {
			return err
		}
		cfg, err := o.Config(ctx, kcm.KnownControllers(), kcm.ControllersDisabledByDefault(), kcm.ControllerAliases())
		if err != nil {
			return err
		}
		cfg.Kubeconfig.Wrap(func(rt http.RoundTripper) http.RoundTripper { return slimTransport{rt} })
		if ctx.Err() != nil { // killed meanwhile: the next life may have entered itself
			return ctx.Err()
		}
		upstream.ForgetControllerManager()
		return kcm.Run(ctx, cfg.Complete())
	})
}

// startScheduler starts kube-scheduler.
func (p *Plane) startScheduler(context.Context) (incarnation, error) {
	return p.startClient(p.scheduler, schedulerUser, func(ctx context.Context, kubeconfig string) error {
		if err := p.awaitAPIServer(ctx); err != nil {
			return err
		}
		versions, err := p.versions()
		if err != nil {
			return err
		}
		o := scheduleroptions.NewOptionsWithComponentGlobalsRegistry(versions)
		// The name is the process's, and an old life may still hold it.
		name, err := cache.NewInformerName(fmt.Sprintf("kube-scheduler-%d", p.scheduler.Status().Starts))
		if err != nil {
			return err
		}
		defer name.Release()
		o.InformerName = name
		if err := p.parse(*o.Flags, []string{
			"--kubeconfig=" + kubeconfig,
			"--authentication-kubeconfig=" + kubeconfig,
			"--authorization-kubeconfig=" + kubeconfig,
			"--leader-elect=false", // one replica
			"--secure-port=0",
			"--kube-api-qps=500", "--kube-api-burst=1000",
		}, versions); err != nil {
			return err
		}
		cc, sched, err := scheduler.Setup(upstream.WithoutLeakedRecorder(ctx), o)
		if err != nil {
			return err
		}
		if err := upstream.CalmRecorder(ctx, sched); err != nil {
			return err
		}
		if ctx.Err() != nil { // as above
			return ctx.Err()
		}
		upstream.ForgetScheduler()
		return scheduler.Run(ctx, cc, sched)
	})
}
