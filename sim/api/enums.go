package api

import (
	"maps"
	"slices"

	"demarc/sim/timeline"
)

// enums are the values of the fields that have one of a few, by what their tag "enum"
// names. That of a list is of its items. Constants are declared beside their types.
var enums = map[string][]string{
	"actor":                texts(timeline.Actors),
	"autoscaler-action":    AutoscalerActions,
	"case-state":           {CaseOpened, CaseAnswered, CaseWaitsForConsent, CaseWaitsForCustomer, CaseOffersEscalation, CaseEscalated, CaseLinked, CaseClosed},
	"cluster-power":        {PowerRunning, PowerStopped},
	"component-state":      {ComponentStopped, ComponentStarting, ComponentRunning, ComponentCrashed},
	"container-state":      {ContainerWaiting, ContainerRunning, ContainerExited},
	"coverage":             {Covered, BestEffort, NotCovered, VoidsSupport},
	"cve-fix":              CVEFixes,
	"cve-severity":         CVESeverities,
	"cve-state":            {CVEPublished, CVEPatching, CVENotified, CVEAwaitsReboot, CVEFixed},
	"disk-action":          DiskActions,
	"disk-state":           {DiskUnattached, DiskAttached},
	"down":                 {timeline.Rebooted, timeline.PoweredOff},
	"edition":              Editions,
	"eviction-policy":      EvictionPolicies,
	"feature-stage":        {FeaturePreview, FeatureAvailable},
	"feature-state":        {FeatureNotRegistered, FeatureRegistering, FeatureRegistered, FeatureUnregistering, FeatureUnregistered},
	"gate-stage":           {GateAlpha, GateBeta, GateStable, GateDeprecated},
	"load-balancer-action": BalancerActions,
	"load-distribution":    {DistributionDefault, DistributionSourceIP},
	"network":              {NetworkUp, NetworkCut},
	"network-plugin":       NetworkPlugins,
	"network-policy":       NetworkPolicies,
	"operation-kind":       {OpUpgradeCluster, OpUpgradePool, OpScalePool, OpCreatePool, OpDeletePool, OpUpdatePool, OpStopCluster, OpStartCluster},
	"operation-state":      {OpInProgress, OpSucceeded, OpFailed},
	"owner":                {OwnerProvider, OwnerCustomer, OwnerUpstream},
	"patch-breaks":         PatchBreaks,
	"pool-mode":            PoolModes,
	"pool-priority":        PoolPriorities,
	"power":                {MachineRunning, MachineStopped, MachineDeallocated, MachineDeleted},
	"power-state":          {"PowerState/" + MachineRunning, "PowerState/" + MachineStopped, "PowerState/" + MachineDeallocated, "PowerState/" + MachineDeleted},
	"pressure":             {ShortOfDisk, ShortOfMemory},
	"remedy":               {RemedyAutomatic, RemedyEscalation, RemedyCustomer, RemedyNone},
	"repair-action":        RepairActions,
	"repair-layer":         {LayerNode, LayerAutoRepair, LayerAddon, LayerEscalation},
	"repair-outcome":       {RepairPending, RepairHealed, RepairFailed, RepairWithdrawn},
	"replica-state":        {ReplicaLeader, ReplicaFollower, ReplicaCandidate, ReplicaStopped},
	"restore-phase":        {RestoreStaged, RestoreDecided, RestoreRestoring, RestoreStarting, RestoreDone, RestoreFailed},
	"role":                 texts(Roles),
	"route-action":         RouteActions,
	"runs":                 {MachineRunning, MachineStopped},
	"severity":             texts(Severities),
	"share-action":         ShareActions,
	"support-state":        {Supported, AtRisk, Unsupported},
	"topic":                Topics,
	"verb":                 texts(slices.Sorted(maps.Keys(timeline.Verbs()))),
}

// Enum is what a field can be whose tag "enum" has that name; nil if there is none. It
// must not be changed.
func Enum(name string) []string { return enums[name] }

// texts are values of a type of text as they are.
func texts[T ~string](values []T) []string {
	var list []string
	for _, v := range values {
		list = append(list, string(v))
	}
	return list
}
