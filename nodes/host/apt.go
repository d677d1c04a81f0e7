//lint:file-ignore ST1005 Errors are in the words of systemctl, apt-get and iptables.

package host

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// apt installs, upgrades and removes packages, which starts and stops units, and every
// night the patches of the security pocket.
type apt struct {
	processes
	iptables
	upgrades []Upgrade // that nobody has taken yet
}

// maxPackages is how many packages may be installed over those of the image.
const maxPackages = 200

// Install installs packages, or upgrades those that are installed. did is what
// dpkg says. Its errors are apt-get's.
func (h *apt) Install(now time.Time, names ...string) (did []string, err error) {
	list, err := h.find(names)
	if err != nil {
		return nil, err
	}
	var todo []choice
	for _, p := range list {
		v, ok := h.installed(p)
		switch {
		case ok && v == h.candidate(p):
			did = append(did, fmt.Sprintf("%s is already the newest version (%s).", p.name, v))
		case ok && h.OnHold(p.name):
			return did, errors.New("E: Held packages were changed and -y was used without --allow-change-held-packages.")
		default:
			todo = append(todo, choice{p, h.candidate(p)})
		}
	}
	done, err := h.installAll(now, todo)
	return append(did, done...), err
}

// Upgrade upgrades packages to the newest version, with no names all that can
// be.
func (h *apt) Upgrade(now time.Time, names ...string) (did []string, err error) {
	if len(names) == 0 {
		for name := range h.image.packages {
			names = append(names, name)
		}
		slices.Sort(names)
	}
	list, err := h.find(names)
	if err != nil {
		return nil, err
	}
	var todo []choice
	var kept []string
	for _, p := range list {
		v, ok := h.installed(p)
		switch {
		case !ok || v == h.candidate(p):
		case h.OnHold(p.name):
			kept = append(kept, p.name)
		default:
			todo = append(todo, choice{p, h.candidate(p)})
		}
	}
	if len(kept) > 0 {
		did = []string{"The following packages have been kept back:\n  " + strings.Join(kept, " ")}
	}
	done, err := h.installAll(now, todo)
	return append(did, done...), err
}

// choice is a package and the version that it is to get.
type choice struct {
	def     *packageDef
	version string
}

// unreachable says why a package cannot be fetched; nil if it can.
func (h *apt) unreachable(pkg string) error {
	dest, port, scheme := ubuntuArchive, 80, "http"
	if strings.HasPrefix(pkg, "moby-") {
		dest, port, scheme = microsoftArchive, 443, "https"
	}
	why, _ := h.EgressBlocked("tcp", port, dest)
	if why == "" && h.patching != nil && h.patching.Reach != nil {
		why = h.patching.Reach(port, dest)
	}
	if why == "" {
		return nil
	}
	return fmt.Errorf("E: Failed to fetch %s://%s/ubuntu/pool/%s  Unable to connect to %s:%s (%s)", scheme, dest, pkg, dest, scheme, why)
}

// installAll fetches packages and what they want, and sets them up.
func (h *apt) installAll(now time.Time, list []choice) (did []string, err error) {
	if len(list) == 0 {
		return nil, nil
	}
	var all []choice
	for _, x := range list {
		if x.def.meta {
			if k, ok := kernelPackage("linux-image-" + h.wantsKernel(x)); ok {
				if _, has := h.installed(k); !has {
					all = append(all, choice{k, k.version})
				}
			}
		}
		all = append(all, x)
	}
	for _, x := range all {
		if err := h.unreachable(x.def.name); err != nil {
			return nil, err
		}
	}
	for _, x := range all {
		p := x.def
		if v, ok := h.installed(p); ok && v == x.version {
			continue // named twice
		}
		if h.free() < p.size || len(h.d.Packages) >= maxPackages {
			err = errors.New("E: You don't have enough free space in /var/cache/apt/archives/.")
			break
		}
		lines, e := h.setUp(now, x)
		if did = append(did, lines...); e != nil {
			err = e
			break
		}
	}
	h.settle(now)
	return did, err
}

// setUp unpacks one package and starts its unit.
func (h *apt) setUp(now time.Time, x choice) ([]string, error) {
	d, p := h.change(), x.def
	old, had := h.installed(p)
	if !had {
		old = ""
	}
	d.used -= h.packageGrowth(p.name, old)
	d.Packages[p.name] = x.version
	h.wrote("package", p.name)
	if p.base && x.version == p.version {
		delete(d.Packages, p.name)
	}
	d.used += h.packageGrowth(p.name, x.version)
	did := []string{
		fmt.Sprintf("Unpacking %s (%s) ...", p.name, x.version),
		fmt.Sprintf("Setting up %s (%s) ...", p.name, x.version),
	}
	if err := h.unpack(now, p, had); err != nil {
		return did[:1], fmt.Errorf("dpkg: error processing archive %s (--unpack): %w", p.name, err)
	}
	h.Log(now, "", "dpkg", "installed "+p.name+" "+x.version)
	did = append(did, h.takeEffect(now, x, old)...)
	if p.kernel != "" && !p.meta {
		return append(did, h.kernelSetUp(now, p.name, p.kernel)...), nil
	}
	if p.unit == "" {
		return did, nil
	}
	if had {
		// Errors are in the journal: apt-get goes on without the service.
		_ = h.RestartUnit(now, p.unit)
		return did, nil
	}
	if s := h.edit(p.unit); !h.image.units[p.unit].base {
		s.Enabled = "enabled"
	}
	_ = h.StartUnit(now, p.unit)
	return append(did, fmt.Sprintf("Created symlink /etc/systemd/system/multi-user.target.wants/%s -> /lib/systemd/system/%s.", p.unit, p.unit)), nil
}

