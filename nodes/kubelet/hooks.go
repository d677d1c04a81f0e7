package kubelet

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"demarc/nodes/network"
	"demarc/nodes/program"
	"demarc/sim/clock"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// hooks are those of a container, which may be nil.
func hooks(c *corev1.Container) corev1.Lifecycle {
	if c == nil {
		return corev1.Lifecycle{}
	}
	return ptr.Deref(c.Lifecycle, corev1.Lifecycle{})
}

// post runs the postStart hook. Until it is over the kubelet waits; if it fails the
// container is stopped (kubernetes 1.37, pkg/kubelet/kuberuntime: startContainer).
func (c *container) post() {
	h := hooks(c.spec()).PostStart
	if h == nil {
		return
	}
	c.posting = true
	ctx, cancel := context.WithCancel(c.p.k.ks.ctx)
	c.hook(ctx, cancel, h, func(now time.Time, err error) {
		c.posting = false
		if err != nil {
			c.p.event(now, warning, "FailedPostStartHook", "PostStartHook failed", c.field())
			c.stop(now, c.p.grace(), "FailedPostStartHook")
		}
	})
}

// preStop runs the preStop hook of a container that is to stop within a grace period, in
// which its program still gets what is left of it.
func (c *container) preStop(now time.Time, h *corev1.LifecycleHandler, grace time.Duration) {
	c.termAt, c.killAt = now.Add(grace), now.Add(grace+minimumGrace)
	ctx, cancel := context.WithTimeout(c.p.k.ks.ctx, grace)
	c.hook(ctx, cancel, h, func(end time.Time, err error) {
		if err != nil {
			c.p.event(end, warning, "FailedPreStopHook", "PreStopHook failed", c.field())
		}
		kill := end.Add(max(grace-end.Sub(now), minimumGrace))
		if c.termAt = end; kill.Before(c.killAt) {
			c.killAt = kill
		}
		c.p.at(c.advance(end))
	})
}

// hook runs a hook, for as long as ctx lasts, and calls done under the lock, unless the
// instance has ended. Cancel is that of ctx. The lock is held.
func (c *container) hook(ctx context.Context, cancel context.CancelFunc, h *corev1.LifecycleHandler, done func(now time.Time, err error)) {
	ks, id := c.p.k.ks, c.id
	c.endHook = cancel
	r := hookRun{
		program: c.program, ip: c.p.ip.String(), ports: c.spec().Ports,
		dial: func(ctx context.Context, _, address string) (net.Conn, error) {
			return ks.Network.Dial(ctx, network.Origin{Node: c.p.k.m.Name, Namespace: c.p.namespace}, address)
		},
	}
	ks.scripts.Go(func() {
		defer cancel()
		err := r.run(ctx, h)
		if ks.ctx.Err() != nil {
			return
		}
		ks.Lock.Lock()
		defer ks.Lock.Unlock()
		if c.id == id && c.state == running && !c.termed {
			c.endHook = nil
			done(time.Now(), err)
			ks.Timers.Wake(c.p)
		}
	})
}

// hookRun is what a hook needs, taken under the lock.
type hookRun struct {
	program program.Spec
	ip      string
	ports   []corev1.ContainerPort // which may be named
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
}

func (r *hookRun) run(ctx context.Context, h *corev1.LifecycleHandler) error {
	switch {
	case h.Sleep != nil:
		clock.Sleep(ctx, time.Duration(max(h.Sleep.Seconds, 0))*time.Second)
	case h.Exec != nil:
		var out bytes.Buffer
		code, err := program.Exec(ctx, r.program, h.Exec.Command, nil, &out, &out)
		if err == nil && code != 0 {
			err = fmt.Errorf("command %q exited with %d: %s", strings.Join(h.Exec.Command, " "), code, out.String())
		}
		return err
	case h.HTTPGet != nil:
		return r.get(ctx, h.HTTPGet)
	}
	return nil
}

// get sends the request. Whatever the answer says, it is success (kubernetes 1.37,
// pkg/kubelet/lifecycle: runHTTPHandler).
func (r *hookRun) get(ctx context.Context, action *corev1.HTTPGetAction) error {
	port, err := portNumber(r.ports, action.Port)
	if err != nil {
		return err
	}
	req, err := newRequest(ctx, action, r.ip, port, "kube-lifecycle/1.37")
	if err != nil {
		return err
	}
	transport := &http.Transport{DialContext: r.dial, DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // as a kubelet, which has no CA for it
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
