// Package api is the management API of an engine: the types that travel, and
// a client. It is HTTP with JSON and server-sent events on a loopback port,
// with a bearer token from the cluster's data directory. The command line, the
// scenario runner and a console all use it, and nothing else.
package api

import (
	"time"

	"demarc/sim/fault"
	"demarc/sim/timeline"
	"demarc/sim/traffic"
)

// Names of server-sent events of [Actions].Stream. The data is one JSON value.
const (
	StreamTimeline = "timeline" // timeline.Event, id: its Seq
	StreamDrill    = "drill"    // Step
	StreamEnd      = "end"      // Report: the scenario is over; nothing follows
)

// EngineConfig is what an engine is told when it starts: a JSON file in its
// data directory, named by its --config flag.
type EngineConfig struct {
	// Cluster is the cluster to run. Kept with the data; a resumed cluster
	// uses the kept one.
	Cluster ClusterSpec `json:"cluster"`
	// Rate is the speed of the virtual clock once the cluster is ready.
	// Everything before that runs free.
	Rate Rate `json:"rate"`
	// Scenario is the text of the scenario to run, if any.
	Scenario string `json:"scenario,omitempty"`
	// ScenarioFile is its file name, for messages.
	ScenarioFile string `json:"scenarioFile,omitempty"`
	// Ephemeral says that the data need not survive a crash of the machine:
	// no fsync. True for scenarios.
	Ephemeral bool `json:"ephemeral,omitempty"`
	// Keep says that a drill's data is kept when it is over.
	Keep bool `json:"keep,omitempty"`
	// NewBackupKey says that a lost key of backups is to be replaced: those that
	// were sealed with it stay unreadable.
	NewBackupKey bool `json:"newBackupKey,omitempty"`
	// Attached says that the engine ends when its standard input closes.
	Attached bool `json:"attached,omitempty"`
}

// ClusterSpec is what is wanted of a managed cluster.
type ClusterSpec struct {
	Name string `json:"name"`
	// Nodes is the number of worker nodes in the first pool, nodepool1.
	Nodes int `json:"nodes"`
	// Zones are the availability zones over which its nodes are spread; none if empty.
	Zones []string `json:"zones,omitempty"`
	// Edition of the support policy: "2019-04" or "2026-08".
	Edition string `json:"edition"`
	// KubernetesVersion is the one with which it is made, as 1.36 or 1.36.3; the
	// newest if empty.
	KubernetesVersion string `json:"kubernetesVersion,omitempty"`
	// NodeImage is the node image with which it is made, as a snapshot of a node pool gives
	// it (az aks create --snapshot-id); the newest if empty.
	NodeImage string `json:"nodeImage,omitempty"`
	// Start is the virtual time at which the cluster is created.
	Start time.Time `json:"start"`
	// Seed makes the simulation's choices repeatable.
	Seed uint64 `json:"seed"`
	// Sample says that the sample workload and its traffic are installed.
	Sample bool `json:"sample,omitempty"`
	// EtcdMembers is 1 or 3; 1 if zero. APIServers is 1 to [MaxAPIServers]; 1
	// if zero.
	EtcdMembers int `json:"etcdMembers,omitempty"`
	APIServers  int `json:"apiServers,omitempty"`
	// EtcdQuota is the size in bytes at which etcd refuses writes; [DefaultEtcdQuota] if
	// zero.
	EtcdQuota int64 `json:"etcdQuota,omitempty"`
	// Backups says which backups are kept.
	Backups BackupPolicy `json:"backups,omitzero"`
	// FeatureGates are Kubernetes' feature gates that a new cluster has otherwise
	// than by default, and AllowUnsupportedGates says that they need not be
	// supported by the policy.
	FeatureGates          map[string]bool `json:"featureGates,omitempty"`
	AllowUnsupportedGates bool            `json:"allowUnsupportedGates,omitempty"`
	// WebhookEgress lets webhooks by URL reach any host, and not this machine only.
	WebhookEgress bool `json:"webhookEgress,omitempty"`
	// NetworkPolicy is what enforces NetworkPolicies; none if empty.
	NetworkPolicy NetworkPolicy `json:"networkPolicy,omitempty" enum:"network-policy"`
	// NetworkPlugin is where pods have their addresses from; azure-overlay if empty.
	NetworkPlugin NetworkPlugin `json:"networkPlugin,omitempty" enum:"network-plugin"`
	// SubnetPrefix is the prefix of the nodes' subnet; [NodePrefix] if empty. PodSubnetPrefix is
	// that of a subnet of the pods' own, with network plugin azure; empty for none.
	SubnetPrefix    string `json:"subnetPrefix,omitempty"`
	PodSubnetPrefix string `json:"podSubnetPrefix,omitempty"`
	// Images is a catalogue of images, as text, that says how containers behave.
	Images string `json:"images,omitempty"`
}

