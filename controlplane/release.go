package controlplane

import (
	"fmt"
	"strings"
	"sync"

	utilversion "k8s.io/apimachinery/pkg/util/version"
	apiversion "k8s.io/apimachinery/pkg/version"
	apicompatibility "k8s.io/apiserver/pkg/util/compatibility"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/component-base/compatibility"
	"k8s.io/component-base/version"
)

// release is the version of Kubernetes that one incarnation of a component shows:
// the linked-in program emulates the APIs, the feature gates and the storage of
// that minor version (kube-apiserver's --emulated-version), and we have it say so
// as that release itself would. What it cannot show is the older release's bugs.
type release struct {
	compatibility.MutableEffectiveVersion
	version *utilversion.Version
}

// newRelease checks that a version, such as 1.36.3, can be emulated.
func newRelease(v string) (*release, error) {
	parsed, err := utilversion.ParseSemantic(strings.TrimPrefix(v, "v"))
	if err != nil {
		return nil, fmt.Errorf("Kubernetes version %q: want one such as 1.36.3", v)
	}
	r := &release{apicompatibility.DefaultBuildEffectiveVersion(), parsed}
	r.SetEmulationVersion(parsed)
	for _, err := range r.Validate() {
		return nil, fmt.Errorf("Kubernetes version %s: %w", v, err)
	}
	return r, nil
}

// Info is what /version says.
func (r *release) Info() *apiversion.Info {
	i := r.MutableEffectiveVersion.Info()
	i.Major, i.Minor = utilversion.Itoa(r.version.Major()), utilversion.Itoa(r.version.Minor())
	i.GitVersion = "v" + r.version.String()
	return i
}

// processVersion guards what is one for the whole process: the feature gates, and
// the version by which admission and CEL go.
var processVersion sync.Mutex

// registry is where a new incarnation of a component finds its version and
// feature gates. The version is its own. The feature gates are the process's: from
// the moment at which the first API server comes back with a new version, whatever
// still runs sees the new defaults of gates too, until its own turn comes.
func (p *Plane) registry() (compatibility.ComponentGlobalsRegistry, error) {
	v := p.release()
	r, err := newRelease(v)
	if err != nil {
		return nil, err
	}
	processVersion.Lock()
	defer processVersion.Unlock()
	process, ok := apicompatibility.DefaultComponentGlobalsRegistry.EffectiveVersionFor(compatibility.DefaultKubeComponent).(compatibility.MutableEffectiveVersion)
	if !ok {
		return nil, fmt.Errorf("Kubernetes version %s: the process's own version cannot be set", v)
	}
	process.SetEmulationVersion(r.EmulationVersion())
	own := compatibility.NewComponentGlobalsRegistry()
	return own, own.Register(compatibility.DefaultKubeComponent, r, utilfeature.DefaultMutableFeatureGate)
}

// linked is the version of Kubernetes that is linked in, as 1.37.2.
func linked() string { return strings.TrimPrefix(version.Get().GitVersion, "v") }
