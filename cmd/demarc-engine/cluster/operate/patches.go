package operate

import (
	"context"
	"errors"
	"slices"
	"time"

	"demarc/controlplane/provider"
	"demarc/sim/api"
)

// patcher is how the provider's plane brings patches to the cluster.
type patcher struct{ m *Management }

var _ provider.Patcher = patcher{}

// NextVersion implements [provider.Patcher].
func (p patcher) NextVersion(pkg string) string { return p.m.Fleet.NextVersion(pkg) }

// NewerImage implements [provider.Patcher].
func (p patcher) NewerImage() string { return p.m.Fleet.NextImage() }

// Stock implements [provider.Patcher].
func (p patcher) Stock(c api.CVE) error {
	known := func(x api.Patch) bool { return x.Package == c.Package && x.Version == c.Version }
	if slices.ContainsFunc(p.m.Fleet.Patches(), known) {
		return nil
	}
	_, err := p.m.Fleet.PublishPatch(api.PatchRequest{Package: c.Package, Version: c.Version, Reboot: c.Fix == api.FixReboot}, c.Event)
	return err
}

// Roll implements [provider.Patcher].
func (p patcher) Roll(c api.CVE) map[string]string { return p.m.Fleet.PatchNow(c.Package, c.Event) }

// Vulnerable implements [provider.Patcher].
func (p patcher) Vulnerable(c api.CVE) []string {
	return p.m.Fleet.Exposed(c.Package, c.Version, c.Image)
}

// relabelTimeout bounds the roll-out of an add-on's image.
const relabelTimeout = 10 * time.Minute

// Relabel implements [provider.Patcher].
func (p patcher) Relabel(ctx context.Context, addon, level string) error {
	ctx, cancel := context.WithTimeout(ctx, relabelTimeout)
	defer cancel()
	return p.m.Addons.Relabel(ctx, addon, level)
}

// vendorFixAge is for how long a vendor must have had a fix before the provider
// patches, by edition (Microsoft, "Support policies for Azure Kubernetes Service",
// 2026-08-27, on CVEs; the edition of 2019-04-01 says nothing of it).
var vendorFixAge = map[string]time.Duration{"2026-08": 30 * 24 * time.Hour}

// Patches implements [run.World].
func (m *Management) Patches() []api.Patch { return m.Fleet.Patches() }

// PublishPatch publishes a patch of the nodes' operating system.
func (m *Management) PublishPatch(r api.PatchRequest) (api.Patch, error) {
	p, err := m.Fleet.PublishPatch(r, 0)
	return p, errors.Join(err, m.Save())
}

// WithdrawPatch keeps a patch from nodes that do not have it yet.
func (m *Management) WithdrawPatch(pkg, version string) error {
	return errors.Join(m.Fleet.WithdrawPatch(pkg, version), m.Save())
}

// CVEs implements [run.World].
func (m *Management) CVEs() []api.CVE {
	return m.Operator.CVEs(m.Memory)
}

// CVE is one of them.
func (m *Management) CVE(id string) (api.CVE, error) {
	return m.Operator.CVE(m.Memory, id)
}

// PublishCVE publishes a vulnerability.
func (m *Management) PublishCVE(ctx context.Context, r api.CVERequest) (api.CVE, error) {
	return m.Operator.PublishCVE(ctx, m.Memory, r)
}
