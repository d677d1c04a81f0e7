package script

var verbRestart = Verb{
	Name:    "restart",
	Summary: "replaces the pods of a workload, one after the other",
	Doc:     "What kubectl rollout restart does: an annotation of the pod template changes.",
	Example: "restart deployment/shop",
	Args: []Arg{{
		Name: "object", Type: ArgObject, Positional: true, Required: true,
		Doc: "a Deployment, StatefulSet or DaemonSet",
	}},
	Check: func(k Checker, c *Call) {
		switch c.GVK.Kind {
		case "Deployment", "StatefulSet", "DaemonSet":
		default:
			k.Problem(c.Cols["object"], "", "restart is for a Deployment, StatefulSet or DaemonSet, not a %s", c.GVK.Kind)
		}
	},
}
