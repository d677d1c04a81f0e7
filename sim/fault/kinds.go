package fault

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"demarc/sim/timeline"
)

// hold is the argument of what takes a component down.
func hold(until string) Arg {
	return Arg{
		Name: "hold", Type: Enum, Values: []string{"yes", "no"}, Default: "no", Only: []TargetKind{Component, ControlPlane, Kubelet},
		Doc: "no: the provider's watchdog or the node's monitors notice, and restart it; yes: it stays so until it is " + until + ", whatever they try",
	}
}

// kinds is the registry. A new kind is a new entry here, and an effect in
// cmd/demarc-engine/cluster/faults.
var kinds = []Kind{
	{
		Verb:    "crash",
		Past:    "crashed",
		EndedBy: "start",
		Summary: "ends something at once, without a goodbye",
		Doc: "A component's listener and connections are gone in that instant. The provider notices by its health checks, and restarts it; " +
			"with hold=yes it stays down until started, however hard the watchdog tries. " +
			"A replica of the provider's plane stays down until started. " +
			"A container exits with code 137, and its node restarts it as its restart policy says; " +
			"of a deployment, the containers of the oldest running pods are struck.",
		Example: "crash etcd",
		Targets: []TargetKind{Component, ControlPlane, Kubelet, Container, Pod, Deployment, Provider, Replica},
		Args: []Arg{
			{Name: "count", Type: Int, Default: "1", Only: []TargetKind{Deployment}, Doc: "how many pods of the deployment, the oldest first"},
			hold("started"),
		},
	},
	{
		Verb:    "stop",
		Past:    "stopped",
		EndedBy: "start",
		Summary: "ends something in good order",
		Doc: "It finishes what it is doing as its program does on SIGTERM. The provider notices that a component is gone, and starts it; " +
			"with hold=yes it stays down until started, however hard the watchdog tries.",
		Example: "stop kube-scheduler",
		Targets: []TargetKind{Component, ControlPlane, Kubelet},
		Args:    []Arg{hold("started")},
	},
	{
		Verb:    "start",
		Past:    "starting",
		Summary: "brings back what crashed or was stopped",
		Example: "start kube-scheduler",
		Targets: []TargetKind{Component, ControlPlane, Kubelet, Provider, Replica},
		Repairs: true,
	},
	{
		Verb:    "hang",
		Past:    "hung",
		EndedBy: "heal",
		Summary: "makes a component accept connections and never answer",
		Doc: "Clients see no error, only silence, until their own timeouts. The provider notices by its health checks, and a restart ends it; " +
			"with hold=yes it hangs until healed, however hard the watchdog tries.",
		Example: "hang kube-apiserver",
		Targets: []TargetKind{Component, ControlPlane},
		Args:    []Arg{hold("healed")},
	},
	{
		Verb:    "slow",
		Past:    "slowed",
		EndedBy: "heal",
		Summary: "delays every answer of a component, or every write of a backup",
		Doc:     "Ended by heal.",
		Example: "slow etcd latency=500ms",
		Targets: []TargetKind{Component, ControlPlane, BackupStore},
		Args: []Arg{{
			Name: "latency", Type: Duration, Required: true,
			Doc: "how much later each answer comes; of the backup store, how much longer each MiB takes that is written",
		}},
	},
	{
		Verb:    "partition",
		Past:    "partitioned",
		EndedBy: "heal",
		check:   checkLink,
		Summary: "cuts the link between a client and what it talks to",
		Doc: "Open connections break and new ones get no answer. The links are: kube-apiserver, all or one, from etcd; " +
			"one etcd/N from etcd, which cuts that member off from everybody; one provider/REPLICA from provider, likewise; " +
			"kube-controller-manager, kube-scheduler, nodes, one node/NAME, and customer from kube-apiserver. Ended by heal.",
		Example: "partition nodes from=kube-apiserver",
		Targets: []TargetKind{Component, Nodes, Node, CustomerAccess, Replica},
		Args: []Arg{{
			Name: "from", Type: Enum, Values: []string{"etcd", "kube-apiserver", "provider"}, Required: true,
			Doc: "what it can no longer reach",
		}},
	},
	{
		Verb:    "flap",
		Past:    "flapping",
		EndedBy: "heal",
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
		EndedBy: "power-on",
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
		Verb:    "evict",
		Summary: "has Azure take the VM of a Spot node back",
		Doc: "Azure announces that half a minute before, by a scheduled event of type Preempt, of which the node tells, so that AKS cordons and drains it. " +
			"Then the VM is deleted, and the pool has one node less, or it is deallocated, as the pool's eviction policy says. " +
			"Nodes of pools that are not of priority Spot are never evicted.",
		Example: "evict node/cheap-vmss000000",
		Targets: []TargetKind{Node},
	},
	{
		Verb:    "maintain",
		Summary: "has Azure maintain the host of a node's VM",
		Doc: "Azure announces that by a scheduled event, of which the node tells: its condition VMEventScheduled, and an event such as RebootScheduled. " +
			"A reboot comes 15 minutes later, and AKS leaves the node as it is; before a redeploy, which moves the VM to another host after 10 minutes, AKS cordons and drains the node, " +
			"and uncordons it when it is back.",
		Example: "maintain node/1 kind=reboot",
		Targets: []TargetKind{Node},
		Args:    []Arg{{Name: "kind", Type: Enum, Values: []string{"reboot", "redeploy"}, Required: true, Doc: "what becomes of the VM"}},
	},
	{
		Verb:    "cut",
		EndedBy: "heal",
		Summary: "cuts a worker machine off the network",
		Doc: "Its containers go on, reachable by nobody, and its kubelet reaches no API server. " +
			"Ended by heal.",
		Example: "cut node/0",
		Targets: []TargetKind{Node},
	},
	{
		Verb:    "lose",
		Past:    "is lossy",
		EndedBy: "heal",
		check:   checkWay,
		Summary: "loses a part of the packets on their way through the network",
		Doc: "Of a machine or a zone, packets that leave it or come to it; with to= only those between the two, in either direction. " +
			"TCP sends them again, a SYN after 1s, 3s, 7s, what an open connection has to say after 200ms, 600ms, 1.4s, so connections are slow and seldom fail; " +
			"a lost datagram is lost, and a lookup of the DNS is asked again after 5s. 100% between two is a partition of the two. " +
			"What stays within a machine, as a kubelet's probes, is not lost, nor what kubelets tell the API server. Ended by heal.",
		Example: "lose node/1 packets=10%",
		Targets: []TargetKind{Node, Zone, Outside},
		Args: []Arg{
			{Name: "packets", Type: Percent, Required: true, Doc: "how many of the packets, in each direction"},
			{Name: "to", Type: String, Doc: wayTo},
		},
	},
	{
		Verb:    "delay",
		Past:    "delayed",
		EndedBy: "heal",
		check:   checkWay,
		Summary: "delays the packets on their way through the network",
		Doc: "Of a machine or a zone, packets that leave it or come to it; with to= only those between the two, in either direction: " +
			"a connection and its request take four times as long. What stays within a machine, as a kubelet's probes, is not delayed, nor what kubelets tell the API server. Ended by heal.",
		Example: "delay zone/1 latency=200ms to=zone/2",
		Targets: []TargetKind{Node, Zone, Outside},
		Args: []Arg{
			{Name: "latency", Type: Duration, Required: true, Doc: "how much later each packet comes"},
			{Name: "to", Type: String, Doc: wayTo},
		},
	},
	{
		Verb:    "outage",
		Past:    "failed",
		EndedBy: "heal",
		Summary: "takes the power of an availability zone, with all that is there",
		Doc: "Every VM in the zone loses its power at that moment. None can be started, restarted, reimaged or redeployed there, by whomever: Azure answers ZonalAllocationFailed. " +
			"A node pool of several zones gets new nodes in the others, and one of this zone only gets none. " +
			"Managed disks of the zone, but for those that are redundant over zones, keep what is on them, and can be neither made, attached, detached, resized nor deleted. " +
			"VMs and disks that are in no zone are not struck, nor is the control plane, which is in all zones. " +
			"Ended by heal: the VMs boot that nobody has stopped.",
		Example: "outage zone/2",
		Targets: []TargetKind{Zone},
	},
	{
		Verb:    "wipe",
		Past:    "wiped",
		Summary: "loses the disk of etcd, of all members or of one",
		Doc: "The member dies at once and its data directory is gone. Nothing brings that back but the other members, " +
			"or a restore of a backup by the provider.",
		Example:    "wipe etcd",
		Targets:    []TargetKind{Component},
		Components: []string{"etcd"},
		Actor:      timeline.Platform,
	},
	{
		Verb:    "corrupt",
		Past:    "corrupted",
		Summary: "damages data on a disk: that of etcd, or a backup",
		Doc: "etcd, all members or one, dies at once and cannot start from what is on its disk. " +
			"Of a backup the file is damaged in the store; nobody is told, and the catalogue still has it.",
		Example:    "corrupt backup/latest how=truncate",
		Targets:    []TargetKind{Component, Backup},
		Components: []string{"etcd"},
		Args: []Arg{{
			Name: "how", Type: Enum, Values: []string{"bit-flip", "truncate", "delete"}, Default: "bit-flip", Only: []TargetKind{Backup},
			Doc: "what becomes of the backup's file: one bit is flipped, it is cut short, or it is gone",
		}},
		Actor: timeline.Platform,
	},
	{
		Verb:    "fill",
		Past:    "filled",
		EndedBy: "heal",
		Summary: "fills the disk that backups are on, or etcd with what a customer writes",
		Doc: "Every further write to the backup store fails: no space left on device. In a namespace a client of the customer's writes ConfigMaps " +
			"until etcd's database has the size of its quota (cluster etcd-quota=16Mi, demarc up --etcd-quota): etcd raises the alarm NOSPACE, " +
			"serves reads and deletes, and refuses writes. The provider compacts, defragments and ends the alarm; " +
			"what is live only its owner can delete, and heal has the client do that.",
		Example: "fill backup-store",
		Targets: []TargetKind{BackupStore, Namespace},
		Args: []Arg{{
			Name: "with", Type: Enum, Values: []string{WithObjects, WithRevisions}, Default: WithObjects, Only: []TargetKind{Namespace},
			Doc: "objects: new ConfigMaps, which stay, and more of them when there is room again; revisions: one ConfigMap, written again and again until etcd refuses, of which compacting leaves the last",
		}},
	},
	{
		Verb:    "flood",
		Past:    "flooded",
		EndedBy: "heal",
		Summary: "has a client with a service account's token ask more of the API servers than its share",
		Doc: "It lists all pods, again and again, and takes no 429 for an answer. By the API server's priority and fairness its flow has its seats " +
			"and its queues; the rest is answered 429 Too Many Requests, and other flows do not notice. The service account must be there, " +
			"and may list pods if somebody has bound a role to it. Ended by heal.",
		Example: "flood serviceaccount/default/default rate=100",
		Targets: []TargetKind{ServiceAccount},
		Args: []Arg{
			{Name: "rate", Type: Int, Default: "100", Doc: "requests per second"},
			{Name: "takes", Type: Duration, Default: "10s", Doc: "for how long each request keeps an API server busy that lets it in, as a list of tens of thousands of objects does"},
		},
		check: checkFlood,
	},
	{
		Verb:    "throttle",
		Past:    "throttled",
		EndedBy: "heal",
		Summary: "has Azure's API answer that the subscription asks for too much",
		Doc: "Every call about a managed disk, a file share or a load balancer fails with 429 TooManyRequests: nothing is created, deleted, attached, detached, " +
			"resized or balanced anew, by the cluster or by demarc iaas. What is there stays, and serves. Ended by heal.",
		Example: "throttle cloud",
		Targets: []TargetKind{Cloud},
	},
	{
		Verb:    "fail",
		Past:    "failed",
		EndedBy: "heal",
		Summary: "has a part of Azure's API answer with errors of its own, or Azure's DNS not at all",
		Doc: "Every call about a managed disk, or about a load balancer, fails with InternalServerError. What is attached stays attached, and what is balanced is " +
			"balanced as it was. Azure's DNS, 168.63.129.16, which CoreDNS asks for names outside the cluster, gives no answers: names of the cluster are found as before, " +
			"and others as long as CoreDNS keeps them. Ended by heal.",
		Example: "fail cloud/disks",
		Targets: []TargetKind{CloudDisks, CloudBalancers, CloudDNS},
	},
	{
		Verb:    "heal",
		Past:    "healed",
		Summary: "ends the faults that hold something: hang, slow, partition, flap, cut, lose, delay, outage, fill, flood, throttle, fail",
		Doc: "What crashed or was stopped is not healed but started (start, power-on), and what was wiped or corrupted is lost. " +
			"With the target all, every such fault in the cluster ends.",
		Example: "heal all",
		Targets: []TargetKind{All, Component, ControlPlane, Nodes, Node, Zone, Outside, Kubelet, Namespace, ServiceAccount, CustomerAccess, Provider, Replica, BackupStore, Cloud, CloudDisks, CloudBalancers, CloudDNS},
		Repairs: true,
	},
}

