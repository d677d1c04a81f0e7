package api

import "time"

// Patch is a newer version of a package of the nodes' operating system, in the
// security pocket of the archives. Each node installs it by itself in the next
// night, at about 06:00 UTC (Microsoft, "Apply security and kernel updates to
// Linux nodes in AKS").
type Patch struct {
	Package string `json:"package"`
	Version string `json:"version"`
	// Reboot says that it has effect only after a reboot, which is the customer's.
	Reboot bool `json:"reboot,omitempty"`
	// Breaks is what does not work with it, one of [PatchBreaks]; empty if it is good.
	Breaks    string    `json:"breaks,omitempty" enum:"patch-breaks"`
	Published time.Time `json:"published"`
	Withdrawn bool      `json:"withdrawn,omitempty"`
	// Event is its publication on the timeline.
	Event int64 `json:"event,omitempty"`
	// Nodes run it, and Waiting have not got it or run what was before until they
	// reboot.
	Nodes   []string `json:"nodes"`
	Waiting []string `json:"waiting"`
}

// PatchBreaks are what a bad patch can break.
var PatchBreaks = []string{"kubelet", "containerd", "boot"}

// PatchRequest publishes a patch. Without a version it is the next one.
type PatchRequest struct {
	Package string `json:"package"`
	Version string `json:"version,omitempty"`
	Reboot  bool   `json:"reboot,omitempty"`
	Breaks  string `json:"breaks,omitempty"`
}

// Ways in which a vulnerability is mended, as a [CVE] names them.
const (
	// FixPatch restarts a managed component with a patched build, or rolls an
	// add-on to a patched image.
	FixPatch = "patch"
	// FixHotPatch patches a package on the nodes without downtime.
	FixHotPatch = "hot-patch"
	// FixReboot patches a package on the nodes, which run the old one until the
	// customer reboots them.
	FixReboot = "reboot"
	// FixImage needs a newer node image, which the customer brings to the nodes.
	FixImage = "image"
	// FixGuidance is for what the provider cannot patch: it tells the customer
	// what to upgrade.
	FixGuidance = "guidance"
)

// CVEFixes are all ways, and CVESeverities all severities.
var (
	CVEFixes      = []string{FixPatch, FixHotPatch, FixReboot, FixImage, FixGuidance}
	CVESeverities = []string{"low", "medium", "high", "critical"}
)

// States of a [CVE].
const (
	CVEPublished    = "published"     // known, and nothing was done yet
	CVEPatching     = "patching"      // the provider is at it
	CVENotified     = "notified"      // the customer was told what to do
	CVEAwaitsReboot = "awaits-reboot" // patched, and nodes run what was before
	CVEFixed        = "fixed"         // nothing runs any more that has it
)

// CVE is a vulnerability and how far its mending has come.
type CVE struct {
	ID        string `json:"id"` // CVE-2026-1234
	Component string `json:"component"`
	Severity  string `json:"severity" enum:"cve-severity"`
	Fix       string `json:"fix" enum:"cve-fix"`
	State     string `json:"state" enum:"cve-state"`
	// Package and Version are, of one on nodes, the package and the version that
	// does not have it; Image is the node image that does not have it.
	Package string `json:"package,omitempty"`
	Version string `json:"version,omitempty"`
	Image   string `json:"image,omitempty"`
	// Level is, of a managed component, the provider's build that does not have
	// it, such as v1.37.2-aks.1. Upstream's program is the same.
	Level string `json:"level,omitempty"`
	// Guidance is what the customer was told.
	Guidance string `json:"guidance,omitempty"`
	// VendorFix is since when the vendor has a fix. By the edition of 2026-08 the
	// provider patches 30 days after that at the earliest.
	VendorFix time.Time `json:"vendorFix,omitzero"`
	// Published, Patched, Notified and Fixed are virtual; zero if it did not come
	// to that.
	Published time.Time `json:"published"`
	Patched   time.Time `json:"patched,omitzero"`
	Notified  time.Time `json:"notified,omitzero"`
	Fixed     time.Time `json:"fixed,omitzero"`
	// Event is its publication on the timeline.
	Event int64 `json:"event,omitempty"`
	// Vulnerable are the nodes that run what has it now.
	Vulnerable []string `json:"vulnerable"`
}

// CVERequest publishes a vulnerability. Empty fields are reckoned: the way in which
// it is mended by the component, the fixed version as the next one.
type CVERequest struct {
	ID        string `json:"id"`
	Component string `json:"component"`
	Severity  string `json:"severity,omitempty"` // high if empty
	Fix       string `json:"fix,omitempty"`
	Version   string `json:"version,omitempty"`
	Guidance  string `json:"guidance,omitempty"`
	// VendorFixAge is for how long the vendor has had a fix; 30 days if zero.
	VendorFixAge Duration `json:"vendorFixAge,omitempty"`
}
