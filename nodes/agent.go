package nodes

import (
	"cmp"
	"context"
	"io"
	"time"

	"demarc/nodes/certgen"
	"demarc/nodes/certmanager"
	"demarc/nodes/image"
	"demarc/nodes/ingress"
	"demarc/nodes/kubelet"
	"demarc/nodes/kured"
	"demarc/nodes/program"
	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
)

// agent is the program of a container that works on its machine or through the API server;
// nil for any other.
func (f *scaleSet) agent(node string, pod *corev1.Pod, c *corev1.Container) program.Agent {
	account := cmp.Or(pod.Spec.ServiceAccountName, "default")
	switch image.Short(c.Image) {
	case "kured":
	case "kube-webhook-certgen":
		return func(ctx context.Context, out io.Writer, argv []string) int {
			return certgen.Run(kubelet.WithServiceAccount(ctx, pod.Namespace, account), f.cfg.Client, out, argv)
		}
	case "cert-manager-controller":
		return func(ctx context.Context, out io.Writer, _ []string) int {
			return certmanager.Run(kubelet.WithServiceAccount(ctx, pod.Namespace, account), f.cfg.Client, out, pod.Namespace)
		}
	default:
		return nil
	}
	m := f.named(node)
	on := &agentNode{m: m, boot: m.Boots, pod: pod.Namespace + "/" + pod.Name}
	privileged := pod.Spec.HostPID && c.SecurityContext != nil && c.SecurityContext.Privileged != nil && *c.SecurityContext.Privileged
	return func(ctx context.Context, out io.Writer, argv []string) int {
		return kured.Run(kubelet.WithServiceAccount(ctx, pod.Namespace, account), on, f.cfg.Client, privileged, out, argv)
	}
}

// gateway is the program of a container that serves by what the API server has; nil for any
// other.
func (f *scaleSet) gateway(node string, pod *corev1.Pod, c *corev1.Container, dial program.Dialer) program.Gateway {
	if e := f.cfg.catalogue().Lookup(c.Image); e == nil || !e.Ingress {
		return nil
	}
	m, account := f.named(node), cmp.Or(pod.Spec.ServiceAccountName, "default")
	on := &agentNode{m: m, boot: m.Boots, pod: pod.Namespace + "/" + pod.Name}
	controller := ingress.New(f.cfg.Client, ingress.Pod{Namespace: pod.Namespace, Name: pod.Name, Labels: pod.Labels, Dial: dial, ReachesAPI: on.ReachesAPI})
	return asAccount{controller, pod.Namespace, account}
}

// asAccount is a controller whose requests are made with the service account of its pod.
type asAccount struct {
	*ingress.Controller
	namespace, name string
}

// Run implements [program.Gateway].
func (a asAccount) Run(ctx context.Context, out io.Writer, argv []string) int {
	return a.Controller.Run(kubelet.WithServiceAccount(ctx, a.namespace, a.name), out, argv)
}

// catalogue says how the containers of each image behave.
func (c Config) catalogue() *image.Catalogue {
	if c.Images == nil {
		return image.Builtin()
	}
	return c.Images
}

// agentNode is the machine that a pod with an agent runs on.
type agentNode struct {
	m    *machine
	boot int
	pod  string
}

var _ kured.Node = (*agentNode)(nil)

// Name implements [kured.Node].
func (a *agentNode) Name() string { return a.m.Name }

// HasFile implements [kured.Node].
func (a *agentNode) HasFile(path string) bool {
	a.m.f.mu.Lock()
	defer a.m.f.mu.Unlock()
	_, err := a.m.OS.Stat(path)
	return err == nil
}

// ReachesAPI implements [kured.Node].
func (a *agentNode) ReachesAPI() bool {
	a.m.f.mu.Lock()
	defer a.m.f.mu.Unlock()
	return a.m.Online() && a.m.f.kubelets.Online()
}

// Reboot implements [kured.Node]. Kured is the customer's, and so is what it does.
func (a *agentNode) Reboot() {
	m := a.m
	m.f.mu.Lock()
	defer m.f.mu.Unlock()
	if !m.Up() || m.Boots != a.boot {
		return
	}
	now := time.Now()
	m.ActsOn(now, timeline.Customer, "ran", "node/"+m.Name, "pod "+a.pod+" ran: systemctl reboot", 0)
	m.reboot(now)
	m.f.timers.Wake(m)
}
