package host

import (
	"strings"
	"testing"
)

// The start is 10 s into a half minute: looks are at 20 s, 50 s, 80 s …
func TestMonitorsHeal(t *testing.T) {
	stop := func(unit string) func(*Host) error {
		return func(h *Host) error { return h.StopUnit(start, unit) }
	}
	for name, c := range map[string]struct {
		harm    []func(*Host) error
		healed  int // seconds after the harm; 0 is never
		actions string
	}{
		"kubelet stopped":             {[]func(*Host) error{stop(Kubelet)}, 50, "start kubelet.service"},
		"containerd stopped":          {[]func(*Host) error{stop(Containerd)}, 50, "start containerd.service"},
		"network agent stopped":       {[]func(*Host) error{stop(CNS)}, 50, "start azure-cns.service"},
		"problem detector stopped":    {[]func(*Host) error{stop(NPD)}, 50, "start node-problem-detector.service"},
		"agent stopped":               {[]func(*Host) error{stop(Agent)}, 50, "start walinuxagent.service"},
		"ssh is nobody's":             {[]func(*Host) error{stop(SSH)}, 0, ""},
		"a monitor heals the other":   {[]func(*Host) error{stop(KubeletMonitor)}, 50, "start kubelet-monitor.service"},
		"no monitors":                 {[]func(*Host) error{stop(KubeletMonitor), stop(ContainerdMonitor), stop(Kubelet)}, 0, ""},
		"monitor and kubelet stopped": {[]func(*Host) error{stop(KubeletMonitor), stop(Kubelet)}, 110, "start kubelet-monitor.service, start kubelet.service"},
		"kubelet masked": {[]func(*Host) error{stop(Kubelet), func(h *Host) error { return h.MaskUnit(start, Kubelet) }},
			50, "restore kubelet.service, start kubelet.service"},
		"kubelet disabled": {[]func(*Host) error{func(h *Host) error { return h.DisableUnit(start, Kubelet) }}, 50, "restore kubelet.service"},
		"files deleted, then stopped": {[]func(*Host) error{
			func(h *Host) error { return h.Delete(start, "/var/lib/kubelet/config.yaml", false) },
			func(h *Host) error { return h.Delete(start, "/var/lib/kubelet/kubeconfig", false) }, stop(Kubelet)},
			50, "restore kubelet.service, restore kubelet.service, start kubelet.service"},
		"kubelet deleted and killed": {[]func(*Host) error{
			func(h *Host) error { return h.Delete(start, "/usr/local/bin/kubelet", false) },
			func(h *Host) error { u, _ := h.Unit(Kubelet); return h.Kill(start, u.PID, 9) }},
			50, "restore kubelet.service, start kubelet.service"},
		"containerd's config broken": {[]func(*Host) error{func(h *Host) error {
			return h.Write(start, "/etc/containerd/config.toml", []byte("broken"), false)
		}}, 50, "restore containerd.service"},
		"kubelet frozen": {[]func(*Host) error{func(h *Host) error { u, _ := h.Unit(Kubelet); return h.Kill(start, u.PID, 19) }},
			50, "start kubelet.service"},
		"containerd removed": {[]func(*Host) error{func(h *Host) error { _, err := h.Remove(start, false, "moby-containerd"); return err }}, 0, ""},
		"binary of a package deleted": {[]func(*Host) error{
			func(h *Host) error { return h.Delete(start, "/usr/bin/containerd", false) }, stop(Containerd)}, 0, ""},
		"no cache": {[]func(*Host) error{
			func(h *Host) error { return h.Delete(start, "/opt", true) },
			func(h *Host) error { return h.Delete(start, "/usr/local/bin/kubelet", false) }, stop(Kubelet)}, 0, ""},
		"all deleted": {[]func(*Host) error{func(h *Host) error { return h.Delete(start, "/", true) }}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost()
			for _, harm := range c.harm {
				do(t, harm(h))
			}
			if c.healed > 0 {
				early := runUntil(t, h, after(c.healed-1))
				if c.actions == describe(early) {
					t.Errorf("healed too early: %v", early)
				}
				did := append(early, runUntil(t, h, after(c.healed))...)
				if got := describe(did); got != c.actions {
					t.Errorf("got %s, want %s", got, c.actions)
				}
				for _, a := range did {
					if a.Broken.Before(start) || a.Noticed.Before(a.Broken) || a.Detail == "" {
						t.Errorf("odd action %+v", a)
					}
				}
				if h.Drifted() {
					t.Error("the host is not as before")
				}
			}
			did := runUntil(t, h, after(1800))
			if len(did) > 0 || c.healed > 0 && !h.Next().IsZero() {
				t.Errorf("later: %v, next %v", did, h.Next())
			}
			if c.healed == 0 && !h.Drifted() {
				t.Error("healed by nobody")
			}
		})
	}
}

func describe(did []Action) string {
	var list []string
	for _, a := range did {
		list = append(list, a.Kind+" "+a.Unit)
	}
	return strings.Join(list, ", ")
}

func TestHealTimesOfALook(t *testing.T) {
	h := newHost()
	do(t, h.StopUnit(start, Kubelet))
	did := runUntil(t, h, after(60))
	if len(did) != 1 || !did[0].Broken.Equal(start) || !did[0].Noticed.Equal(after(20)) {
		t.Fatalf("did %+v, want noticed 20 s after the start", did)
	}
	if want := "kubelet-monitor started kubelet.service 50 s after it was stopped"; did[0].Detail != want {
		t.Errorf("%q, want %q", did[0].Detail, want)
	}
}

func TestKilledMonitorComesBack(t *testing.T) {
	h := newHost()
	kill(t, h, KubeletMonitor, 9)
	do(t, h.StopUnit(start, Kubelet))
	did := runUntil(t, h, after(80))
	if got, want := describe(did), "restart kubelet-monitor.service, start kubelet.service"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestMonitorSaysWhatItLeaves(t *testing.T) {
	h := newHost()
	if _, err := h.Remove(start, false, "moby-containerd"); err != nil {
		t.Fatal(err)
	}
	runUntil(t, h, after(600))
	said := 0
	for _, e := range h.Journal() {
		if e.Message == "package moby-containerd is not installed; left to node auto-repair" {
			said++
		}
	}
	if u, ok := h.Unit(Containerd); ok || u.Load != "not-found" || h.Why(Containerd) != "not found" {
		t.Errorf("the unit is %+v, why %q", u, h.Why(Containerd))
	}
	if said != 1 {
		t.Errorf("said %d times, want once", said)
	}
	if _, err := h.Install(after(600), "moby-containerd"); err != nil || !h.Running(Containerd) {
		t.Errorf("install: %v, %s", err, h.Why(Containerd))
	}
	if runUntil(t, h, after(1200)); h.Drifted() {
		t.Errorf("still differs: %v", h.losses())
	}
}
