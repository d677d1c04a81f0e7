package cluster

import (
	"bytes"
	"context"
	_ "embed" // of the sample workload
	"errors"
	"fmt"
	"io"
	"time"

	"demarc/sim/timeline"
	"demarc/sim/traffic"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
)

//go:embed sample.yaml
var sample []byte

// sampleTraffic is what `demarc up` sends to the sample workload.
var sampleTraffic = traffic.Spec{Name: "shop", From: "outside", To: "service/shop", Rate: 1}

// bootstrap installs what the provider manages in the cluster and what its nodes
// need. What is there already stays.
func (c *Cluster) bootstrap(ctx context.Context) error {
	if err := c.await(ctx, "namespace kube-system", func() bool {
		_, err := c.provider.CoreV1().Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
		return err == nil
	}); err != nil {
		return err
	}
	return c.addons.Prepare(ctx)
}

// create creates every object of a manifest that is not there yet.
func create(ctx context.Context, client dynamic.Interface, manifest []byte) error {
	d := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifest), 4096)
	for {
		var u unstructured.Unstructured
		if err := d.Decode(&u.Object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		gvr, _ := meta.UnsafeGuessKindToResource(u.GroupVersionKind())
		var r dynamic.ResourceInterface = client.Resource(gvr)
		if ns := u.GetNamespace(); ns != "" {
			r = client.Resource(gvr).Namespace(ns)
		}
		// Asked first, because a Service whose address is taken, by itself, is
		// refused as invalid before it is found to exist.
		_, err := r.Get(ctx, u.GetName(), metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			_, err = r.Create(ctx, &u, metav1.CreateOptions{})
		}
		if err != nil {
			return fmt.Errorf("%s %s: %w", u.GetKind(), u.GetName(), err)
		}
	}
}

// addonsReady says whether what the provider manages in kube-system runs.
func (c *Cluster) addonsReady() bool {
	ctx, cancel := context.WithTimeout(c.ctx, 5*time.Second)
	defer cancel()
	ds, err := c.provider.AppsV1().DaemonSets(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{})
	if err != nil {
		return false
	}
	for _, d := range ds.Items {
		if d.Status.ObservedGeneration < d.Generation || d.Status.NumberReady < d.Status.DesiredNumberScheduled || d.Status.NumberReady == 0 {
			return false
		}
	}
	deployments, err := c.provider.AppsV1().Deployments(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{})
	if err != nil {
		return false
	}
	for _, d := range deployments.Items {
		if d.Status.ObservedGeneration < d.Generation || d.Status.ReadyReplicas < *d.Spec.Replicas {
			return false
		}
	}
	return true
}

// installSample creates the sample workload as a customer would, and sends it
// traffic.
func (c *Cluster) installSample(ctx context.Context) error {
	client, err := dynamic.NewForConfig(c.plane.Customer())
	if err != nil {
		return err
	}
	if err := create(ctx, client, sample); err != nil {
		return err
	}
	e := c.log.Append(timeline.Event{Actor: timeline.Customer, Verb: "applied", Subject: "deployment/default/shop", Message: "the sample workload: a shop with three replicas behind a load balancer"})
	if err := c.await(ctx, "the sample workload", func() bool {
		d, err := c.provider.AppsV1().Deployments(metav1.NamespaceDefault).Get(ctx, "shop", metav1.GetOptions{})
		return err == nil && d.Status.ReadyReplicas == *d.Spec.Replicas && c.balancers.has(metav1.NamespaceDefault, "shop")
	}); err != nil {
		return err
	}
	c.log.Append(timeline.Event{Actor: timeline.Kubernetes, Verb: "rolled out", Subject: e.Subject, Cause: e.Seq, Message: "3 of 3 replicas are ready"})
	_, err = c.StartTraffic(sampleTraffic)
	return err
}
