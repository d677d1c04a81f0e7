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
	run: func(ctx context.Context, a action) error {
		now := time.Now().UTC().Format(time.RFC3339)
		return a.patch(ctx, "restarted", nest(now, "spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt"))
	},
}