// Handle is how to reach an engine: engine.json in its data directory, from the
// moment at which its management API answers until it ends.
type Handle struct {
	PID     int    `json:"pid"`
	Address string `json:"address"` // host:port of the management API
	Token   string `json:"token"`
}

// Status is a cluster at one moment.
type Status struct {
	Name    string    `json:"name"`
	Version string    `json:"version"` // demarc's
	Now     time.Time `json:"now"`     // virtual
	// State is starting, ready, stopping or failed.
	State string `json:"state"`
	// Phase is what a starting engine is busy with, for a progress line:
	// "etcd", "kube-apiserver", "nodes", "workloads".
	Phase string `json:"phase,omitempty"`
	// Error says why State is failed.
	Error string `json:"error,omitempty"`
	// Warnings are what is wrong with the cluster's data now, in a sentence each.
	Warnings          []string       `json:"warnings,omitempty"`
	Cluster           ClusterSpec    `json:"cluster"`
	Clock             Clock          `json:"clock"`
	ReadyAt           time.Time      `json:"readyAt,omitzero"` // virtual
	PowerState        PowerState     `json:"powerState,omitzero"`
	KubernetesVersion string         `json:"kubernetesVersion,omitempty"`
	Server            string         `json:"server,omitempty"`     // URL of the API server's front door
	Kubeconfig        string         `json:"kubeconfig,omitempty"` // path
	DataDir           string         `json:"dataDir,omitempty"`
	SSHConfig         string         `json:"sshConfig,omitempty"` // path; for ssh -F, with an entry per node
	MovedPorts        []MovedPort    `json:"movedPorts,omitempty"`
	Components        []Component    `json:"components"`
	Machines          []Machine      `json:"machines"`
	LoadBalancers     []LoadBalancer `json:"loadBalancers"`
	Traffic           []Traffic      `json:"traffic"`
	Availability      []Availability `json:"availability"`
	Faults            []fault.Active `json:"faults"`
	// Mended is what the engine found damaged when it started.
	Mended []Mended `json:"mended,omitempty"`
}

// Mended is something that was found damaged, and how it was mended.
type Mended struct {
	// Subject is what was damaged: etcd, provider/0, pki/ca.
	Subject string `json:"subject"`
	// Found says what was wrong with it.
	Found string `json:"found"`
	// Remedy says what was done, and what that cost.
	Remedy string `json:"remedy"`
}

// MovedPort is a port that the cluster had before it was resumed, and that another
// program has taken meanwhile.
type MovedPort struct {
	// Of is what listens there: "API server" or "SSH server".
	Of string `json:"of"`
	// File is the path of the file that names the new port.
	File string `json:"file"`
	From int    `json:"from"`
	To   int    `json:"to"`
}

// Component is one control-plane component and how it is.
type Component struct {
	Name  string `json:"name"`
	State string `json:"state" enum:"component-state"`
	// Healthy is what its own health check says.
	Healthy bool `json:"healthy"`
	// Message says why it is not healthy.
	Message string `json:"message,omitempty"`
	// Since is the virtual time of the last change of State or Healthy.
	Since time.Time `json:"since"`
	// Starts counts its incarnations.
	Starts int `json:"starts"`
}

