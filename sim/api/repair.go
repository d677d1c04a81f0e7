package api

import "time"

// Layers of self-healing, as a [Repair] names them.
const (
	// LayerNode is the node's own init system and its monitors.
	LayerNode = "node"
	// LayerAutoRepair is node auto-repair by the provider's leader.
	LayerAutoRepair = "auto-repair"
	// LayerAddon is the reconciling of managed add-ons.
	LayerAddon = "add-on"
	// LayerEscalation is a restart of a node that the customer asked for.
	LayerEscalation = "escalation"
)

// Repair is one repair of a node, of a component on it, or of an add-on.
type Repair struct {
	ID string `json:"id"`
	// Node is the machine's name; empty for an add-on.
	Node string `json:"node,omitempty"`
	// Subject is what was broken: node/NAME, kubelet/NAME, or
	// addon/KIND/NAME.
	Subject string `json:"subject"`
	// Cause says what broke it, and Event is that event on the timeline; 0 if
	// nobody knows.
	Cause string `json:"cause"`
	Event int64  `json:"event,omitempty"`
	// Layer is which layer of self-healing it belongs to.
	Layer   string         `json:"layer" enum:"repair-layer"`
	Actions []RepairAction `json:"actions"`
	// Broken is when it broke, Detected when the layer noticed, Healed when it
	// was seen to be well; zero while it is not.
	Broken   time.Time `json:"broken"`
	Detected time.Time `json:"detected,omitzero"`
	Healed   time.Time `json:"healed,omitzero"`
	// DetectedAfterSeconds and HealedAfterSeconds are counted from Broken; 0
	// if it did not come to that.
	DetectedAfterSeconds float64 `json:"detectedAfterSeconds"`
	HealedAfterSeconds   float64 `json:"healedAfterSeconds"`
	// Lost is what is lost for good, such as an emptyDir of a pod.
	Lost    []string `json:"lost"`
	Outcome string   `json:"outcome" enum:"repair-outcome"`
	// Reason says why the outcome is not healed.
	Reason string `json:"reason,omitempty"`
	// Egress says what kept the node's machine from the endpoints that AKS
	// requires when it was last tried; empty if nothing did.
	Egress string `json:"egress,omitempty"`
}

// Outcomes of a [Repair].
const (
	RepairPending   = "pending"
	RepairHealed    = "healed"
	RepairFailed    = "failed"    // given up, or not to be healed by the provider
	RepairWithdrawn = "withdrawn" // there was nothing left to do
)

// RepairActions are what can be done for a [Repair]; restore is of configuration.
var RepairActions = []string{"restart", "start", "restore", "reboot", "reimage", "redeploy", "reconcile", "cordon", "drain", "uncordon"}

// RepairAction is one thing that was done for a [Repair].
type RepairAction struct {
	Action string    `json:"action" enum:"repair-action"`
	At     time.Time `json:"at"`
	// Done is when it ended; zero while it has not.
	Done time.Time `json:"done,omitzero"`
	// Error says why it failed, by an error code of AKS.
	Error string `json:"error,omitempty"`
	// Detail says more, such as the unit that was restarted.
	Detail string `json:"detail,omitempty"`
	// Boot is the machine's boot ID before a reboot, if it was known.
	Boot string `json:"boot,omitempty"`
}

// Timed fills in the durations from the times, and an empty list for no losses.
func (r Repair) Timed() Repair {
	if r.Lost == nil {
		r.Lost = []string{}
	}
	r.DetectedAfterSeconds, r.HealedAfterSeconds = 0, 0
	if !r.Detected.IsZero() {
		r.DetectedAfterSeconds = r.Detected.Sub(r.Broken).Seconds()
	}
	if !r.Healed.IsZero() {
		r.HealedAfterSeconds = r.Healed.Sub(r.Broken).Seconds()
	}
	return r
}

// Consent is a customer's explicit consent that the provider's support may log
// in to a node, run commands there and read its logs.
type Consent struct {
	ID string `json:"id"`
	// Node is the node's name; "*" means every node.
	Node string `json:"node"`
	// Case says what for.
	Case    string    `json:"case,omitempty"`
	Granted time.Time `json:"granted"`
	Expires time.Time `json:"expires"`
	Revoked time.Time `json:"revoked,omitzero"`
	// Uses counts how often it was used.
	Uses int `json:"uses"`
	// Expired is when it was seen to have expired; zero for one that is valid or
	// was revoked.
	Expired time.Time `json:"expired,omitzero"`
}

// ConsentRequest grants a [Consent].
type ConsentRequest struct {
	// Node is an index, a vmss suffix or a name; "*" means every node.
	Node string   `json:"node"`
	For  Duration `json:"for"`
	Case string   `json:"case,omitempty"`
}

// EscalationRequest is a customer's request that the provider restarts a node.
type EscalationRequest struct {
	Node   string `json:"node"`
	Reason string `json:"reason,omitempty"`
}

// VM is a virtual machine of the pool's scale set as the cloud has it.
type VM struct {
	Name       string `json:"name"`
	InstanceID int    `json:"instanceID"`
	// Power is Azure's power state: PowerState/running, PowerState/stopped,
	// PowerState/deallocated.
	Power         string            `json:"power"`
	Size          string            `json:"size"`
	NodeImage     string            `json:"nodeImage"`
	ResourceGroup string            `json:"resourceGroup"`
	ScaleSet      string            `json:"scaleSet"`
	Tags          map[string]string `json:"tags,omitempty"`
}

// VMRequest does something with a VM outside of AKS.
type VMRequest struct {
	// Action is stop, deallocate, start, restart, delete, resize or tag.
	Action string `json:"action"`
	// VM is an index, a vmss suffix or a name.
	VM string `json:"vm"`
	// Size is for resize.
	Size string `json:"size,omitempty"`
	// Tags are for tag; an empty value removes a tag.
	Tags map[string]string `json:"tags,omitempty"`
}

// NSGRule is a security rule of the network security group of the nodes' subnet.
type NSGRule struct {
	Name string `json:"name"`
	// Priority is 100 to 4096; the lowest number is looked at first.
	Priority int `json:"priority"`
	// Direction is Inbound or Outbound, Access Allow or Deny.
	Direction string `json:"direction"`
	Access    string `json:"access"`
	// Protocol is Tcp, Udp or *.
	Protocol string `json:"protocol"`
	// Ports are single ports or ranges such as 8000-8999; * means all.
	Ports []string `json:"ports"`
	// Destination is *, Internet, VirtualNetwork, AzureCloud,
	// MicrosoftContainerRegistry, or an address prefix.
	Destination string `json:"destination"`
	// Source is *, Internet, VirtualNetwork or an address prefix.
	Source string `json:"source"`
}

// RunRequest runs a command in the shell of a node.
type RunRequest struct {
	Node    string `json:"node"`
	Command string `json:"command"`
}

// RunResult is what became of it.
type RunResult struct {
	Stdout string `json:"stdout"`
	Stderr string `json:"stderr"`
	Exit   int    `json:"exit"`
}
