package host

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

const rebootRequired = "/run/reboot-required"

// Kernel returns the version of the kernel that runs.
func (h *Host) Kernel() string {
	if h.d != nil && h.d.Kernel != "" {
		return h.d.Kernel
	}
	return h.image.Kernel
}

// RebootRequired says whether an upgrade waits for a reboot.
func (h *Host) RebootRequired() bool { return h.present(rebootRequired) }

// kernels returns the versions of the kernels that are installed, the one that
// boots next first: one that somebody installed by another flavour than the
// image's, else the newest.
func (h *Host) kernels() []string {
	var list []string
	if _, ok := h.installed(h.image.packages["linux-image-"+h.image.Kernel]); ok {
		list = append(list, h.image.Kernel)
	}
	if h.d != nil {
		for name, version := range h.d.Packages {
			if k, ok := kernelPackage(name); ok && version != "" && !slices.Contains(list, k.kernel) {
				list = append(list, k.kernel)
			}
		}
	}
	slices.SortFunc(list, func(a, b string) int {
		if hyperV(a) != hyperV(b) {
			if hyperV(a) {
				return 1
			}
			return -1
		}
		return olderKernel(b, a)
	})
	return list
}

// hyperV says whether a kernel's initramfs has the driver of the VM's disk.
func hyperV(kernel string) bool { return strings.HasSuffix(kernel, "-azure") }

// grubConfig is the text of GRUB's configuration for kernels, the default
// first.
func grubConfig(kernels []string) string {
	var b strings.Builder
	b.WriteString("set default=0\nset timeout=0\n")
	for _, k := range kernels {
		fmt.Fprintf(&b, "menuentry 'Ubuntu, with Linux %s' {\n\tlinux /boot/vmlinuz-%s root=PARTUUID=0f2c8a54 ro console=ttyS0\n\tinitrd /boot/initrd.img-%s\n}\n", k, k, k)
	}
	return b.String()
}

// updateGrub writes GRUB's configuration for what is installed.
func (h *Host) updateGrub(now time.Time) {
	text := []byte(grubConfig(h.kernels()))
	// Without /boot there is nothing to write; the machine will not boot.
	_ = h.place(now, "/boot/grub/grub.cfg", &node{Mode: 0o644, Size: int64(len(text)), Data: text, Mod: now, Pkg: "grub"})
}

// kernelSetUp writes the files of a kernel and asks for a reboot.
func (h *Host) kernelSetUp(now time.Time, pkg, kernel string) []string {
	if kernel != h.image.Kernel {
		for file, size := range map[string]int64{
			"/boot/vmlinuz-" + kernel:                         kernelSize,
			"/boot/initrd.img-" + kernel:                      initrdSize,
			"/usr/lib/modules/" + kernel + "/modules.builtin": modulesSize,
		} {
			_ = h.place(now, file, &node{Mode: 0o644, Size: size, Mod: now, Pkg: pkg})
		}
	}
	h.updateGrub(now)
	h.requireReboot(now, pkg)
	return []string{
		"update-initramfs: Generating /boot/initrd.img-" + kernel,
		"Found linux image: /boot/vmlinuz-" + kernel,
	}
}

// bootKernel returns the kernel that GRUB boots, or why the machine does not
// come up.
func (h *Host) bootKernel() (string, error) {
	kernels := h.kernels()
	if e, ok := h.see("/boot/grub/grub.cfg"); !ok || e.dir || e.size == 0 {
		return "", errors.New("GRUB found no /boot/grub/grub.cfg: stopped at the grub> prompt")
	}
	if len(kernels) == 0 {
		return "", errors.New("no kernel is installed: GRUB has an empty menu and stopped at the grub> prompt")
	}
	k := kernels[0]
	if !h.present("/boot/vmlinuz-" + k) {
		return k, fmt.Errorf("GRUB: error: file '/boot/vmlinuz-%s' not found; you need to load the kernel first", k)
	}
	if !h.present("/boot/initrd.img-" + k) {
		return k, errors.New("Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)")
	}
	if !hyperV(k) {
		return k, fmt.Errorf("kernel %s has no driver for the Hyper-V disk: dropped to the (initramfs) prompt", k)
	}
	if bad, ok := h.brokenBy(BreaksBoot); ok {
		return k, fmt.Errorf("Kernel panic - not syncing: Attempted to kill init! (package %s %s)", bad.Package, bad.Version)
	}
	return k, h.userSpace()
}

