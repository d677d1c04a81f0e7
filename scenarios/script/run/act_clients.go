package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"demarc/scenarios/script/check"
	"demarc/sim/timeline"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func (a action) traffic(ctx context.Context) error {
	return only(a.customer().StartTraffic(ctx, a.Traffic()))
}

func (a action) stopTraffic(ctx context.Context) error {
	return a.customer().StopTraffic(ctx, a.Text("name"))
}

func (a action) watch(ctx context.Context) error {
	name, namespace, where := a.Text("name"), a.Text("namespace"), ""
	if err := a.watches.start(ctx, name, a.GVK, namespace); err != nil {
		return err
	}
	if namespace != "" {
		where = " in " + namespace
	}
	a.world.Record(timeline.Event{
		Actor: timeline.Customer, Verb: "watching", Subject: "watch/" + name,
		Message: fmt.Sprintf("a client of the customer watches every %s%s", a.GVK.Kind, where),
	})
	return nil
}

func (a action) logs(ctx context.Context) error {
	namespace, name := splitObject(a.Text("object"))
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	pod, err := a.kube.podOf(ctx, a.GVK, namespace, name)
	if err != nil {
		return fmt.Errorf("logs of %s: %w", subject(a.GVK, namespace, name), err)
	}
	text, err := a.kube.log(ctx, namespace, pod, a.Text("container"))
	if err != nil {
		return fmt.Errorf("logs of pod/%s/%s: %w", namespace, pod, err)
	}
	return a.printed("the log of pod/"+namespace+"/"+pod, check.Output{Stdout: text})
}

// podOf is the name of a pod, or of the oldest pod that a workload selects and
// that is not on its way out.
func (k *kube) podOf(ctx context.Context, gvk schema.GroupVersionKind, namespace, name string) (string, error) {
	if gvk == podKind {
		return name, nil
	}
	res, err := k.resource(ctx, gvk, namespace)
	if err != nil {
		return "", err
	}
	owner, err := res.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	selected, _, err := unstructured.NestedStringMap(owner.Object, "spec", "selector", "matchLabels")
	if err != nil || len(selected) == 0 {
		return "", errors.New("it selects no pods by matchLabels: name a pod")
	}
	pods, err := k.resource(ctx, podKind, namespace)
	if err != nil {
		return "", err
	}
	list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: selected})})
	if err != nil {
		return "", err
	}
	items := slices.DeleteFunc(list.Items, func(u unstructured.Unstructured) bool { return u.GetDeletionTimestamp() != nil })
	if len(items) == 0 {
		return "", errors.New("it has no pod")
	}
	oldest := slices.MinFunc(items, func(a, b unstructured.Unstructured) int {
		return cmp.Or(a.GetCreationTimestamp().Compare(b.GetCreationTimestamp().Time), cmp.Compare(a.GetName(), b.GetName()))
	})
	return oldest.GetName(), nil
}

// log is what a container has written. The error is the API server's answer.
func (k *kube) log(ctx context.Context, namespace, pod, container string) (string, error) {
	if k.discovery == nil {
		return "", errors.New("there is no client for logs")
	}
	req := k.discovery.RESTClient().Get().AbsPath("/api/v1/namespaces", namespace, "pods", pod, "log")
	if container != "" {
		req = req.Param("container", container)
	}
	body, err := req.Stream(ctx)
	if err != nil {
		return "", err
	}
	defer body.Close()
	raw, err := io.ReadAll(body)
	return string(raw), err
}
