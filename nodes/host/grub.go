package host

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// grub is the boot loader, with the kernels that packages bring and it boots.
type grub struct{ dpkg }

const rebootRequired = "/run/reboot-required"

// RebootRequired says whether an upgrade waits for a reboot.
func (h *grub) RebootRequired() bool { return h.present(rebootRequired) }

// kernels returns the versions of the kernels that are installed, the one that
// boots next first: one that somebody installed by another flavour than the
// image's, else the newest.
func (h *grub) kernels() []string {
	var list []string
	if _, ok := h.installed(h.image.packages["linux-image-"+h.image.Kernel]); ok {
		list = append(list, h.image.Kernel)
	}
	for name, version := range h.d.Packages {
		if k, ok := kernelPackage(name); ok && version != "" && !slices.Contains(list, k.kernel) {
			list = append(list, k.kernel)
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
func (h *grub) updateGrub(now time.Time) {
	// Without /boot there is nothing to write; the machine will not boot.
	_ = h.place(now, "/boot/grub/grub.cfg", written(now, "grub", grubConfig(h.kernels())))
}

// kernelSetUp writes the files of a kernel and asks for a reboot.
func (h *grub) kernelSetUp(now time.Time, pkg, kernel string) []string {
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

// requireReboot notes that a package waits for a reboot.
func (h *grub) requireReboot(now time.Time, pkg string) {
	_ = h.place(now, rebootRequired, written(now, "", "*** System restart required ***\n"))
	list := h.kept(rebootPackages)
	if !slices.Contains(strings.Fields(list), pkg) {
		list += pkg + "\n"
	}
	_ = h.place(now, rebootPackages, written(now, "", list))
}

// bootKernel returns the kernel that GRUB boots, or why the machine does not
// come up.
func (h *grub) bootKernel() (string, error) {
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
func (h *grub) userSpace() error {
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
	for line := range strings.Lines(e.text(h.name)) {
		n++
		line = strings.TrimSpace(line)
		if line != "" && line[0] != '#' && len(strings.Fields(line)) < 4 {
			return fmt.Errorf("/etc/fstab line %d is damaged: systemd stopped in emergency mode, which waits for the root password on the serial console", n)
		}
	}
	return nil
}