// States of a [Component].
const (
	ComponentStopped  = "stopped"
	ComponentStarting = "starting"
	ComponentRunning  = "running"
	ComponentCrashed  = "crashed"
)

// Machine is one worker machine as it is, whatever the API server believes.
type Machine struct {
	Name       string `json:"name"`
	Pool       string `json:"pool"` // the node pool
	Power      string `json:"power" enum:"power"`
	Kubelet    string `json:"kubelet" enum:"runs"`
	Network    string `json:"network" enum:"network"`
	Containers int    `json:"containers"`
	// Zone is the machine's availability zone; empty if it is in none.
	Zone string `json:"zone,omitempty"`
	// Runtime is the container runtime's.
	Runtime string `json:"runtime" enum:"runs"`
	// Egress is open, or says what is blocked and by whom.
	Egress string `json:"egress"`
	// Image and Kernel are what the machine runs from.
	Image  string `json:"image"`
	Kernel string `json:"kernel"`
	// KubeletVersion is such as v1.37.2.
	KubeletVersion string `json:"kubeletVersion,omitempty"`
	// Surge says that the machine was added for an upgrade, and goes with its end.
	Surge bool `json:"surge,omitempty"`
	// RebootRequired says that patches wait for a reboot.
	RebootRequired bool `json:"rebootRequired,omitempty"`
	// Pressure is what is short.
	Pressure []string `json:"pressure,omitempty" enum:"pressure"`
	// Problem says why the machine does not work; empty if it does.
	Problem string `json:"problem,omitempty"`
}

// Container is one container as its node's runtime knows it.
type Container struct {
	Node       string    `json:"node"`
	Namespace  string    `json:"namespace"`
	Pod        string    `json:"pod"`
	Name       string    `json:"name"`
	Image      string    `json:"image"`
	State      string    `json:"state" enum:"container-state"`
	Ready      bool      `json:"ready"`
	Restarts   int       `json:"restarts"`
	ExitCode   int       `json:"exitCode"`
	Reason     string    `json:"reason,omitempty"` // of waiting or exited: CrashLoopBackOff, OOMKilled, …
	StartedAt  time.Time `json:"startedAt,omitzero"`
	FinishedAt time.Time `json:"finishedAt,omitzero"`
}

// States of a [Machine], its kubelet and its runtime. Only a machine is
// deallocated, or deleted.
const (
	MachineRunning     = "running"
	MachineStopped     = "stopped"
	MachineDeallocated = "deallocated"
	MachineDeleted     = "deleted"
)

// Networks of a [Machine] and of a [Replica].
const (
	NetworkUp  = "up"
	NetworkCut = "cut"
)

// What a [Machine] can be short of.
const (
	ShortOfDisk   = "disk"
	ShortOfMemory = "memory"
)

// States of a [Container].
const (
	ContainerWaiting = "waiting"
	ContainerRunning = "running"
	ContainerExited  = "exited"
)

// LoadBalancer is where a Service of type LoadBalancer can be reached.
type LoadBalancer struct {
	Namespace string `json:"namespace"`
	Service   string `json:"service"`
	IP        string `json:"ip"`      // the simulated address
	Port      int32  `json:"port"`    // the service's port
	Address   string `json:"address"` // the real loopback host:port for curl; empty for an internal one
}

// URL is where programs of this machine reach it.
func (b LoadBalancer) URL() string {
	if b.Port == httpsPort {
		return "https://" + b.Address + "/"
	}
	return "http://" + b.Address + "/"
}

// httpsPort is where servers speak TLS.
const httpsPort = 443

// Traffic is one traffic and its totals.
type Traffic struct {
	traffic.Spec
	Sent   int64 `json:"sent"`
	Failed int64 `json:"failed"`
	// Reasons counts the failures by reason.
	Reasons map[string]int64 `json:"reasons,omitempty"`
	// Outages are the times in which no request succeeded.
	Outages []traffic.Outage `json:"outages,omitempty"`
	// Failures are the requests that failed in between.
	Failures []traffic.Outage `json:"failures,omitempty"`
	// Backends are the pods (namespace/name) that answered.
	Backends []string `json:"backends,omitempty"`
}

