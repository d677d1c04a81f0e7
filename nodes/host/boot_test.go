package host

import (
	"strings"
	"testing"
)

func install(names ...string) func(*Host) error {
	return func(h *Host) error { _, err := h.Install(start, names...); return err }
}

func TestBoot(t *testing.T) {
	remove := func(path string) func(*Host) error {
		return func(h *Host) error { return h.Delete(start, path, true) }
	}
	write := func(path, text string) func(*Host) error {
		return func(h *Host) error { return h.Write(start, path, []byte(text), false) }
	}
	for name, c := range map[string]struct {
		change func(*Host) error
		kernel string
		err    string
	}{
		"nothing":                 {func(*Host) error { return nil }, "5.15.0-1110-azure", ""},
		"newer azure":             {install("linux-image-5.15.0-1112-azure"), "5.15.0-1112-azure", ""},
		"order is of numbers":     {install("linux-image-5.15.0-999-azure"), "5.15.0-1110-azure", ""},
		"metapackage azure":       {install("linux-image-azure"), "6.8.0-1015-azure", ""},
		"upgrade":                 {func(h *Host) error { _, err := h.Upgrade(start); return err }, "6.8.0-1015-azure", ""},
		"generic":                 {install("linux-image-6.8.0-45-generic"), "", "kernel 6.8.0-45-generic has no driver for the Hyper-V disk: dropped to the (initramfs) prompt"},
		"mainline":                {install("linux-image-unsigned-6.9.1-060901-generic"), "", "kernel 6.9.1-060901-generic has no driver"},
		"metapackage generic":     {install("linux-image-generic"), "", "kernel 5.15.0-119-generic has no driver"},
		"metapackage generic hwe": {install("linux-image-generic-hwe-22.04"), "", "kernel 6.8.0-45-generic has no driver"},
		"lowlatency":              {install("linux-image-5.15.0-119-lowlatency"), "", "kernel 5.15.0-119-lowlatency has no driver"},
		"generic removed again": {func(h *Host) error {
			if err := install("linux-image-6.8.0-45-generic")(h); err != nil {
				return err
			}
			_, err := h.Remove(start, true, "linux-image-6.8.0-45-generic")
			return err
		}, "5.15.0-1110-azure", ""},
		"no kernel left":  {func(h *Host) error { _, err := h.Remove(start, false, "linux-image-5.15.0-1110-azure"); return err }, "", "no kernel is installed"},
		"no vmlinuz":      {remove("/boot/vmlinuz-5.15.0-1110-azure"), "", "not found"},
		"no grub.cfg":     {remove("/boot/grub/grub.cfg"), "", "grub>"},
		"no /boot":        {remove("/boot"), "", "grub>"},
		"no /lib/systemd": {remove("/lib/systemd"), "", "No working init"},
		"no init":         {remove("/sbin/init"), "", "No working init"},
		"no /usr":         {remove("/usr"), "", "No working init"},
		"no /lib":         {remove("/lib"), "", "No working init"},
		"no /etc":         {remove("/etc"), "", "emergency mode"},
		"no root":         {remove("/"), "", "grub>"},
		"bad fstab":       {write("/etc/fstab", "# fine\n\n/dev/sdc1 /data ext4\n"), "", "/etc/fstab line 3 is damaged"},
		"good fstab":      {write("/etc/fstab", "/dev/sdc1 /data ext4 nofail 0 2\n"), "5.15.0-1110-azure", ""},
		"no fstab":        {remove("/etc/fstab"), "5.15.0-1110-azure", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost()
			do(t, c.change(h))
			if h.Kernel() != "5.15.0-1110-azure" || !h.Running(Kubelet) {
				t.Fatal("the change shows before the boot")
			}
			h.PowerLost(after(10))
			if h.Running(Kubelet) || h.Running(SSH) || !h.Next().IsZero() || len(h.Processes()) > 0 {
				t.Fatal("something runs without power")
			}
			err := h.Boot(after(40))
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || h.Running(Kubelet) || h.Uptime(after(60)) != 0 {
					t.Fatalf("boot: %v, want %s", err, c.err)
				}
				h.Reimage(after(60), nil)
				do(t, h.Boot(after(90)))
				if h.d != pristine {
					t.Errorf("left over after a reimage: %+v", h.d)
				}
				return
			}
			if err != nil || h.Kernel() != c.kernel || !h.Running(Kubelet) || h.RebootRequired() {
				t.Fatalf("boot: %v, kernel %s, kubelet %s", err, h.Kernel(), h.Why(Kubelet))
			}
		})
	}
}

func TestBootStartsWhatIsEnabled(t *testing.T) {
	h := newHost()
	do(t, h.DisableUnit(start, SSH))
	do(t, h.MaskUnit(start, "cron"))
	do(t, install("nginx")(h))
	do(t, h.Delete(start, "/var/lib/kubelet/config.yaml", false))
	do(t, h.StopUnit(start, NPD))
	do(t, h.Write(start, "/run/note", []byte("x"), false))
	do(t, h.Write(start, "/tmp/note", []byte("x"), false))
	do(t, h.SetPolicy("OUTPUT", "DROP"))
	do(t, h.Boot(after(5)))
	for unit, want := range map[string]string{
		SSH: "inactive (dead)", "cron": "inactive (dead)", "nginx": "", NPD: "", Containerd: "",
		Kubelet: "activating (auto-restart) (Result: exit-code)",
	} {
		if got := h.Why(unit); got != want {
			t.Errorf("%s: %q, want %q", unit, got, want)
		}
	}
	if _, err := h.Stat("/run/note"); err == nil || h.Policy("OUTPUT") != "ACCEPT" {
		t.Error("what is in memory outlived the boot")
	}
	if _, err := h.Stat("/tmp/note"); err != nil {
		t.Error("/tmp is on the disk")
	}
	for _, e := range h.Journal() {
		if e.Time.Equal(after(5)) && e.Unit == SSH {
			t.Errorf("the journal says %q of ssh", e.Message)
		}
	}
	if did := describe(runUntil(t, h, after(120))); did != "restore kubelet.service, start kubelet.service" {
		t.Errorf("did %s", did)
	}
}

func TestReimageSaysWhatIsLost(t *testing.T) {
	h := newHost()
	do(t, install("htop", "linux-image-azure")(h))
	if _, err := h.Remove(start, false, "jq", "cron"); err != nil {
		t.Fatal(err)
	}
	do(t, h.Write(start, "/etc/motd", []byte("mine\n"), false))
	do(t, h.Mkdir(start, "/root/data"))
	do(t, h.Write(start, "/root/data/a", []byte("a"), false))
	do(t, h.Delete(start, "/etc/fstab", false))
	do(t, h.DisableUnit(start, SSH))
	other := NewImage("AKSUbuntu-2204gen2containerd-202606.01.0", "v1.33.2")
	got := strings.Join(h.Reimage(after(10), other), "\n")
	want := `package cron (removed)
package htop
package linux-image-6.8.0-1015-azure
package linux-image-azure (upgraded)
unit ssh.service (disabled)
file /etc/fstab (deleted)
file /etc/motd (changed)
file /root/data/a`
	if got != want {
		t.Errorf("lost:\n%s\nwant:\n%s", got, want)
	}
	if h.Image() != other || h.Drifted() || h.d != pristine {
		t.Error("the host is not as the new image")
	}
	for i := range 30 {
		do(t, h.Write(start, "/root/"+strings.Repeat("x", i+1), nil, false))
	}
	if lost := h.Reimage(start, nil); len(lost) != 21 || lost[20] != "and 10 more" {
		t.Errorf("lost %q", lost)
	}
}
