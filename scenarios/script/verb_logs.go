package script

var verbLogs = Verb{
	Name:    "logs",
	Summary: "reads the log of a pod's container, as kubectl logs does",
	Doc: "The API server asks the pod's kubelet for it, through the tunnel, as it does for exec, attach and port-forward: what breaks " +
		"the tunnel breaks them all. Of a workload it is the log of its oldest pod.",
	Example: "logs deployment/shop prints='started'",
	Args: []Arg{
		{Name: "object", Type: ArgObject, Positional: true, Required: true, Doc: "a Pod, or a workload with a selector"},
		{Name: "container", Type: ArgText, Doc: "which of the pod's containers; it needs none if there is one"},
		printsArg,
		asArg,
	},
	Prints: true,
	Check:  func(k Checker, c *Call) { k.Keep(c) },
}