// TrafficOf is what came of a traffic since it began.
func TrafficOf(r *traffic.Record) Traffic {
	s := r.Summary()
	return Traffic{Spec: r.Spec(), Sent: s.Sent, Failed: s.Failed, Reasons: s.Reasons, Outages: s.Outages, Failures: s.Failures, Backends: s.Pods}
}

// Step is one line of a scenario as it is run.
type Step struct {
	// N numbers the steps of a drill from 1.
	N int `json:"n"`
	// Kind is narrative, action, waiting (an expectation opens), held, failed.
	Kind string `json:"kind"`
	// Line is the line in the scenario file.
	Line int `json:"line"`
	// Text is the line itself, or the narrative.
	Text string `json:"text"`
	// At is the virtual time since the cluster was ready.
	At Duration `json:"at"`
	// Seen says what was seen: for failed steps the whole explanation.
	Seen string `json:"seen,omitempty"`
}

// Report is the outcome of a scenario.
type Report struct {
	Scenario string `json:"scenario"`
	File     string `json:"file,omitempty"`
	Title    string `json:"title"`
	// Verdict is held, failed, or error (the scenario could not be run).
	Verdict string   `json:"verdict"`
	Error   string   `json:"error,omitempty"`
	Edition string   `json:"edition"`
	Seed    uint64   `json:"seed"`
	Clauses []string `json:"clauses,omitempty"`
	// ReadyAt is the virtual time at which the cluster was ready: the time 0 of the
	// scenario, since which seconds are counted.
	ReadyAt        time.Time     `json:"readyAt,omitzero"`
	VirtualSeconds float64       `json:"virtualSeconds"`
	RealSeconds    float64       `json:"realSeconds"`
	Expectations   []Expectation `json:"expectations"`
	Traffic        []Traffic     `json:"traffic"`
	// Availability is what the provider's probes have found.
	Availability []Availability `json:"availability"`
	Incidents    []Incident     `json:"incidents"`
	Backups      []Backup       `json:"backups"`
	Restores     []Restore      `json:"restores"`
	Repairs      []Repair       `json:"repairs"`
	// Judgements are the incidents again, with whose they are by the edition.
	Judgements []JudgedIncident `json:"judgements"`
	Support    Supportability   `json:"support"`
}

// Verdicts of a [Report].
const (
	VerdictHeld   = "held"
	VerdictFailed = "failed"
	VerdictError  = "error"
)

// Expectation is one expectation of a scenario and how it went.
type Expectation struct {
	Line int    `json:"line"`
	Text string `json:"text"`
	Held bool   `json:"held"`
	// Seen is what was seen: when it held, or what was there instead.
	Seen string `json:"seen"`
	// At is the virtual time of the verdict, AtSeconds the same since the cluster was
	// ready.
	At        time.Time `json:"at,omitzero"`
	AtSeconds float64   `json:"atSeconds"`
}

// Timed says when things were, of a report in which that is said in seconds since the cluster
// was ready.
func (r *Report) Timed(ready time.Time) {
	r.ReadyAt = ready
	for i := range r.Expectations {
		x := &r.Expectations[i]
		x.At = ready.Add(time.Duration(x.AtSeconds * float64(time.Second)))
	}
}

// Incident is an outage of one component or machine, or a backup that went
// wrong.
type Incident struct {
	ID      string         `json:"id"`
	Subject string         `json:"subject"`
	Owner   timeline.Actor `json:"owner" enum:"actor"` // provider or customer
	Cause   string         `json:"cause"`
	Event   int64          `json:"event"` // the timeline event that caused it
	// Start, Detected and End are virtual; End is zero while it lasts.
	Start    time.Time `json:"start"`
	Detected time.Time `json:"detected,omitzero"`
	End      time.Time `json:"end,omitzero"`
}
