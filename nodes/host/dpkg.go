//lint:file-ignore ST1005 Errors are in the words of systemctl, apt-get and iptables.

package host

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// dpkg is the database of packages, on the disk: which are installed, in which version, and
// which newer ones the archives have. [apt] changes it.
type dpkg struct{ disk }

// installed returns the version of a package that is installed.
func (h *dpkg) installed(p *packageDef) (version string, ok bool) {
	if v, changed := h.d.Packages[p.name]; changed {
		return v, v != ""
	}
	return p.version, p.base
}

// Packages returns the packages that are installed and those of the archives,
// by name; of the kernels only those that are installed.
func (h *dpkg) Packages() []Package {
	names := map[string]bool{}
	for name := range h.image.packages {
		names[name] = true
	}
	for name := range h.d.Packages {
		names[name] = true
	}
	var list []Package
	for _, name := range sorted(names) {
		p, ok := h.Package(name)
		_, kernel := kernelPackage(name)
		if ok && (p.Installed || !kernel) {
			list = append(list, p)
		}
	}
	return list
}

// Package returns the package of that name, installed or not.
func (h *dpkg) Package(name string) (Package, bool) {
	def, ok := h.image.known(name)
	if !ok {
		return Package{}, false
	}
	candidate := h.candidate(def)
	p := Package{Name: def.name, Version: candidate, Candidate: candidate, Description: def.description, Provider: def.provider, Held: h.OnHold(def.name)}
	if patch, ok := h.archive().newest(def.name); ok {
		p.Security = patch.Version == candidate
	}
	if v, ok := h.installed(def); ok {
		p.Installed, p.Version = true, v
	}
	return p, true
}

// find returns the packages of those names, if apt-get works; a version after "=" is
// ignored.
func (h *dpkg) find(names []string) (list []*packageDef, err error) {
	if err := h.aptReady(); err != nil {
		return nil, err
	}
	for _, name := range names {
		name, _, _ = strings.Cut(name, "=")
		p, ok := h.image.known(name)
		if !ok {
			return nil, fmt.Errorf("E: Unable to locate package %s", clip(name))
		}
		list = append(list, p)
	}
	return list, nil
}

// candidate is the newest version of a package that the archives have.
func (h *dpkg) candidate(p *packageDef) string {
	if patch, ok := h.archive().newest(p.name); ok && compareVersions(patch.Version, p.candidate()) > 0 {
		return patch.Version
	}
	return p.candidate()
}

// wantsKernel is the kernel that a version of a package brings with it.
func (h *dpkg) wantsKernel(x choice) string {
	if _, patch := h.archive().find(x.def.name, x.version); patch {
		return kernelOf(x.version)
	}
	return x.def.kernel
}

// packageGrowth is the bytes that a package of that version takes more than in
// the image, without the files that are listed.
func (h *dpkg) packageGrowth(name, version string) int64 {
	p, ok := h.image.known(name)
	switch {
	case !ok || p.kernel != "" && !p.meta:
		return 0 // a kernel's files are all listed
	case p.base && version == "":
		return -p.size / 2
	case !p.base && version != "":
		return p.size
	}
	return 0
}

// filesOf returns the image's files of a package.
func (h *dpkg) filesOf(pkg string) (list []string) {
	for file, f := range h.image.files {
		if f.pkg == pkg {
			list = append(list, file)
		}
	}
	slices.Sort(list)
	return list
}

// pending are the newest patches that are not installed, by package.
func (h *dpkg) pending() (list []Patch) {
	a := h.archive()
	if a == nil {
		return nil
	}
	for _, p := range a.patches {
		newest, _ := a.newest(p.Package)
		def, known := h.image.known(p.Package)
		if !known || newest.Version != p.Version || p.Withdrawn {
			continue
		}
		if v, has := h.installed(def); has && compareVersions(v, p.Version) < 0 {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b Patch) int { return strings.Compare(a.Package, b.Package) })
	return list
}

// OnHold says whether an administrator keeps a package at its version.
func (h *dpkg) OnHold(pkg string) bool { return h.d.OnHold[pkg] }

// HoldPackage keeps a package at its version, or lets it go: apt-mark's.
func (h *dpkg) HoldPackage(now time.Time, pkg string, held bool) {
	if h.OnHold(pkg) == held {
		return
	}
	d := h.change()
	if d.OnHold[pkg] = true; !held {
		delete(d.OnHold, pkg)
	}
	h.settle(now)
}

// HeldPackages are those that are on hold, by name.
func (h *dpkg) HeldPackages() []string { return sorted(h.d.OnHold) }

// Exposed says whether what runs of a package is older than a version, and is
// there at all. A kernel and what needs a reboot run until then as they were.
func (h *dpkg) Exposed(pkg, fixed string) bool {
	def, ok := h.image.known(pkg)
	if !ok {
		return false
	}
	if def.meta {
		return olderKernel(h.Kernel(), kernelOf(fixed)) < 0
	}
	v, has := h.installed(def)
	if h.d.Loaded[pkg] != "" {
		v = h.d.Loaded[pkg]
	}
	return has && compareVersions(v, fixed) < 0
}

// Flawed are the installed patches with which something does not work.
func (h *dpkg) Flawed() (list []Patch) {
	a := h.archive()
	if a == nil {
		return nil
	}
	return slices.DeleteFunc(a.Patches(), func(p Patch) bool { return p.Breaks == "" || h.d.Packages[p.Package] != p.Version })
}

// brokenBy is the installed patch with which a unit does not run, or with which
// the machine does not boot.
func (h *dpkg) brokenBy(what string) (Patch, bool) {
	for _, p := range h.Flawed() {
		if p.Breaks == what {
			return p, true
		}
	}
	return Patch{}, false
}

// aptReady says why apt-get cannot work, nil if it can.
func (h *dpkg) aptReady() error {
	switch {
	case h.off():
		return errOff
	case !h.present("/var/lib/dpkg/lock-frontend") || !h.present("/var/lib/dpkg/status"):
		return errors.New("E: Could not open lock file /var/lib/dpkg/lock-frontend - open (2: No such file or directory)")
	}
	return nil
}
