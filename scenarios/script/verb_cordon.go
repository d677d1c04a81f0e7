package script

import (
	"context"
	"encoding/json"
	"fmt"

	"demarc/sim/timeline"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

var nodeKind = schema.GroupVersionKind{Version: "v1", Kind: "Node"}

var nodeArg = Arg{Name: "node", Type: ArgNode, Positional: true, Required: true, Doc: "a node by its index from 0, its vmss suffix or its full name"}

var verbCordon = Verb{
	Name:    "cordon",
	Summary: "lets no new pods onto a node",
	Example: "cordon node/0",
	Args:    []Arg{nodeArg},
	run: func(ctx context.Context, r *run, c *call) error {
		return r.cordon(ctx, c, true)
	},
}

// cordon sets whether a node takes new pods.
func (r *run) cordon(ctx context.Context, c *call, on bool) error {
	node, err := r.node(c)
	if err != nil {
		return err
	}
	done, patch := timeline.Verb("uncordoned"), nest(nil, "spec", "unschedulable")
	if on {
		done, patch = "cordoned", nest(true, "spec", "unschedulable")
	}
	raw, err := json.Marshal(patch)
	if err != nil {
		return fmt.Errorf("encode the patch: %w", err)
	}
	res, err := r.kube.resource(ctx, nodeKind, "")
	if err == nil {
		_, err = res.Patch(ctx, node, types.MergePatchType, raw, metav1.PatchOptions{FieldManager: fieldManager})
	}
	if err != nil {
		return fmt.Errorf("%s node/%s: %w", c.verb.Name, node, err)
	}
	r.record(done, "node/"+node)
	return nil
}

// node is the full name of the node that a call names.
func (r *run) node(c *call) (string, error) {
	ref := c.text("node")[len("node/"):]
	name, ok := r.world.NodeName(ref)
	if !ok {
		return "", fmt.Errorf("there is no node %s", ref)
	}
	return name, nil
}
