package host

import (
	"fmt"
	"regexp"
	"slices"
	"time"
)

// Where packages come from: what Ubuntu has, and what Microsoft builds.
const (
	ubuntuArchive    = "azure.archive.ubuntu.com"
	microsoftArchive = "packages.microsoft.com"
)

// BreaksBoot is a [Patch.Breaks] after which the machine does not boot.
const BreaksBoot = "boot"

// Patch is a newer version of a package in the archives' security pocket. It is
// what unattended-upgrades installs; what is only in jammy-updates waits for an
// administrator.
type Patch struct {
	Package string `json:"package"`
	Version string `json:"version"`
	// Reboot says that what runs keeps the old version until the machine boots.
	// A kernel always does.
	Reboot bool `json:"reboot,omitempty"`
	// Breaks is a unit that does not run with it, or [BreaksBoot]; empty if it is
	// good.
	Breaks    string    `json:"breaks,omitempty"`
	Published time.Time `json:"published"`
	// Withdrawn says that nobody gets it any more. It stays where it is.
	Withdrawn bool `json:"withdrawn,omitempty"`
	// Event is the number of its publication on the timeline.
	Event int64 `json:"event,omitempty"`
}

// Archive is the security pocket that machines share. Its caller serialises all
// calls, with those of the machines.
type Archive struct {
	patches []Patch // in the order of their publication
}

// Patches are all patches, those that were withdrawn too, oldest first.
func (a *Archive) Patches() []Patch { return slices.Clone(a.patches) }

// Load makes the archive what [Archive.Patches] returned.
func (a *Archive) Load(patches []Patch) { a.patches = slices.Clone(patches) }

// Publish enters a patch of a package that the image has. The error says that
// there is no such package, or that it has that version or a newer one already.
func (a *Archive) Publish(i *Image, p Patch) error {
	def, ok := i.known(p.Package)
	switch {
	case !ok || !def.base:
		return fmt.Errorf("the nodes have no package %q that could be patched", clip(p.Package))
	case def.meta && kernelOf(p.Version) == "":
		return fmt.Errorf("version %q of %s names no kernel: want one such as 5.15.0.1112.109, for kernel 5.15.0-1112-azure", clip(p.Version), p.Package)
	case !versionForm.MatchString(p.Version):
		return fmt.Errorf("%q is no version of a Debian package: want one such as 3.0.2-0ubuntu1.21", clip(p.Version))
	case compareVersions(p.Version, def.version) <= 0:
		return fmt.Errorf("%s %s is not newer than the node image's %s", p.Package, p.Version, def.version)
	}
	if was, ok := a.newest(p.Package); ok && compareVersions(p.Version, was.Version) <= 0 {
		return fmt.Errorf("%s %s is not newer than %s, which is published already", p.Package, p.Version, was.Version)
	}
	if _, ok := a.find(p.Package, p.Version); ok {
		return fmt.Errorf("%s %s was withdrawn: publish a newer version", p.Package, p.Version)
	}
	p.Reboot = p.Reboot || def.kernel != ""
	a.patches = append(a.patches, p)
	return nil
}

// Withdraw takes a patch back. The error says that there is none.
func (a *Archive) Withdraw(pkg, version string) (Patch, error) {
	if i := a.index(pkg, version); i >= 0 && !a.patches[i].Withdrawn {
		a.patches[i].Withdrawn = true
		return a.patches[i], nil
	}
	return Patch{}, fmt.Errorf("no patch %s %s is published", clip(pkg), clip(version))
}

// newest is the newest patch of a package that can be had.
func (a *Archive) newest(pkg string) (newest Patch, ok bool) {
	if a == nil {
		return newest, false
	}
	for _, p := range a.patches {
		if p.Package == pkg && !p.Withdrawn && (!ok || compareVersions(p.Version, newest.Version) > 0) {
			newest, ok = p, true
		}
	}
	return newest, ok
}

// find is the patch of a package by its version, withdrawn or not.
func (a *Archive) find(pkg, version string) (Patch, bool) {
	if a == nil {
		return Patch{}, false
	}
	i := a.index(pkg, version)
	if i < 0 {
		return Patch{}, false
	}
	return a.patches[i], true
}

func (a *Archive) index(pkg, version string) int {
	return slices.IndexFunc(a.patches, func(p Patch) bool { return p.Package == pkg && p.Version == version })
}

// NextVersion is the version of a package that would come after all that the
// machines' archives have; empty if the image has no such package.
func (a *Archive) NextVersion(i *Image, pkg string) string {
	def, ok := i.known(pkg)
	if !ok || !def.base {
		return ""
	}
	last := def.version
	if !def.meta && compareVersions(def.newer, last) > 0 {
		last = def.newer
	}
	for _, p := range a.patches {
		if p.Package == pkg && compareVersions(p.Version, last) > 0 {
			last = p.Version
		}
	}
	return successor(last, def.meta)
}

// versionForm is the form of the version of a package (Debian Policy Manual,
// section 5.6.12).
var versionForm = regexp.MustCompile(`^(\d{1,4}:)?\d[A-Za-z0-9.+~-]{0,60}$`)

// metaVersion is the form of the version of a package that wants a kernel:
// 5.15.0.1110.107 wants 5.15.0-1110.
var metaVersion = regexp.MustCompile(`^(\d{1,3}\.\d{1,3}\.\d{1,3})\.(\d{1,9})\.(\d{1,9})$`)

// kernelOf is the kernel that a version of linux-image-azure wants; empty if the
// version is not of that form.
func kernelOf(version string) string {
	m := metaVersion.FindStringSubmatch(version)
	if m == nil {
		return ""
	}
	return m[1] + "-" + m[2] + "-azure"
}

// Note gives a patch the number of its publication on the timeline, and returns it.
func (a *Archive) Note(pkg, version string, event int64) Patch {
	i := a.index(pkg, version)
	if i < 0 {
		return Patch{}
	}
	a.patches[i].Event = event
	return a.patches[i]
}