// takeEffect lets a patch have its effects: what needs a reboot says so, and what
// it breaks is found out when needrestart restarts it.
func (h *apt) takeEffect(now time.Time, x choice, old string) []string {
	patch, ok := h.archive().find(x.def.name, x.version)
	if !ok {
		return nil
	}
	if patch.Reboot {
		h.requireReboot(now, patch.Package)
		if d := h.change(); old != "" && d.Loaded[patch.Package] == "" {
			d.Loaded[patch.Package] = old
		}
	}
	if patch.Breaks == "" || patch.Breaks == BreaksBoot || patch.Breaks == x.def.unit || !h.Running(patch.Breaks) {
		return nil
	}
	// Errors are in the journal.
	_ = h.RestartUnit(now, patch.Breaks)
	return []string{"Restarting services...", " systemctl restart " + patch.Breaks}
}

// unpack writes a package's files; those of the image come back as they were.
func (h *apt) unpack(now time.Time, p *packageDef, had bool) error {
	if p.base {
		for _, file := range h.filesOf(p.name) {
			f := h.image.files[file]
			if f.config && (had || h.present(file)) {
				continue // an administrator's changes are kept
			}
			if err := h.unpackBase(now, file, f); err != nil {
				return err
			}
		}
		return nil
	}
	if p.kernel != "" {
		return nil
	}
	for file, n := range h.payload(now, p) {
		if err := h.place(now, file, n); err != nil {
			return err
		}
	}
	return nil
}

// unpackBase brings one file or directory of the image back.
func (h *apt) unpackBase(now time.Time, file string, f *imageFile) error {
	if !f.dir {
		return h.restore(now, file)
	}
	if e, ok := h.see(file); ok && e.dir {
		return nil
	}
	return h.makeDirs(now, file)
}

// payload returns the files that a package of the archive brings.
func (h *apt) payload(now time.Time, p *packageDef) map[string]*node {
	files := map[string]*node{}
	program := func(file string) {
		files[file] = &node{Mode: 0o755, Size: 4, Data: []byte("\x7fELF"), Mod: now, Pkg: p.name}
	}
	for _, name := range p.programs {
		program("/usr/bin/" + name)
	}
	if u := h.image.units[p.unit]; u != nil {
		program(u.program())
		files[u.file] = written(now, p.name, u.content())
	}
	if p.config != "" && !h.present(p.config) {
		files[p.config] = written(now, p.name, "# Settings of "+p.name+".\n")
	}
	return files
}

// Remove removes packages, with purge their configuration too.
func (h *apt) Remove(now time.Time, purge bool, names ...string) (did []string, err error) {
	list, err := h.find(names)
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		if p.essential {
			return nil, errors.New("E: Essential packages were removed and -y was used without --allow-remove-essential.")
		}
	}
	for _, p := range list {
		version, ok := h.installed(p)
		if !ok {
			did = append(did, fmt.Sprintf("Package '%s' is not installed, so not removed", p.name))
		} else {
			did = append(did, fmt.Sprintf("Removing %s (%s) ...", p.name, version))
			h.takeAway(now, p, version)
		}
		if purge {
			did = append(did, h.purge(now, p)...)
		}
	}
	h.settle(now)
	return did, nil
}

// takeAway stops a package's unit and deletes its files.
func (h *apt) takeAway(now time.Time, p *packageDef, version string) {
	if p.unit != "" {
		h.stop(now, p.unit, "was removed")
		s := h.edit(p.unit)
		s.Active, s.Sub, s.Result, s.Restart, s.Enabled = inactive, "dead", "success", time.Time{}, ""
	}
	d := h.change()
	d.used -= h.packageGrowth(p.name, version)
	h.wrote("package", p.name)
	if d.Packages[p.name] = ""; !p.base {
		delete(d.Packages, p.name)
	}
	d.used += h.packageGrowth(p.name, "")
	for _, file := range h.filesOf(p.name) {
		if !h.image.files[file].config {
			h.remove(now, file)
		}
	}
	for file, n := range d.Files {
		if n.Pkg == p.name && !n.Gone && file != p.config {
			h.remove(now, file)
		}
	}
	h.Log(now, "", "dpkg", "removed "+p.name+" "+version)
	if p.kernel != "" && !p.meta {
		h.updateGrub(now)
	}
}

// purge deletes a package's configuration.
func (h *apt) purge(now time.Time, p *packageDef) []string {
	var files []string
	if p.config != "" && h.present(p.config) {
		files = append(files, p.config)
	}
	for _, file := range h.filesOf(p.name) {
		if h.image.files[file].config && h.present(file) {
			files = append(files, file)
		}
	}
	for _, file := range files {
		h.remove(now, file)
	}
	if len(files) == 0 {
		return nil
	}
	return []string{"Purging configuration files for " + p.name + " ..."}
}
