package controlplane

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"demarc/sim/api"
	"demarc/sim/fault"

	"github.com/spf13/pflag"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/compatibility"
	"k8s.io/component-base/featuregate"
)

// Stages of a [Gate], as Kubernetes' documentation names them.
const (
	Alpha      = api.GateAlpha
	Beta       = api.GateBeta
	Stable     = api.GateStable
	Deprecated = api.GateDeprecated
)

// Gate is one feature gate of the version of Kubernetes that is linked in.
type Gate struct {
	Name    string
	Stage   string
	Default bool
	// Locked says that it cannot be set to anything else.
	Locked bool
}

// GateError says why a feature gate cannot be set.
type GateError struct{ Gate, Reason string }

// Error implements error.
func (e *GateError) Error() string { return e.Reason }

// groups are gates that stand for all of a stage. What they switch on cannot be
// named, and switching them off again would take beta features away.
var groups = []string{"AllAlpha", "AllBeta"}

// Gates are all feature gates, by name.
func Gates() []Gate {
	var list []Gate
	for name, spec := range utilfeature.DefaultMutableFeatureGate.GetAll() {
		if !slices.Contains(groups, string(name)) {
			list = append(list, Gate{Name: string(name), Stage: stageOf(spec), Default: spec.Default, Locked: spec.LockToDefault})
		}
	}
	slices.SortFunc(list, func(a, b Gate) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func stageOf(spec featuregate.FeatureSpec) string {
	switch spec.PreRelease {
	case featuregate.Alpha:
		return Alpha
	case featuregate.Beta:
		return Beta
	case featuregate.Deprecated:
		return Deprecated
	}
	return Stable
}

// CheckGates returns the gates that are to be set, by name. The error is a
// [GateError], with the name that was probably meant, or what Kubernetes has
// against it: a gate that is locked, or one without which another cannot be.
func CheckGates(wanted map[string]bool) ([]Gate, error) {
	known := Gates()
	var list []Gate
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		i := slices.IndexFunc(known, func(g Gate) bool { return g.Name == name })
		switch {
		case slices.Contains(groups, name):
			return nil, &GateError{name, fmt.Sprintf("feature gate %s stands for many: name those that are wanted", name)}
		case i < 0:
			return nil, &GateError{name, "unrecognized feature gate: " + name + meant(name, known)}
		}
		list = append(list, known[i])
	}
	if err := utilfeature.DefaultMutableFeatureGate.DeepCopyAndReset().SetFromMap(wanted); err != nil {
		return nil, &GateError{Reason: err.Error()}
	}
	return list, nil
}

// meant is the name that was probably meant, for an error.
func meant(name string, known []Gate) string {
	names := make([]string, 0, len(known))
	for _, g := range known {
		names = append(names, g.Name)
	}
	if s := fault.Suggest(name, names); s != "" {
		return fmt.Sprintf(" (did you mean %s?)", s)
	}
	return ""
}

// Settings are what can be set of the components. They take effect on what is
// started from then on: see [Plane.Roll].
type Settings struct {
	// FeatureGates are the gates that are not as Kubernetes has them by default.
	FeatureGates map[string]bool
	// Audit has the API servers write an audit log: see [Plane.AuditLog].
	Audit bool
}

// settings are the settings of a plane.
type settings struct {
	mu      sync.Mutex
	wanted  Settings
	touched map[string]bool // gates that were ever set, and their defaults
	audits  bool            // the newest API server was started with an audit log
	logged  int64           // the audit log's size at that time, in bytes
}

// Configure sets the settings; the gates must have passed [CheckGates].
func (p *Plane) Configure(s Settings) {
	p.settings.mu.Lock()
	defer p.settings.mu.Unlock()
	if p.settings.touched == nil {
		p.settings.touched = map[string]bool{}
	}
	for _, g := range Gates() {
		if _, ok := s.FeatureGates[g.Name]; ok {
			p.settings.touched[g.Name] = g.Default
		}
	}
	p.settings.wanted = Settings{FeatureGates: maps.Clone(s.FeatureGates), Audit: s.Audit}
}

// gateFlags are the --feature-gates of every component. The gates are the
// process's and outlive an incarnation: one that was set is set back by its name.
func (s *settings) gateFlags() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var words []string
	for _, name := range slices.Sorted(maps.Keys(s.touched)) {
		value, ok := s.wanted.FeatureGates[name]
		if !ok {
			value = s.touched[name]
		}
		words = append(words, fmt.Sprintf("%s=%t", name, value))
	}
	if len(words) == 0 {
		return nil
	}
	return []string{"--feature-gates=" + strings.Join(words, ",")}
}

// registry guards the process's registry of gates and versions: the flags of all
// components set its gates.
var registry sync.Mutex

// parse parses a component's flags, with those of the settings, and lets its
// version and the gates take effect. /metrics tells them from then on.
func (p *Plane) parse(known cliflag.NamedFlagSets, flags []string, own compatibility.ComponentGlobalsRegistry) error {
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	for _, f := range known.FlagSets {
		fs.AddFlagSet(f)
	}
	registry.Lock()
	defer registry.Unlock()
	if err := fs.Parse(append(flags, p.settings.gateFlags()...)); err != nil {
		return err
	}
	if err := own.Set(); err != nil {
		return err
	}
	utilfeature.DefaultMutableFeatureGate.AddMetrics()
	return nil
}
