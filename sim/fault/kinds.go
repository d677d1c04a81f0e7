package fault

// kinds is the registry. A new kind is a new entry here and an effect in
// package sim.
var kinds = []Kind{
	{
		Verb:    "crash",
		Summary: "ends something at once, without a goodbye",
		Doc: "A component's listener and connections are gone in that instant, and it stays down until started. " +
			"A container exits with code 137, and its node restarts it as its restart policy says; " +
			"of a deployment, the containers of the oldest running pods are struck.",
		Example: "crash etcd",
		Targets: []TargetKind{Component, ControlPlane, Kubelet, Container, Pod, Deployment},
		Args: []Arg{{
			Name: "count", Type: Int, Default: "1", Only: Deployment,
			Doc: "how many pods of the deployment, the oldest first",
		}},
	},
	{
		Verb:    "stop",
		Summary: "ends something in good order",
		Doc:     "It finishes what it is doing as its program does on SIGTERM, and stays down until started.",
		Example: "stop kube-scheduler",
		Targets: []TargetKind{Component, ControlPlane, Kubelet},
	},
	{
		Verb:    "start",
		Summary: "brings back what crashed or was stopped",
		Example: "start kube-scheduler",
		Targets: []TargetKind{Component, ControlPlane, Kubelet},
		Repairs: true,
	},
	{
		Verb:    "hang",
		Summary: "makes a component accept connections and never answer",
		Doc:     "Clients see no error, only silence, until their own timeouts. Ended by heal.",
		Example: "hang kube-apiserver",
		Targets: []TargetKind{Component, ControlPlane},
	},
	{
		Verb:    "slow",
		Summary: "delays every answer of a component",
		Doc:     "Ended by heal.",
		Example: "slow etcd latency=500ms",
		Targets: []TargetKind{Component, ControlPlane},
		Args:    []Arg{{Name: "latency", Type: Duration, Required: true, Doc: "how much later each answer comes"}},
	},
	{
		Verb:    "partition",
		Summary: "cuts the link between a client and what it talks to",
		Doc: "Open connections break and new ones get no answer. The links are: kube-apiserver from etcd; " +
			"kube-controller-manager, kube-scheduler, nodes, one node/NAME, and customer from kube-apiserver. Ended by heal.",
		Example: "partition nodes from=kube-apiserver",
		Targets: []TargetKind{Component, Nodes, Node, CustomerAccess},
		Args: []Arg{{
			Name: "from", Type: Enum, Values: []string{"etcd", "kube-apiserver"}, Required: true,
			Doc: "the component that it can no longer reach",
		}},
	},
	{
		Verb:    "flap",
		Summary: "crashes something and starts it again, several times",
		Doc:     "It begins with going down, and ends up. Ended early by heal, which starts it.",
		Example: "flap kube-apiserver down=20s up=40s times=5",
		Targets: []TargetKind{Component, ControlPlane, Kubelet},
		Args: []Arg{
			{Name: "down", Type: Duration, Default: "20s", Doc: "how long it is down each time"},
			{Name: "up", Type: Duration, Default: "40s", Doc: "how long it is up in between"},
			{Name: "times", Type: Int, Default: "5", Doc: "how many times it goes down"},
		},
	},
	{
		Verb:    "power-off",
		Summary: "switches a worker machine off",
		Doc:     "Everything on it is gone at once; the API server learns of it only by silence.",
		Example: "power-off node/0",
		Targets: []TargetKind{Node},
	},
	{
		Verb:    "power-on",
		Summary: "switches a worker machine on again",
		Doc:     "It boots, its kubelet registers, and its containers are started anew.",
		Example: "power-on node/0",
		Targets: []TargetKind{Node},
		Repairs: true,
	},
	{
		Verb:    "cut",
		Summary: "cuts a worker machine off the network",
		Doc: "Its containers go on, reachable by nobody, and its kubelet reaches no API server. " +
			"Ended by heal.",
		Example: "cut node/0",
		Targets: []TargetKind{Node},
	},
	{
		Verb:    "heal",
		Summary: "ends the faults that hold something: hang, slow, partition, flap, cut",
		Doc: "What crashed or was stopped is not healed but started (start, power-on). " +
			"With the target all, every such fault in the cluster ends.",
		Example: "heal all",
		Targets: []TargetKind{All, Component, ControlPlane, Nodes, Node, Kubelet, CustomerAccess},
		Repairs: true,
	},
}

// links are the connections that partition can cut: client and server.
var links = []struct {
	client string // a target, or the word before its slash
	server string
}{
	{"kube-apiserver", "etcd"},
	{"kube-controller-manager", "kube-apiserver"},
	{"kube-scheduler", "kube-apiserver"},
	{"nodes", "kube-apiserver"},
	{"node", "kube-apiserver"},
	{"customer", "kube-apiserver"},
}
