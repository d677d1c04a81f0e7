package host

import (
	"slices"
	"strings"
	"testing"
)

func TestInstallAndRemove(t *testing.T) {
	h := newHost()
	before, _ := h.Disk()
	did, err := h.Install(start, "htop", "nginx")
	if err != nil || !slices.Contains(did, "Setting up htop (3.0.5-7build2) ...") || !present(h, "/usr/bin/htop") || !h.Running("nginx") {
		t.Fatalf("install: %v, %v", did, err)
	}
	if used, _ := h.Disk(); used <= before {
		t.Error("the packages take no space")
	}
	if did, err := h.Install(start, "htop"); err != nil || did[0] != "htop is already the newest version (3.0.5-7build2)." {
		t.Errorf("again: %v, %v", did, err)
	}
	if did, err := h.Remove(start, true, "htop", "nginx", "jq"); err != nil || !slices.Contains(did, "Package 'jq' is not installed, so not removed") {
		t.Errorf("remove: %v, %v", did, err)
	}
	if u, ok := h.Unit("nginx"); ok || u.Load != "not-found" || present(h, "/usr/bin/htop") || present(h, "/etc/nginx/nginx.conf") {
		t.Errorf("after the removal: %+v", u)
	}
	if used, _ := h.Disk(); used != before || len(h.d.Packages) > 0 {
		t.Errorf("%d bytes are used, want %d; packages %v", used, before, h.d.Packages)
	}
}

func TestPackageErrors(t *testing.T) {
	h := newHost()
	for _, name := range []string{"no-such-package", "", "a b", "linux-image-x", "linux-image-6.8.0-45-", "../x", "linux-image-6.8.0-99999999999-azure"} {
		if _, err := h.Install(start, name); err == nil || err.Error() != "E: Unable to locate package "+name {
			t.Errorf("install %q: %v", name, err)
		}
	}
	if _, err := h.Remove(start, false, "libc6"); err == nil || !strings.Contains(err.Error(), "Essential") {
		t.Errorf("remove libc6: %v", err)
	}
	do(t, h.AddRule("OUTPUT", 0, strings.Fields("-p tcp --dport 80 -j DROP")))
	if _, err := h.Install(start, "htop"); err == nil || !strings.Contains(err.Error(), "E: Failed to fetch") {
		t.Errorf("install without a network: %v", err)
	}
	do(t, h.Delete(start, "/var/lib/dpkg", true))
	if _, err := h.Install(start, "htop"); err == nil || !strings.Contains(err.Error(), "lock-frontend") {
		t.Errorf("install without dpkg: %v", err)
	}
}

func TestUpgrade(t *testing.T) {
	h := newHost()
	if _, err := h.Upgrade(start); err != nil {
		t.Fatal(err)
	}
	p, _ := h.Package("openssl")
	if p.Version != "3.0.2-0ubuntu1.20" || !h.RebootRequired() || !present(h, "/boot/vmlinuz-6.8.0-1015-azure") || !h.Running(SSH) {
		t.Errorf("openssl %+v, reboot required %t", p, h.RebootRequired())
	}
	if did, err := h.Upgrade(start); err != nil || len(did) > 0 {
		t.Errorf("second upgrade: %v, %v", did, err)
	}
	if u, _ := h.Unit(Kubelet); u.PID != testImage.units[Kubelet].pid {
		t.Error("the upgrade restarted the kubelet")
	}
}
