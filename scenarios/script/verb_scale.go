package script

var verbScale = Verb{
	Name:    "scale",
	Summary: "changes how many replicas a workload has",
	Doc:     "It goes through the scale subresource, as kubectl scale does.",
	Example: "scale deployment/shop replicas=5",
	Args: []Arg{
		{Name: "object", Type: ArgObject, Positional: true, Required: true, Doc: "a Deployment, StatefulSet, ReplicaSet, or anything else that can be scaled"},
		{Name: "replicas", Type: ArgInt, Required: true, Doc: "how many"},
	},
}
