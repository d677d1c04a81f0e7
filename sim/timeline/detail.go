package timeline

import "time"

// Detail is what judgements and reports need to know of an event beside its verb and
// its subject. What does not apply is empty; events of earlier versions have none.
type Detail struct {
	// Resource says that it was done to a VM as a resource of the cloud, behind the
	// back of the service.
	Resource bool `json:"resource,omitempty"`
	// Tags are the tags of a VM that were set; one without a value was removed.
	Tags map[string]string `json:"tags,omitempty"`
	// Size is how a VM was resized.
	Size *Resize `json:"size,omitempty"`
	// Rule is a rule of a network security group; one that was deleted has only a name.
	Rule *SecurityRule `json:"rule,omitempty"`
	// Stage is that of a feature gate.
	Stage string `json:"stage,omitempty" enum:"gate-stage"`
	// Packages are those by which a node differs from its image since a script ran.
	Packages []string `json:"packages,omitempty"`
	// Undone is the time whose changes a restore of etcd has undone.
	Undone *Span `json:"undone,omitempty"`
	// Down is why a machine has stopped that was told so from within: [Rebooted] or
	// [PoweredOff].
	Down string `json:"down,omitempty" enum:"down"`
	// Uses are what takes most of etcd's space, the most first.
	Uses []Use `json:"uses,omitempty"`
	// Flow is whose requests an API server rejects.
	Flow *Flow `json:"flow,omitempty"`
	// SNAT is a destination outside for which a node has too few SNAT ports.
	SNAT *SNAT `json:"snat,omitempty"`
	// Annotation is one of a pod that changes nothing.
	Annotation *Annotation `json:"annotation,omitempty"`
}

// SNAT is a node's SNAT ports for connections to one destination.
type SNAT struct {
	// Destination is ADDRESS:PORT, and Ports is how many ports the node has.
	Destination string `json:"destination"`
	Ports       int    `json:"ports"`
}

// Annotation is an annotation of a pod that is wrong.
type Annotation struct {
	Key string `json:"key"`
	// Suggestion is the key that was probably meant; empty if none is near, or if the
	// value is what is wrong.
	Suggestion string `json:"suggestion,omitempty"`
}

// Use is what the objects of a resource take of etcd's space in a namespace.
type Use struct {
	// Resource is as in configmaps; Namespace is empty for what is in none.
	Resource  string `json:"resource"`
	Namespace string `json:"namespace,omitempty"`
	// Objects is how many there are. Live is the bytes of them as they are, History those of
	// their older revisions and of deleted objects.
	Objects int   `json:"objects"`
	Live    int64 `json:"live"`
	History int64 `json:"history"`
	// User is who has written most of them, and Program with which client; empty if the API
	// servers do not know.
	User    string `json:"user,omitempty"`
	Program string `json:"program,omitempty"`
}

// Flow is whose requests have a share of an API server by its priority and fairness.
type Flow struct {
	User          string `json:"user"`
	FlowSchema    string `json:"flowSchema"`
	PriorityLevel string `json:"priorityLevel"`
	// Rejected is how many requests were answered 429 Too Many Requests.
	Rejected int `json:"rejected"`
}

// Span is a span of time: from a backup to the loss of what it is of.
type Span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Values of [Detail.Down].
const (
	Rebooted   = "reboot"
	PoweredOff = "poweroff"
)

// Resize is the size of a VM before and after.
type Resize struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// SecurityRule is a rule of a network security group, in Azure's words.
type SecurityRule struct {
	Name        string   `json:"name"`
	Direction   string   `json:"direction,omitempty"`
	Access      string   `json:"access,omitempty"`
	Protocol    string   `json:"protocol,omitempty"`
	Ports       []string `json:"ports,omitempty"`
	Destination string   `json:"destination,omitempty"`
}