// userSpace says why systemd does not come up on the root disk, nil if it does.
func (h *Host) userSpace() error {
	for _, p := range []string{"/usr", "/lib", "/sbin/init", "/lib/systemd", "/lib/systemd/systemd"} {
		if !h.present(p) {
			return fmt.Errorf("Kernel panic - not syncing: No working init found (%s is missing)", p)
		}
	}
	if !h.present("/etc") || !h.present("/etc/passwd") {
		return errors.New("/etc is damaged: systemd stopped in emergency mode, which waits for the root password on the serial console")
	}
	e, ok := h.see("/etc/fstab")
	if !ok || e.dir {
		return nil
	}
	n := 0
	for line := range strings.Lines(e.text(h)) {
		n++
		line = strings.TrimSpace(line)
		if line != "" && line[0] != '#' && len(strings.Fields(line)) < 4 {
			return fmt.Errorf("/etc/fstab line %d is damaged: systemd stopped in emergency mode, which waits for the root password on the serial console", n)
		}
	}
	return nil
}

// PowerLost ends all that runs. What is in memory is gone: processes, packet
// filter, /run. What is planned is too.
func (h *Host) PowerLost(now time.Time) {
	d := h.change()
	for name, s := range d.Units {
		*s = unitState{
			Active: inactive, Sub: "dead", Result: "success",
			Enabled: s.Enabled, Masked: s.Masked, Settings: s.Settings,
		}
		if s.Enabled == "" && !s.Masked {
			delete(d.Units, name)
		}
	}
	d.Off = true
	d.Request, d.Kernel, d.Loaded = "", "", nil
	if d.Upgraded.IsZero() {
		d.Upgraded = h.booted // what the timer misses from now on is made up for
	}
	d.Processes, d.Firewall, d.Monitors = nil, nil, nil
	for p, n := range d.Files {
		if p == "/run" || below(p, "/run") {
			d.kept -= len(n.Data)
			delete(d.Files, p)
		}
	}
}

// Boot starts the machine: first it loses power, if it had it. The error says
// why it does not come up; then nothing runs.
func (h *Host) Boot(now time.Time) error {
	h.PowerLost(now)
	d := h.d
	kernel, err := h.bootKernel()
	if err != nil {
		return err
	}
	d.Off = false
	d.NotStarted = nil
	h.booted = now
	if kernel != h.image.Kernel {
		d.Kernel = kernel
	}
	for _, name := range h.bootUnits() {
		h.bootUnit(now, name)
	}
	h.settle(now)
	h.forget()
	return nil
}

// bootUnits are the names of all units.
func (h *Host) bootUnits() []string {
	names := slices.Clone(h.image.unitNames)
	for _, u := range h.Units() {
		if h.image.units[u.Name] == nil {
			names = append(names, u.Name)
		}
	}
	return names
}

// bootUnit starts a unit if it is enabled. One of the image's that starts well
// has no state of its own.
func (h *Host) bootUnit(now time.Time, name string) {
	known := h.image.units[name]
	base := known != nil && known.base
	def, ok := h.definition(name)
	wanted := ok && h.enabled(def) != "disabled" && h.enabled(def) != "masked" && !(def.static && !base)
	var f flaw
	if ok {
		f = h.flawOf(def)
	}
	if wanted && base && f.status == "" && !h.held(name) {
		if s := h.d.Units[name]; s != nil {
			s.Active, s.Sub, s.PID, s.Since = active, "running", known.pid, now
		}
		return
	}
	if base {
		h.d.NotStarted = append(h.d.NotStarted, name)
		s := h.edit(name)
		*s = unitState{
			Active: inactive, Sub: "dead", Result: "success", Broken: now, Died: "was not started at boot",
			Enabled: s.Enabled, Masked: s.Masked, Settings: s.Settings,
		}
	}
	if wanted && h.held(name) {
		s := h.edit(name)
		s.Active, s.Sub, s.Restart = activating, "auto-restart", wholeSecond(now.Add(def.delay))
	} else if wanted {
		// What fails is in the journal and in the unit's state.
		_ = h.start(now, name)
	}
}

// forget drops the delta if nothing in it says anything.
func (h *Host) forget() {
	d := h.d
	if d.Off || d.Kernel != "" || d.Request != "" || d.Firewall != nil {
		return
	}
	if len(d.Held)+len(d.Units)+len(d.Monitors)+len(d.Processes)+len(d.Packages)+len(d.OnHold)+len(d.Files)+len(d.Journal) == 0 && (h.patching == nil || d.Upgraded.IsZero()) {
		h.d = nil
	}
}

// Reimage gives the machine a new disk with the image; nil is the one it has.
// Whether it is on does not change, nor do holds. It returns what was lost.
func (h *Host) Reimage(now time.Time, image *Image) (lost []string) {
	lost = h.losses()
	if image != nil {
		h.image = image
	}
	if h.d == nil {
		return lost
	}
	old := h.d
	h.d = &delta{Off: old.Off, Held: old.Held}
	if h.patching != nil {
		h.d.Upgraded = now // a new disk has missed no night
	}
	h.forget()
	return lost
}
