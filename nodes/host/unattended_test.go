package host

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// patched is a machine that gets patches at twenty past six.
func patched(t *testing.T, patches ...Patch) *Host {
	t.Helper()
	a := &Archive{}
	for _, p := range patches {
		if err := a.Publish(testImage, p); err != nil {
			t.Fatal(err)
		}
	}
	h := newHost()
	h.SetPatching(&Patching{Archive: a, Delay: 20 * time.Minute})
	return h
}

// morning is the first run of the timer after the tests' start.
var morning = time.Date(2026, 6, 2, 6, 20, 0, 0, time.UTC)

func version(h *Host, pkg string) string {
	p, _ := h.Package(pkg)
	return p.Version
}

func TestCompareVersions(t *testing.T) {
	for _, tt := range []struct {
		older, newer string
	}{
		{"3.0.2-0ubuntu1.18", "3.0.2-0ubuntu1.20"}, {"3.0.2-0ubuntu1.9", "3.0.2-0ubuntu1.10"}, {"1.2~rc1-1", "1.2-1"}, {"1.2-1", "1.2a-1"},
		{"9.0-1", "1:0.1-1"}, {"5.15.0.1110.107", "5.15.0.1111.108"}, {"5.15.0.1111.108", "6.8.0.1015.17"}, {"1.0", "1.0+b1"}, {"", "0.1"},
	} {
		if compareVersions(tt.older, tt.newer) >= 0 || compareVersions(tt.newer, tt.older) <= 0 || compareVersions(tt.newer, tt.newer) != 0 {
			t.Errorf("%q is not older than %q", tt.older, tt.newer)
		}
	}
}

func TestNextVersion(t *testing.T) {
	a := &Archive{}
	for pkg, want := range map[string]string{
		"openssl": "3.0.2-0ubuntu1.21", "linux-image-azure": "5.15.0.1111.108", "moby-containerd": "1.7.27-ubuntu22.04u2", "nginx": "",
	} {
		if got := a.NextVersion(testImage, pkg); got != want {
			t.Errorf("after %s comes %q, want %q", pkg, got, want)
		}
	}
}

func TestPublishRefuses(t *testing.T) {
	a := &Archive{}
	if err := a.Publish(testImage, Patch{Package: "openssl", Version: "3.0.2-0ubuntu1.21"}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ pkg, version, want string }{
		{"openssl", "3.0.2-0ubuntu1.21", "published already"}, {"curl", "7.81.0-1ubuntu1.20", "not newer than the node image's"},
		{"nginx", "2.0-1", "no package"}, {"linux-image-azure", "5.16-1", "names no kernel"}, {"bash", "new", "no version"},
	} {
		if err := a.Publish(testImage, Patch{Package: tt.pkg, Version: tt.version}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %s: %v, want %q", tt.pkg, tt.version, err, tt.want)
		}
	}
}

