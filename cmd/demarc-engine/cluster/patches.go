package cluster

import (
	"context"
	"errors"
	"slices"
	"time"

	"demarc/controlplane/provider"
	"demarc/sim/api"
)

// patcher is how the provider's plane brings patches to the cluster.
type patcher struct{ c *Cluster }

var _ provider.Patcher = patcher{}

// NextVersion implements [provider.Patcher].
func (p patcher) NextVersion(pkg string) string { return p.c.fleet.NextVersion(pkg) }

// NewerImage implements [provider.Patcher].
func (p patcher) NewerImage() string { return p.c.fleet.NextImage() }

// Stock implements [provider.Patcher].
func (p patcher) Stock(c api.CVE) error {
	known := func(x api.Patch) bool { return x.Package == c.Package && x.Version == c.Version }
	if slices.ContainsFunc(p.c.fleet.Patches(), known) {
		return nil
	}
	_, err := p.c.fleet.PublishPatch(api.PatchRequest{Package: c.Package, Version: c.Version, Reboot: c.Fix == api.FixReboot}, c.Event)
	return err
}

// Roll implements [provider.Patcher].
func (p patcher) Roll(c api.CVE) map[string]string { return p.c.fleet.PatchNow(c.Package, c.Event) }

// Vulnerable implements [provider.Patcher].
func (p patcher) Vulnerable(c api.CVE) []string {
	return p.c.fleet.Exposed(c.Package, c.Version, c.Image)
}

// relabelTimeout bounds the roll-out of an add-on's image.
const relabelTimeout = 10 * time.Minute

// Relabel implements [provider.Patcher].
func (p patcher) Relabel(ctx context.Context, addon, level string) error {
	ctx, cancel := context.WithTimeout(ctx, relabelTimeout)
	defer cancel()
	return p.c.addons.Relabel(ctx, addon, level)
}

// vendorFixAge is for how long a vendor must have had a fix before the provider
// patches, by edition (Microsoft, "Support policies for Azure Kubernetes Service",
// 2026-08-27, on CVEs; the edition of 2019-04-01 says nothing of it).
var vendorFixAge = map[string]time.Duration{"2026-08": 30 * 24 * time.Hour}

// Patches implements [script.World].
func (c *Cluster) Patches() []api.Patch { return c.fleet.Patches() }

// PublishPatch publishes a patch of the nodes' operating system.
func (c *Cluster) PublishPatch(r api.PatchRequest) (api.Patch, error) {
	p, err := c.fleet.PublishPatch(r, 0)
	return p, errors.Join(err, c.saveState())
}

// WithdrawPatch keeps a patch from nodes that do not have it yet.
func (c *Cluster) WithdrawPatch(pkg, version string) error {
	return errors.Join(c.fleet.WithdrawPatch(pkg, version), c.saveState())
}

// CVEs implements [script.World].
func (c *Cluster) CVEs() []api.CVE {
	return c.operations.operator.CVEs(c.operations.replicas)
}

// CVE is one of them.
func (c *Cluster) CVE(id string) (api.CVE, error) {
	return c.operations.operator.CVE(c.operations.replicas, id)
}

// PublishCVE publishes a vulnerability.
func (c *Cluster) PublishCVE(ctx context.Context, r api.CVERequest) (api.CVE, error) {
	return c.operations.operator.PublishCVE(ctx, c.operations.replicas, r)
}
