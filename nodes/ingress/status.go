package ingress

import (
	"context"
	"net"
	"slices"
	"strings"
	"time"

	"demarc/sim/clock"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// statusInterval is the time between two looks at the Ingresses' addresses (ingress-nginx,
// internal/ingress/status: UpdateInterval).
const statusInterval = 60 * time.Second

// publish writes the program's address into the Ingresses: at once, and then at the intervals
// at which the program looks, in which something has changed.
func (c *Controller) publish(ctx context.Context, changed <-chan struct{}) {
	o, began := c.options.Load(), time.Now()
	if !o.updateStatus {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
		for !c.pod.ReachesAPI() || !c.tell(ctx, o) {
			if !clock.Sleep(ctx, statusInterval) {
				return
			}
		}
		if !clock.Sleep(ctx, statusInterval-time.Since(began)%statusInterval) {
			return
		}
	}
}

// tell writes the address into each Ingress that has another one, and says whether all of
// them took it.
func (c *Controller) tell(ctx context.Context, o *options) (all bool) {
	addresses, err := c.addresses(ctx, o)
	if err != nil {
		c.log('E', "queue.go:131", "requeuing", "err", err)
		return false
	}
	all = true
	for key, ing := range c.table.Load().ingresses {
		if sameAddresses(ing.Status.LoadBalancer.Ingress, addresses) {
			continue
		}
		if err := c.writeStatus(ctx, ing, addresses); err != nil {
			c.log('W', "status.go:304", "error updating ingress rule", "ingress", key, "err", err)
			all = false
		}
	}
	return all
}

// writeStatus writes addresses into an Ingress, unless it has them by now.
func (c *Controller) writeStatus(ctx context.Context, ing *networkingv1.Ingress, addresses []networkingv1.IngressLoadBalancerIngress) error {
	ingresses := c.client.NetworkingV1().Ingresses(ing.Namespace)
	live, err := ingresses.Get(ctx, ing.Name, metav1.GetOptions{})
	if err != nil || sameAddresses(live.Status.LoadBalancer.Ingress, addresses) {
		return err
	}
	c.log('I', "status.go:304", "updating Ingress status", "namespace", ing.Namespace, "ingress", ing.Name, "currentValue", live.Status.LoadBalancer.Ingress, "newValue", addresses)
	live.Status.LoadBalancer.Ingress = addresses
	_, err = ingresses.UpdateStatus(ctx, live, metav1.UpdateOptions{})
	return err
}

// sameAddresses says whether two lists of addresses are one.
func sameAddresses(a, b []networkingv1.IngressLoadBalancerIngress) bool {
	return slices.EqualFunc(a, b, func(x, y networkingv1.IngressLoadBalancerIngress) bool {
		return x.IP == y.IP && x.Hostname == y.Hostname
	})
}

// addresses are where clients find the program.
func (c *Controller) addresses(ctx context.Context, o *options) ([]networkingv1.IngressLoadBalancerIngress, error) {
	var names []string
	switch namespace, name, ok := nameOf(o.publishService); {
	case o.publishAddress != "":
		names = strings.FieldsFunc(o.publishAddress, func(r rune) bool { return r == ',' || r == ' ' })
	case ok:
		svc, err := c.now.services.Services(namespace).Get(name)
		if err != nil {
			return nil, err
		}
		names = addressesOf(svc)
	default:
		pods, err := c.client.CoreV1().Pods(c.pod.Namespace).List(ctx, metav1.ListOptions{LabelSelector: labels.SelectorFromSet(c.pod.Labels).String()})
		if err != nil {
			return nil, err
		}
		for i := range pods.Items {
			if p := &pods.Items[i]; p.Status.Phase == corev1.PodRunning && p.Status.HostIP != "" {
				names = append(names, p.Status.HostIP)
			}
		}
	}
	slices.Sort(names)
	var list []networkingv1.IngressLoadBalancerIngress
	for _, name := range slices.Compact(names) {
		if net.ParseIP(name) != nil {
			list = append(list, networkingv1.IngressLoadBalancerIngress{IP: name})
		} else {
			list = append(list, networkingv1.IngressLoadBalancerIngress{Hostname: name})
		}
	}
	return list, nil
}

// addressesOf are the addresses of a Service that is published.
func addressesOf(svc *corev1.Service) (names []string) {
	switch svc.Spec.Type {
	case corev1.ServiceTypeExternalName:
		return []string{svc.Spec.ExternalName}
	case corev1.ServiceTypeLoadBalancer:
		for _, x := range svc.Status.LoadBalancer.Ingress {
			if x.IP == "" {
				x.IP = x.Hostname
			}
			names = append(names, x.IP)
		}
		return append(names, svc.Spec.ExternalIPs...)
	case corev1.ServiceTypeNodePort:
		if len(svc.Spec.ExternalIPs) > 0 {
			return svc.Spec.ExternalIPs
		}
	}
	return []string{svc.Spec.ClusterIP}
}
