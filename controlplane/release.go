package controlplane

import (
	"fmt"
	"strings"

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
		return nil, fmt.Errorf("version %q of Kubernetes: want one such as 1.36.3", v)
	}
	r := &release{apicompatibility.DefaultBuildEffectiveVersion(), parsed}
	r.SetEmulationVersion(parsed)
	for _, err := range r.Validate() {
		return nil, fmt.Errorf("version %s of Kubernetes: %w", v, err)
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

// versions is where a new incarnation of a component finds its version and feature
// gates. The version is its own. The feature gates are the process's: from the
// moment at which an upgrade begins, whatever still runs sees the new version's
// defaults of gates, until its own turn comes.
func (p *Plane) versions() (compatibility.ComponentGlobalsRegistry, error) {
	r, err := newRelease(p.release())
	if err != nil {
		return nil, err
	}
	registry.Lock()
	defer registry.Unlock()
	own := compatibility.NewComponentGlobalsRegistry()
	return own, own.Register(compatibility.DefaultKubeComponent, r, utilfeature.DefaultMutableFeatureGate)
}

// setProcess gives the process the version: that of feature gates, and that by
// which admission and CEL go.
func (r *release) setProcess() error {
	registry.Lock()
	defer registry.Unlock()
	process, ok := apicompatibility.DefaultComponentGlobalsRegistry.EffectiveVersionFor(compatibility.DefaultKubeComponent).(compatibility.MutableEffectiveVersion)
	if !ok {
		return fmt.Errorf("version %s of Kubernetes: the process's own version cannot be set", r.version)
	}
	if err := utilfeature.DefaultMutableFeatureGate.SetEmulationVersionAndMinCompatibilityVersion(r.EmulationVersion(), r.MinCompatibilityVersion()); err != nil {
		return fmt.Errorf("feature gates of Kubernetes version %s: %w", r.version, err)
	}
	process.SetEmulationVersion(r.EmulationVersion())
	return nil
}

// linked is the version of Kubernetes that is linked in, as 1.37.2. A test's binary
// does not know which modules it is made of: then it is the minor version's first.
func linked() string {
	v, err := utilversion.ParseSemantic(version.Get().GitVersion)
	if err != nil || v.Major() == 0 {
		return version.DefaultKubeBinaryVersion + ".0"
	}
	return v.String()
}
