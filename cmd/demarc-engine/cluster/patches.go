package cluster

import (
	"context"
	"errors"
	"net/http"
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

// PublishPatch implements [script.World].
func (c *Cluster) PublishPatch(by api.Role, r api.PatchRequest) (api.Patch, error) {
	if err := c.may(by, "POST "+api.PathPatches); err != nil {
		return api.Patch{}, err
	}
	return c.fleet.PublishPatch(r, 0)
}

// WithdrawPatch implements [script.World].
func (c *Cluster) WithdrawPatch(by api.Role, pkg, version string) error {
	if err := c.may(by, "DELETE "+api.PathPatches+"/{package}/{version}"); err != nil {
		return err
	}
	return c.fleet.WithdrawPatch(pkg, version)
}

// CVEs implements [script.World].
func (c *Cluster) CVEs() []api.CVE {
	return c.operations.operator.CVEs(c.operations.replicas)
}

// PublishCVE implements [script.World].
func (c *Cluster) PublishCVE(ctx context.Context, by api.Role, r api.CVERequest) (api.CVE, error) {
	if err := c.may(by, "POST "+api.PathCVEs); err != nil {
		return api.CVE{}, err
	}
	return c.operations.operator.PublishCVE(ctx, c.operations.replicas, r)
}

// patchRoutes are patches of the nodes, and vulnerabilities.
func (s *Server) patchRoutes(mux handlers) {
	c := s.cluster
	mux.HandleFunc("GET "+api.PathPatches, func(w http.ResponseWriter, _ *http.Request) { reply(w, c.Patches()) })
	mux.HandleFunc("POST "+api.PathPatches, posted(func(_ context.Context, r *http.Request, req api.PatchRequest) (any, error) {
		p, err := c.PublishPatch(s.role(r), req)
		return p, errors.Join(err, c.saveState())
	}))
	mux.HandleFunc("DELETE "+api.PathPatches+"/{package}/{version}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, struct{}{}, errors.Join(c.WithdrawPatch(s.role(r), r.PathValue("package"), r.PathValue("version")), c.saveState()))
	})
	mux.HandleFunc("GET "+api.PathCVEs, func(w http.ResponseWriter, _ *http.Request) { reply(w, c.CVEs()) })
	mux.HandleFunc("GET "+api.PathCVEs+"/{id}", func(w http.ResponseWriter, r *http.Request) {
		x, err := c.operations.operator.CVE(c.operations.replicas, r.PathValue("id"))
		found(w, x, err)
	})
	mux.HandleFunc("POST "+api.PathCVEs, posted(func(ctx context.Context, r *http.Request, req api.CVERequest) (any, error) {
		return c.PublishCVE(ctx, s.role(r), req)
	}))
}
