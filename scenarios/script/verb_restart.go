package script

import (
	"context"
	"time"
)

var verbRestart = Verb{
	Name:    "restart",
	Summary: "replaces the pods of a workload, one after the other",
	Doc:     "What kubectl rollout restart does: an annotation of the pod template changes.",
	Example: "restart deployment/shop",
	Args: []Arg{{
		Name: "object", Type: ArgObject, Positional: true, Required: true,
		Doc: "a Deployment, StatefulSet or DaemonSet",
	}},
	check: func(p *parser, c *call) {
		switch c.gvk.Kind {
		case "Deployment", "StatefulSet", "DaemonSet":
		default:
			p.problem(c.cols["object"], "", "restart is for a Deployment, StatefulSet or DaemonSet, not a %s", c.gvk.Kind)
		}
	},
	run: func(ctx context.Context, r *run, c *call) error {
		now := time.Now().UTC().Format(time.RFC3339)
		return r.patch(ctx, c, "restarted", nest(now, "spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt"))
	},
}

// nest wraps a value in maps, the outermost key first.
func nest(value any, keys ...string) any {
	for i := len(keys) - 1; i >= 0; i-- {
		value = map[string]any{keys[i]: value}
	}
	return value
}
