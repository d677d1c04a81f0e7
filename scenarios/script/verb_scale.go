package script

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

var verbScale = Verb{
	Name:    "scale",
	Summary: "changes how many replicas a workload has",
	Doc:     "It goes through the scale subresource, as kubectl scale does.",
	Example: "scale deployment/shop replicas=5",
	Args: []Arg{
		{Name: "object", Type: ArgObject, Positional: true, Required: true, Doc: "a Deployment, StatefulSet, ReplicaSet, or anything else that can be scaled"},
		{Name: "replicas", Type: ArgInt, Required: true, Doc: "how many"},
	},
	run: func(ctx context.Context, r *run, c *call) error {
		namespace, name := splitObject(c.text("object"))
		n, err := strconv.Atoi(c.text("replicas"))
		if err != nil {
			return fmt.Errorf("replicas: %w", err)
		}
		raw, err := json.Marshal(nest(n, "spec", "replicas"))
		if err != nil {
			return fmt.Errorf("encode the scale: %w", err)
		}
		res, err := r.kube.resource(ctx, c.gvk, namespace)
		if err == nil {
			_, err = res.Patch(ctx, name, types.MergePatchType, raw, metav1.PatchOptions{FieldManager: fieldManager}, "scale")
		}
		if err != nil {
			return fmt.Errorf("scale %s: %w", subject(c.gvk, namespace, name), err)
		}
		r.record("scaled", subject(c.gvk, namespace, name))
		return nil
	},
}
