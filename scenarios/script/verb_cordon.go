package script

var nodeArg = Arg{Name: "node", Type: ArgNode, Positional: true, Required: true, Doc: "a node by its index from 0, its vmss suffix or its full name"}

var verbCordon = Verb{
	Name:    "cordon",
	Summary: "lets no new pods onto a node",
	Example: "cordon node/0",
	Args:    []Arg{nodeArg},
}

var verbUncordon = Verb{
	Name:    "uncordon",
	Summary: "lets new pods onto a node again",
	Example: "uncordon node/0",
	Args:    []Arg{nodeArg},
}
