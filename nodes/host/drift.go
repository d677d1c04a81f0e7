package host

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// PodsDir is where a kubelet keeps the volumes of its pods: what is there is no change of
// the machine's.
const PodsDir = "/var/lib/kubelet/pods"

// maxLosses is how many things a reimage names.
const maxLosses = 20

// Drifted says whether anything on the machine differs from its image: disk,
// units, packet filter, kernel or processes. Its journal and logs do not count.
func (h *Host) Drifted() bool {
	d := h.d
	if d.Off || d.Kernel != "" || len(d.Processes) > 0 || len(d.Packages) > 0 || d.Firewall.drifted() {
		return true
	}
	for name, s := range d.Units {
		known := h.image.units[name]
		base := known != nil && known.base
		if s.Masked || s.Enabled != "" || s.Frozen || s.running() != base {
			return true
		}
	}
	for p := range d.Files {
		if h.fileDrift(p) != "" {
			return true
		}
	}
	return false
}

func (f *firewall) drifted() bool {
	return f != nil && (len(f.Policies)+len(f.Chains) > 0 || f.count() > 0)
}

// fileDrift says how a path differs from the image: "", "changed", "deleted"
// or "new".
func (h *Host) fileDrift(p string) string {
	n, f := h.d.Files[p], h.image.files[p]
	switch {
	case p == "/run" || below(p, "/run") || below(p, "/var/log") || p == PodsDir || below(p, PodsDir):
		return ""
	case n.Gone && !h.covered(p):
		return "deleted"
	case n.Gone:
		return ""
	case f == nil:
		return "new"
	case f.dir && n.Dir && !n.Opaque && n.Mode == f.mode:
		return ""
	case f.dir && n.Dir && n.Opaque:
		return "emptied"
	}
	if _, changed := h.altered(p); changed {
		return "changed"
	}
	return ""
}

// covered says whether a directory above p is gone too, or its package is.
func (h *Host) covered(p string) bool {
	f := h.image.files[p]
	if f != nil && f.pkg != "" {
		if def, ok := h.image.known(f.pkg); ok {
			_, has := h.installed(def)
			return !has
		}
	}
	return h.hidden(p) != nil
}

// Change is one way in which a machine's disk differs from its image.
type Change struct {
	Of  string // what differs: package NAME, unit NAME or file PATH
	How string // such as removed; empty for what is new
}

// String says it in words.
func (c Change) String() string {
	if c.How == "" {
		return c.Of
	}
	return c.Of + " (" + c.How + ")"
}

// Package is the package that differs, if it is one.
func (c Change) Package() (name string, ok bool) { return strings.CutPrefix(c.Of, "package ") }

// Words says changes in words, in no more than some twenty items.
func Words(changes []Change) (words []string) {
	for _, c := range changes[:min(len(changes), maxLosses)] {
		words = append(words, c.String())
	}
	if more := len(changes) - maxLosses; more > 0 {
		words = append(words, fmt.Sprintf("and %d more", more))
	}
	return words
}

// Changed is how the machine's disk lastingly differs from its image: packages,
// units and files. People's own and temporary files do not count, nor do the
// provider's patches.
func (h *Host) Changed() []Change {
	return h.list(h.patchOf, func(p string) bool {
		return below(p, "/home") || below(p, "/tmp") || below(p, "/var/tmp") || below(p, "/root")
	})
}

// losses says in words what a new disk does not have.
func (h *Host) losses() []string { return Words(h.list(never, never)) }

func never(string) bool { return false }

// list is what is not as in the image, of the packages and files those that are
// not to be left out.
func (h *Host) list(leavePackage, leaveOut func(name string) bool) (lost []Change) {
	lost = append(h.lostPackages(leavePackage), h.lostUnits()...)
	for _, p := range sorted(h.d.Files) {
		n := h.d.Files[p]
		if leaveOut(p) || n.Pkg != "" && !n.Gone || n.Dir && h.image.files[p] == nil && h.filled(p) {
			continue // told as a package, or by what is in it
		}
		switch drift := h.fileDrift(p); drift {
		case "":
		case "new":
			lost = append(lost, Change{Of: "file " + p})
		default:
			lost = append(lost, Change{"file " + p, drift})
		}
	}
	return lost
}

// filled says whether there is anything in a new directory.
func (h *Host) filled(p string) bool {
	for q := range h.d.Files {
		if q != "/" && path.Dir(q) == p {
			return true
		}
	}
	return false
}

// patchOf says whether a package is as a patch of the provider's has made it, and a good
// one: whoever installs it, it is what the next night would bring.
func (h *Host) patchOf(pkg string) bool {
	a := h.archive()
	if a == nil {
		return false
	}
	if p, ok := a.find(pkg, h.d.Packages[pkg]); ok {
		return p.Breaks == ""
	}
	k, ok := kernelPackage(pkg)
	return ok && slices.ContainsFunc(a.patches, func(p Patch) bool { return kernelOf(p.Version) == k.kernel })
}

func (h *Host) lostPackages(leaveOut func(name string) bool) (lost []Change) {
	for _, name := range sorted(h.d.Packages) {
		version := h.d.Packages[name]
		p, ok := h.image.known(name)
		switch {
		case !ok || leaveOut(name):
		case version == "":
			lost = append(lost, Change{"package " + name, "removed"})
		case p.base:
			lost = append(lost, Change{"package " + name, "upgraded"})
		default:
			lost = append(lost, Change{Of: "package " + name})
		}
	}
	return lost
}

func (h *Host) lostUnits() (lost []Change) {
	for _, name := range sorted(h.d.Units) {
		known := h.image.units[name]
		switch s := h.d.Units[name]; {
		case s.Masked:
			lost = append(lost, Change{"unit " + name, "masked"})
		case s.Enabled != "" && known != nil && known.base:
			lost = append(lost, Change{"unit " + name, s.Enabled})
		}
	}
	return lost
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
