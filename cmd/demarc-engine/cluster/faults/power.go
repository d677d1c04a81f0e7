package faults

import (
	"demarc/sim/fault"
	"demarc/sim/timeline"
)

var powerOff = effect{
	node: func(n Nodes, node string, s fault.Spec) (timeline.Event, error) { return n.PowerOff(node, s.By) },
}

var powerOn = effect{
	node: func(n Nodes, node string, s fault.Spec) (timeline.Event, error) { return n.PowerOn(node, s.By) },
}

// evict takes the VM of a Spot node.
var evict = effect{
	node: func(n Nodes, node string, s fault.Spec) (timeline.Event, error) { return n.Evict(node, s.By) },
}

// maintain has Azure maintain the host of a node.
var maintain = effect{
	node: func(n Nodes, node string, s fault.Spec) (timeline.Event, error) {
		return n.Maintain(node, s.Args["kind"], s.By)
	},
}