// TestNightlyPatches checks what is installed, when, and what waits for a reboot.
func TestNightlyPatches(t *testing.T) {
	h := patched(t,
		Patch{Package: "openssl", Version: "3.0.2-0ubuntu1.21"}, Patch{Package: "libc6", Version: "2.35-0ubuntu3.11", Reboot: true},
		Patch{Package: "linux-image-azure", Version: "5.15.0.1111.108"}, Patch{Package: "curl", Version: "7.81.0-1ubuntu1.22"})
	h.HoldPackage(start, "curl", true)
	runUntil(t, h, morning.Add(-time.Second))
	if h.Next() != morning || version(h, "openssl") != "3.0.2-0ubuntu1.18" {
		t.Fatalf("next is %v, openssl %s; nothing may happen before %v", h.Next(), version(h, "openssl"), morning)
	}
	runUntil(t, h, morning)
	runs := h.TakeUpgrades()
	if len(runs) != 1 || len(runs[0].Installed) != 3 || runs[0].Failed != "" {
		t.Fatalf("runs %+v", runs)
	}
	if diff := cmp.Diff([]string{"curl"}, runs[0].Held); diff != "" {
		t.Error(diff)
	}
	if version(h, "openssl") != "3.0.2-0ubuntu1.21" || version(h, "curl") != "7.81.0-1ubuntu1.20" {
		t.Errorf("openssl %s, curl %s", version(h, "openssl"), version(h, "curl"))
	}
	if !h.RebootRequired() || h.Kernel() != testImage.Kernel {
		t.Errorf("reboot required %v, kernel %s", h.RebootRequired(), h.Kernel())
	}
	pkgs, _ := h.Read("/var/run/reboot-required.pkgs")
	if got := string(pkgs); got != "libc6\nlinux-image-5.15.0-1111-azure\nlinux-image-azure\n" {
		t.Errorf("reboot-required.pkgs: %q", got)
	}
	for _, pkg := range []string{"libc6", "linux-image-azure", "curl"} {
		if p, _ := h.archive().newest(pkg); !h.Exposed(pkg, p.Version) {
			t.Errorf("%s runs as it was and is not exposed", pkg)
		}
	}
	if h.Exposed("openssl", "3.0.2-0ubuntu1.21") {
		t.Error("openssl is exposed after its patch")
	}
	if changed := h.Changed(); len(changed) > 0 {
		t.Errorf("patches are taken for changes: %v", changed)
	}
	if h.Next() != morning.Add(24*time.Hour) {
		t.Errorf("next is %v, want a day later", h.Next())
	}
	if err := h.Boot(morning.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if h.RebootRequired() || h.Kernel() != "5.15.0-1111-azure" || h.Exposed("libc6", "2.35-0ubuntu3.11") || h.Exposed("linux-image-azure", "5.15.0.1111.108") {
		t.Errorf("after the boot: reboot required %v, kernel %s", h.RebootRequired(), h.Kernel())
	}
}

// TestMissedNightIsMadeUpFor checks that the timer is persistent.
func TestMissedNightIsMadeUpFor(t *testing.T) {
	h := patched(t, Patch{Package: "openssl", Version: "3.0.2-0ubuntu1.21"})
	h.PowerLost(start)
	late := morning.Add(5 * time.Hour)
	if next, _ := h.Step(late); !next.IsZero() {
		t.Errorf("a machine without power plans %v", next)
	}
	if err := h.Boot(late); err != nil {
		t.Fatal(err)
	}
	h.Step(late)
	if version(h, "openssl") != "3.0.2-0ubuntu1.21" {
		t.Error("the run was not made up for")
	}
}

func TestStoppedTimerPatchesNothing(t *testing.T) {
	h := patched(t, Patch{Package: "openssl", Version: "3.0.2-0ubuntu1.21"})
	if err := h.StopUnit(start, UpgradeTimer); err != nil {
		t.Fatal(err)
	}
	runUntil(t, h, morning.Add(24*time.Hour))
	if v := version(h, "openssl"); v != "3.0.2-0ubuntu1.18" {
		t.Errorf("openssl %s", v)
	}
}

// TestUnreachableArchive checks that a package whose source is closed does not
// keep others away.
func TestUnreachableArchive(t *testing.T) {
	h := patched(t, Patch{Package: "openssl", Version: "3.0.2-0ubuntu1.21"}, Patch{Package: "moby-runc", Version: "1.2.7-ubuntu22.04u1"})
	h.patching.Reach = func(port int, _ string) string {
		if port == 80 {
			return "rule no-web"
		}
		return ""
	}
	runUntil(t, h, morning)
	run := h.TakeUpgrades()[0]
	if !strings.Contains(run.Failed, "Unable to connect to azure.archive.ubuntu.com:http (rule no-web)") || len(run.Installed) != 1 || run.Installed[0].Package != "moby-runc" {
		t.Errorf("%+v", run)
	}
	log, _ := h.Read("/var/log/unattended-upgrades/unattended-upgrades.log")
	if !strings.Contains(string(log), "ERROR E: Failed to fetch http://azure.archive.ubuntu.com") {
		t.Errorf("the log does not say so:\n%s", log)
	}
}

// TestBadPatch checks what a bad patch does, and that a new disk is free of it.
func TestBadPatch(t *testing.T) {
	for _, breaks := range []string{Kubelet, Containerd, BreaksBoot} {
		h := patched(t, Patch{Package: "openssl", Version: "3.0.2-0ubuntu1.21", Breaks: breaks})
		runUntil(t, h, morning.Add(3*time.Minute))
		if changed := h.Changed(); len(changed) != 1 {
			t.Errorf("%s: a bad patch is no change: %v", breaks, changed)
		}
		bootErr := h.Boot(morning.Add(4 * time.Minute))
		if breaks == BreaksBoot {
			if bootErr == nil {
				t.Error("the machine boots")
			}
		} else if h.Running(breaks) || bootErr != nil {
			t.Errorf("%s runs: %v; boot: %v", breaks, h.Running(breaks), bootErr)
		}
		if _, err := h.archive().Withdraw("openssl", "3.0.2-0ubuntu1.21"); err != nil {
			t.Fatal(err)
		}
		h.Reimage(morning.Add(6*time.Minute), nil)
		if err := h.Boot(morning.Add(7 * time.Minute)); err != nil || !h.Running(Kubelet) || !h.Running(Containerd) {
			t.Errorf("%s: the new disk does not work: %v", breaks, err)
		}
		runUntil(t, h, morning.Add(48*time.Hour))
		if len(h.Flawed()) > 0 {
			t.Errorf("%s: a patch was installed that was withdrawn", breaks)
		}
	}
}