// What a namespace is filled with: values of "with=".
const (
	WithObjects   = "objects"
	WithRevisions = "revisions"
)

// maxFlood bounds the rate of a flood, so that a typo does not make a scenario take all day.
const maxFlood = 1000

// checkFlood checks that a flood can be played.
func checkFlood(s Spec, _ Target) error {
	if s.Int("rate") > maxFlood {
		return &Error{Part: PartArgValue, Word: s.Args["rate"], Arg: "rate", Message: fmt.Sprintf("rate=%s: want a whole number from 1 to %d", s.Args["rate"], maxFlood)}
	}
	return nil
}

// wayTo documents the argument "to=".
const wayTo = "the other end: node/NAME, zone/NAME or outside; without it all that is not the target"

// checkWay checks that there is a way through the network to lose or to delay packets on.
func checkWay(s Spec, t Target) error {
	to, given := s.Args["to"]
	end, err := ParseTarget(to)
	switch bad := (*Error)(nil); {
	case !given && s.Share("packets") == 1 && t.Kind != Outside:
		return &Error{Part: PartArgValue, Word: s.Args["packets"], Arg: "packets", Message: "packets=" + s.Args["packets"] + ": what loses all packets is cut off: cut " + s.Target}
	case !given:
		return nil
	case errors.As(err, &bad):
		return &Error{Part: PartArgValue, Word: to, Arg: "to", Message: "to=" + to + ": " + bad.Message, Suggestion: bad.Suggestion}
	case end.Kind != Node && end.Kind != Zone && end.Kind != Outside:
		return &Error{Part: PartArgValue, Word: to, Arg: "to", Message: fmt.Sprintf("to=%s: want node/NAME, zone/NAME or outside", to)}
	case end == t:
		return &Error{Part: PartArgValue, Word: to, Arg: "to", Message: fmt.Sprintf("to=%s: want another end than the target", to)}
	}
	return nil
}

