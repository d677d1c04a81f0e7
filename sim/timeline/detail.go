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
	// Annotation is one of a pod that changes nothing.
	Annotation *Annotation `json:"annotation,omitempty"`
}

// Annotation is an annotation of a pod that is wrong.
type Annotation struct {
	Key string `json:"key"`
	// Suggestion is the key that was probably meant; empty if none is near, or if the
	// value is what is wrong.
	Suggestion string `json:"suggestion,omitempty"`
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
