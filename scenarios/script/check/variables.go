package check

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"demarc/scenarios/script"
	"demarc/sim/api"
	"demarc/sim/report"
	"demarc/sim/timeline"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Variable is a name that checks can use.
type Variable struct {
	Name, Doc string // without a text it holds the objects of a kind
	Type      reflect.Type
	needs     Needs
	// value is what it is at this moment. Where it can fail, it is asked for before
	// the check is looked at, which does not hold if it fails.
	value func(a *activation) (any, error)
	fails bool
}

// Variables are all of them, in the order in which the reference has them.
func Variables() []Variable { return append(slices.Clip(worldVariables), kindVariables...) }

var worldVariables = []Variable{
	{
		Name: "traffic", Doc: "by name; traffic.shop.success is from 0.0 to 1.0", Type: reflect.TypeFor[map[string]*trafficSeen](),
		value: func(a *activation) (any, error) { return a.traffic(), nil },
	},
	seen("components", "by name, such as components['kube-apiserver'].healthy, or components['etcd/0'] of several", componentsByName),
	seen("machines", "the worker machines as they are, whatever the API server believes", World.Machines),
	seen("containers", "as the nodes' runtimes know them", World.Containers),
	seen("timeline", "what happened, the oldest first", func(w World) []timeline.Event {
		events, _ := w.Timeline().Since(0)
		return events
	}),
	asked("incidents", "end is 0 and open true while one lasts; owner, coverage, remedy, clauses, rule, sentence and chain (events, back to the "+
		"root) are its judgement by the cluster's edition, and shares say whose it was from when to when", (*activation).incidents),
	asked(accountVar, "what the report of this moment says: failedBy are the requests that failed, by whose doing; outages have the owners' minutes, and "+
		"why, which are the reasons of their parts; attempts are what has not come about; healers are by the subjects of incidents, what or who healed the last one of each",
		(*activation).account),
	asked("support", "reasons are why its state is so, the worst first, past is how it was from the first event to now", (*activation).support),
	seen("backups", "the provider's catalogue, the oldest first", SortedBackups),
	seen("repairs", "of nodes and of managed add-ons, the oldest first; detectedAfter and healedAfter are seconds from broken, healed is 0 while one "+
		"lasts, actions are the names of what was done, and lost is what is gone for good", repairsSeen),
	seen("operations", "what the customer asked of the cluster and its pools, the oldest first; nodes are those that an upgrade is at, and surge the "+
		"names of its surge nodes", operationsSeen),
	asked("nodepools", "count is what the customer wants, vms what there is, and ready how many are Ready; nodes are those of the pool",
		func(a *activation) ([]api.NodePool, error) { return a.view.World.NodePools() }),
	seen("cases", "at the support desk, the oldest first; findings are SOURCE: TEXT, said is the conversation, and issue the URL of a bug upstream", casesSeen),
	seen("restores", "the oldest first; rpo and rto are seconds, end is 0 while one lasts, and skipped has the IDs of newer backups that were bad", restoresSeen),
	seen("patches", "of the nodes' operating system; nodes have one, waiting do not, or only after a reboot", World.Patches),
	seen("cves", "vulnerabilities", World.CVEs),
	seen("replicas", "the provider's plane", World.Replicas),
	seen("features", "the preview features of the edition; registered is since when it is Registered and 0 if it is not, and inForce says that the cluster has what it changes", featuresSeen),
	asked("gates", "Kubernetes' feature gates; enabled is what the API server's metrics tell",
		(*activation).gates),
	alsoBy(persistentVolume, asked("disks", "the managed disks of the node resource group; vm is empty for one that is Unattached, claim is NAMESPACE/NAME, and orphan says that "+
		"it was made for a claim and that no PersistentVolume names it any more", (*activation).disks)),
	seen("loadbalancers", "the load balancers of the node resource group, kubernetes and kubernetes-internal; a member of pool has the names of the probes that it "+
		"answers in up, and of the others in down", World.LoadBalancers),
	seen("outbound", "how nodes reach the internet through the load balancer: nodes have the SNAT ports that are allocated to each and used by its busiest "+
		"destination, and dropped is how many connections found none", World.Outbound),
	seen("vnet", "the virtual network of the node resource group: of each of its subnets, addresses is how many there are to have, and used how many somebody has",
		World.VirtualNetwork),
	seen("routes", "of the route table of the nodes' subnet, by name, which is the node's; none in a cluster whose network plugin needs none", World.Routes),
	seen("securityRules", "of the network security group of the nodes' subnet, without the default ones; the names of those that AKS writes for load balancers "+
		"begin with k8s-azure-lb", World.NSG),
	alsoBy(persistentVolume, asked("shares", "the file shares of the node resource group; claim and orphan are as those of disks", (*activation).shares)),
	{
		Name: "watches", Doc: "by name; backwards counts how often a version was lower than one that the client had seen: the past came back",
		Type: reflect.TypeFor[map[string]Watch](), needs: Needs{Watches: true},
		value: func(a *activation) (any, error) { return a.view.Watches(), nil },
	},
	{
		Name: "outputs", Doc: "by the name of as=: what ssh or logs printed at last, and the exit code; that of a log is 0",
		Type:  reflect.TypeFor[map[string]Output](),
		value: func(a *activation) (any, error) { return a.view.Outputs(), nil },
	},
	{
		Name: "now", Doc: "seconds since the cluster was ready", Type: reflect.TypeFor[time.Time](),
		value: func(*activation) (any, error) { return time.Now(), nil },
	},
}

// seen is a variable that the world always knows. The timeline tells when it changes.
func seen[T any](name, doc string, value func(World) T) Variable {
	return Variable{
		Name: name, Doc: doc, Type: reflect.TypeFor[T](), needs: Needs{Timeline: true},
		value: func(a *activation) (any, error) { return value(a.view.World), nil },
	}
}

