package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// patchDelay is what passes between the publication of a vulnerability and the
// provider's patch in the clusters. AKS publishes no such time.
const patchDelay = 30 * time.Minute

// vendorFixAge is for how long the vendor has had a fix if nobody says.
const vendorFixAge = 30 * 24 * time.Hour

// target is something that can have a vulnerability.
type target struct {
	addon bool   // else, without a package, a component of the control plane
	pkg   string // on the nodes
	fix   string // how it is mended if nobody says
}

var targets = map[string]target{
	etcd: {fix: api.FixPatch}, apiServer: {fix: api.FixPatch}, "kube-controller-manager": {fix: api.FixPatch}, "kube-scheduler": {fix: api.FixPatch},
	"coredns": {addon: true, fix: api.FixPatch}, "kube-proxy": {addon: true, fix: api.FixPatch},
	"konnectivity-agent": {addon: true, fix: api.FixPatch}, "metrics-server": {addon: true, fix: api.FixPatch},
	"kernel": {pkg: "linux-image-azure", fix: api.FixReboot}, "libc": {pkg: "libc6", fix: api.FixReboot},
	"containerd": {pkg: "moby-containerd", fix: api.FixHotPatch}, "runc": {pkg: "moby-runc", fix: api.FixHotPatch},
	"openssl": {pkg: "openssl", fix: api.FixHotPatch}, "openssh": {pkg: "openssh-server", fix: api.FixHotPatch},
	"curl": {pkg: "curl", fix: api.FixHotPatch}, "systemd": {pkg: "systemd", fix: api.FixHotPatch},
}

// CVEComponents are the components that can have a vulnerability.
func CVEComponents() []string { return slices.Sorted(maps.Keys(targets)) }

// Patcher brings patches to what the plane operates.
type Patcher interface {
	// NextVersion is the version of a package of the nodes that would come next.
	NextVersion(pkg string) string
	// NewerImage is the node image that would come next.
	NewerImage() string
	// Stock puts the patch for a vulnerability into the nodes' archives. Asked
	// again, it does nothing.
	Stock(c api.CVE) error
	// Roll lets the nodes install it at once. left are those that did not, and why.
	Roll(c api.CVE) (left map[string]string)
	// Vulnerable are the nodes that run what has it.
	Vulnerable(c api.CVE) []string
	// Relabel rolls an add-on to images of a patch level, and returns when they run.
	Relabel(ctx context.Context, addon, level string) error
}

// ErrUnknownCVE says that no such vulnerability was published.
var ErrUnknownCVE error = api.Errorf(http.StatusNotFound, "there is no such vulnerability")

// cveForm is the form of an ID (CVE Numbering Authority rules).
var cveForm = regexp.MustCompile(`^CVE-\d{4}-\d{4,10}$`)

// PublishCVE notes a vulnerability in the log. The leader sees to it.
func (o *Operator) PublishCVE(ctx context.Context, r *Replicas, req api.CVERequest) (api.CVE, error) {
	o.asking.Lock()
	defer o.asking.Unlock()
	known := r.State().CVEs
	c, err := o.newCVE(req, known, time.Now().UTC())
	if err != nil {
		return c, err
	}
	c.Event = o.cfg.Note(timeline.Event{
		Actor: timeline.Provider, Verb: "published", Subject: cveSubject(c),
		Message: fmt.Sprintf("%s in %s, severity %s; mended by: %s", c.ID, c.Component, c.Severity, c.Fix),
	}).Seq
	err = order(ctx, r, o.published, CVEs.Put(c))
	return o.describe(c), err
}

// newCVE is what a request asks for, or says what is wrong with it.
func (o *Operator) newCVE(req api.CVERequest, known map[string]api.CVE, now time.Time) (c api.CVE, err error) {
	t, ok := targets[req.Component]
	fix := cmp.Or(req.Fix, t.fix)
	severity := cmp.Or(req.Severity, "high")
	age := cmp.Or(time.Duration(req.VendorFixAge), vendorFixAge)
	_, twice := known[req.ID]
	onNodes := []string{api.FixHotPatch, api.FixReboot, api.FixImage}
	switch {
	case !cveForm.MatchString(req.ID):
		return c, fmt.Errorf("%q is no ID of a vulnerability: want one such as CVE-2026-1234", req.ID)
	case twice:
		return c, fmt.Errorf("%s is published already", req.ID)
	case !ok:
		return c, fmt.Errorf("no component %q: want one of %s", req.Component, strings.Join(CVEComponents(), ", "))
	case !slices.Contains(api.CVESeverities, severity):
		return c, fmt.Errorf("severity %q: want one of %s", severity, strings.Join(api.CVESeverities, ", "))
	case !slices.Contains(api.CVEFixes, fix):
		return c, fmt.Errorf("fix %q: want one of %s", fix, strings.Join(api.CVEFixes, ", "))
	case t.pkg == "" && slices.Contains(onNodes, fix):
		return c, fmt.Errorf("fix %s is for what is on the nodes; %s is mended by %s or %s", fix, req.Component, api.FixPatch, api.FixGuidance)
	case t.pkg != "" && fix == api.FixPatch:
		return c, fmt.Errorf("fix %s is for managed components; %s is on the nodes: %s", fix, req.Component, strings.Join(onNodes, ", "))
	case req.Component == "kernel" && fix == api.FixHotPatch:
		return c, errors.New("a kernel runs until the node reboots: its fix is reboot or image")
	case age < 0:
		return c, fmt.Errorf("the vendor has had a fix for %s: want a duration above 0", age)
	}
	c = api.CVE{
		ID: req.ID, Component: req.Component, Severity: severity, Fix: fix, State: api.CVEPublished, Package: t.pkg,
		Version: req.Version, Guidance: req.Guidance, VendorFix: now.Add(-age), Published: now,
	}
	switch {
	case fix == api.FixPatch:
		n := 1
		for _, x := range known {
			if x.Component == c.Component && x.Level != "" {
				n++
			}
		}
		c.Level = fmt.Sprintf("aks.%d", n)
	case t.pkg != "" && c.Version == "":
		c.Version = o.cfg.Patcher.NextVersion(t.pkg)
	}
	if fix == api.FixImage {
		c.Image = o.cfg.Patcher.NewerImage()
	}
	return c, nil
}

// CVEs are all vulnerabilities that were published, oldest first, with the nodes
// that have them now.
func (o *Operator) CVEs(r *Replicas) []api.CVE {
	list := CVEs.List(r.State())
	for i, c := range list {
		list[i] = o.describe(c)
	}
	return list
}

// CVE is one of them, or [ErrUnknownCVE].
func (o *Operator) CVE(r *Replicas, id string) (api.CVE, error) {
	c, ok := r.State().CVEs[id]
	if !ok {
		return c, fmt.Errorf("%w: %q; demarc cve list lists them", ErrUnknownCVE, id)
	}
	return o.describe(c), nil
}

func (o *Operator) describe(c api.CVE) api.CVE {
	c.Vulnerable = []string{}
	if c.Package != "" {
		c.Vulnerable = o.cfg.Patcher.Vulnerable(c)
	}
	return c
}

// PatchLevels are the levels that managed components have come to, by component.
func PatchLevels(s State) map[string]string {
	levels := map[string]string{}
	for _, c := range CVEs.List(s) {
		if c.Level != "" && !c.Patched.IsZero() {
			levels[c.Component] = c.Level
		}
	}
	return levels
}