// link is a connection that partition can cut.
type link struct {
	client string // a target, or the word before its slash
	server string
	peers  bool // both are instances of the same: one of them is cut off
}

var links = []link{
	{client: "kube-apiserver", server: "etcd"},
	{client: "etcd", server: "etcd", peers: true},
	{client: "provider", server: "provider", peers: true},
	{client: "kube-controller-manager", server: "kube-apiserver"},
	{client: "kube-scheduler", server: "kube-apiserver"},
	{client: "nodes", server: "kube-apiserver"},
	{client: "node", server: "kube-apiserver"},
	{client: "customer", server: "kube-apiserver"},
}

// checkLink checks that a partition cuts a link that exists.
func checkLink(s Spec, t Target) error {
	from := s.Args["from"]
	client, _, one := strings.Cut(t.String(), "/")
	i := slices.IndexFunc(links, func(l link) bool { return l.client == client })
	switch {
	case i < 0:
		return targetError(s.Target, "%s is a client of no component", s.Target)
	case links[i].server != from:
		return &Error{Part: PartArgValue, Word: from, Arg: "from", Suggestion: links[i].server,
			Message: fmt.Sprintf("%s does not talk to %s", s.Target, from)}
	case links[i].peers && !one:
		return targetError(s.Target, "only one %s can be cut off from the others: %[1]s/0, %[1]s/1 or %[1]s/2", client)
	}
	return nil
}