// asked is a variable that cannot be had at all times.
func asked[T any](name, doc string, value func(*activation) (T, error)) Variable {
	return Variable{
		Name: name, Doc: doc, Type: reflect.TypeFor[T](), needs: Needs{Timeline: true}, fails: true,
		value: func(a *activation) (any, error) { return value(a) },
	}
}

// alsoBy is a variable that changes with the objects of a kind, too.
func alsoBy(gvk schema.GroupVersionKind, v Variable) Variable {
	v.needs.Kinds = append(v.needs.Kinds, gvk)
	return v
}

var persistentVolume = schema.GroupVersionKind{Version: "v1", Kind: "PersistentVolume"}

// kindVariables are the variables that hold all objects of a kind, in all namespaces.
var kindVariables = []Variable{
	objects("pods", "", "v1", "Pod"), objects("nodes", "", "v1", "Node"), objects("services", "", "v1", "Service"), objects("events", "", "v1", "Event"),
	objects("configmaps", "", "v1", "ConfigMap"), objects("namespaces", "", "v1", "Namespace"), objects("persistentvolumeclaims", "", "v1", "PersistentVolumeClaim"),
	objects("deployments", "apps", "v1", "Deployment"), objects("replicasets", "apps", "v1", "ReplicaSet"), objects("statefulsets", "apps", "v1", "StatefulSet"),
	objects("daemonsets", "apps", "v1", "DaemonSet"), objects("jobs", "batch", "v1", "Job"),
	objects("horizontalpodautoscalers", "autoscaling", "v2", "HorizontalPodAutoscaler"),
	objects("endpointslices", "discovery.k8s.io", "v1", "EndpointSlice"), objects("leases", "coordination.k8s.io", "v1", "Lease"),
	objects("ingresses", "networking.k8s.io", "v1", "Ingress"),
}

func objects(name, group, version, kind string) Variable {
	gvk := schema.GroupVersionKind{Group: group, Version: version, Kind: kind}
	return Variable{
		Name: name, Type: reflect.TypeFor[[]any](), needs: Needs{Kinds: []schema.GroupVersionKind{gvk}}, fails: true,
		value: func(a *activation) (any, error) {
			found, err := a.view.Objects(gvk)
			return script.Convert(found, func(obj *unstructured.Unstructured) any { return obj.Object }), Unreachable(err)
		},
	}
}

func componentsByName(w World) map[string]api.Component {
	m := map[string]api.Component{}
	for _, c := range w.Components() {
		m[c.Name] = c
	}
	return m
}

// SortedBackups is the catalogue, the oldest first.
func SortedBackups(w World) []api.Backup {
	list := slices.Clone(w.Backups())
	slices.SortStableFunc(list, func(a, b api.Backup) int { return a.At.Compare(b.At) })
	return list
}

// contract judges the cluster once for a look.
func (a *activation) contract() (api.Contract, error) {
	if a.judged == nil {
		k, err := a.view.World.Contract("")
		if err != nil {
			return k, fmt.Errorf("cannot be judged: %w", err)
		}
		a.judged = &k
	}
	return *a.judged, nil
}

// incidents are judged only for a check that looks at a judgement: that takes the
// whole timeline.
func (a *activation) incidents() ([]incidentSeen, error) {
	if !a.of.judged {
		return script.Convert(a.view.World.Incidents(), func(i api.Incident) incidentSeen {
			return incidentSeen{incident{i}, api.Judgement{Owner: string(i.Owner)}, i.End.IsZero()}
		}), nil
	}
	k, err := a.contract()
	return script.Convert(k.Incidents, func(i api.JudgedIncident) incidentSeen {
		return incidentSeen{incident{i.Incident}, i.Judgement, i.End.IsZero()}
	}), err
}

// accountVar is the name of the variable that has the report.
const accountVar = "account"

// account makes the report of what has happened until now.
func (a *activation) account() (accountSeen, error) {
	k, err := a.contract()
	w := a.view.World
	in := report.Input{From: a.view.Ready, To: time.Now(), Incidents: k.Incidents, Repairs: w.Repairs(), Restores: w.Restores(), Support: k.Support}
	in.Events, _ = w.Timeline().Since(0)
	a.counted = map[string]int64{}
	for _, name := range a.of.looksAt.Traffic {
		if rec, ok := w.Traffic(name); ok {
			t := api.TrafficOf(rec)
			a.counted[name] = t.Sent
			in.Traffic = append(in.Traffic, t)
		}
	}
	r := report.Make(in)
	seen := accountSeen{FailedBy: r.FailedBy, Attempts: r.Attempts, Healers: map[string]string{}}
	for _, o := range r.Outages {
		seen.Outages = append(seen.Outages, outageSeen{o.Subject, o.Minutes, script.Convert(o.Parts, func(p report.Part) string { return p.Why })})
	}
	for _, i := range r.Incidents {
		seen.Healers[i.Subject] = i.Healer.Layer
	}
	return seen, err
}

func (a *activation) support() (supportSeen, error) {
	k, err := a.contract()
	return supportSeen{k.Support, k.Support.History}, err
}

func (a *activation) gates() ([]api.FeatureGate, error) {
	gates, err := a.view.World.FeatureGates(a.view.Ctx)
	return gates, Unreachable(err)
}

func (a *activation) disks() ([]api.Disk, error) {
	list, err := a.view.World.Disks(a.view.Ctx)
	return list, Unreachable(err)
}

func (a *activation) shares() ([]api.FileShare, error) {
	list, err := a.view.World.Shares(a.view.Ctx)
	return list, Unreachable(err)
}
