package host

import (
	"errors"
	"strings"
	"testing"
)

// do runs a change that must work.
func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func kill(t *testing.T, h *Host, unit string, signal int) {
	t.Helper()
	u, _ := h.Unit(unit)
	do(t, h.Kill(start, u.PID, signal))
}

// blind stops both monitors.
func blind(t *testing.T, h *Host) {
	t.Helper()
	do(t, h.StopUnit(start, KubeletMonitor))
	do(t, h.StopUnit(start, ContainerdMonitor))
}

func TestStartNeeds(t *testing.T) {
	for name, c := range map[string]struct {
		unit   string
		harm   func(h *Host) error
		status string // in the journal; "" is a start that works
	}{
		"nothing":    {Kubelet, func(h *Host) error { return nil }, ""},
		"no kubelet": {Kubelet, func(h *Host) error { return h.Delete(start, "/usr/local/bin/kubelet", false) }, "203/EXEC"},
		"not executable": {Kubelet, func(h *Host) error {
			const file = "/usr/local/bin/kubelet"
			return errors.Join(h.Delete(start, file, false), h.Write(start, file, []byte("\x7fELF"), false))
		}, "203/EXEC"},
		"no config":         {Kubelet, func(h *Host) error { return h.Delete(start, "/var/lib/kubelet/config.yaml", false) }, "1/FAILURE"},
		"empty config":      {Kubelet, func(h *Host) error { return h.Write(start, "/var/lib/kubelet/config.yaml", nil, false) }, "1/FAILURE"},
		"config no mapping": {Kubelet, func(h *Host) error { return h.Write(start, "/var/lib/kubelet/config.yaml", []byte("- a\n"), false) }, "1/FAILURE"},
		"config no YAML":    {Kubelet, func(h *Host) error { return h.Write(start, "/var/lib/kubelet/config.yaml", []byte("a: [\n"), false) }, "1/FAILURE"},
		"other config": {Kubelet, func(h *Host) error {
			return h.Write(start, "/var/lib/kubelet/config.yaml", []byte("maxPods: 3\n"), false)
		}, ""},
		"no defaults":   {Kubelet, func(h *Host) error { return h.Delete(start, "/etc/default/kubelet", false) }, "1/FAILURE"},
		"no kubeconfig": {Kubelet, func(h *Host) error { return h.Delete(start, "/var/lib/kubelet/kubeconfig", false) }, "1/FAILURE"},
		"bootstrap": {Kubelet, func(h *Host) error {
			return errors.Join(h.Delete(start, "/var/lib/kubelet/kubeconfig", false), h.Write(start, "/var/lib/kubelet/bootstrap-kubeconfig", nil, false))
		}, ""},
		"no containerd":      {Containerd, func(h *Host) error { return h.Delete(start, "/usr/bin/containerd", false) }, "203/EXEC"},
		"no /usr":            {Containerd, func(h *Host) error { return h.Delete(start, "/usr/bin", true) }, "203/EXEC"},
		"no containerd.toml": {Containerd, func(h *Host) error { return h.Delete(start, "/etc/containerd/config.toml", false) }, "1/FAILURE"},
		"bad containerd.toml": {Containerd, func(h *Host) error {
			return h.Write(start, "/etc/containerd/config.toml", []byte("hello world\n"), false)
		}, "1/FAILURE"},
		"no network agent": {CNS, func(h *Host) error { return h.Delete(start, "/opt/azure", true) }, "203/EXEC"},
		"other program": {Kubelet, func(h *Host) error {
			return h.Write(start, "/etc/systemd/system/kubelet.service", []byte("[Service]\nExecStart=/bin/sleep inf\n"), false)
		}, "1/FAILURE"},
		"agent": {Agent, func(h *Host) error { return nil }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost()
			do(t, c.harm(h))
			if !h.Running(c.unit) {
				t.Fatal("what runs must go on")
			}
			err := h.RestartUnit(start, c.unit)
			if (err == nil) != (c.status == "") || h.Running(c.unit) != (c.status == "") {
				t.Fatalf("restart: %v; runs: %t", err, h.Running(c.unit))
			}
			if err != nil && err.Error() != "Job for "+c.unit+" failed because the control process exited with error code." {
				t.Errorf("the error is %q", err)
			}
			var journal strings.Builder
			for _, e := range h.Journal() {
				journal.WriteString(e.Message + "\n")
			}
			if c.status != "" && !strings.Contains(journal.String(), "status="+c.status) {
				t.Errorf("no %s in the journal:\n%s", c.status, journal.String())
			}
		})
	}
}

func TestUnitErrors(t *testing.T) {
	h := newHost()
	blind(t, h)
	do(t, h.MaskUnit(start, "kubelet"))
	do(t, h.StopUnit(start, "kubelet"))
	h.Hold(CNS, true)
	do(t, h.StopUnit(start, CNS))
	for _, c := range []struct {
		err  error
		want string
	}{
		{h.StartUnit(start, "foo"), "Unit foo.service not found."},
		{h.StartUnit(start, "kubelet"), "Unit kubelet.service is masked."},
		{h.RestartUnit(start, "kubelet"), "Failed to restart kubelet.service: Unit kubelet.service is masked."},
		{h.StartUnit(start, CNS), "Job for azure-cns.service failed: an injected fault holds the unit down."},
		{h.StopUnit(start, "foo"), "Failed to stop foo.service: Unit foo.service not loaded."},
		{h.EnableUnit(start, "foo"), "Failed to enable unit: Unit file foo.service does not exist."},
		{h.EnableUnit(start, "kubelet"), "Failed to enable unit: Unit file /etc/systemd/system/kubelet.service is masked."},
	} {
		if c.err == nil || c.err.Error() != c.want {
			t.Errorf("got %v, want %s", c.err, c.want)
		}
	}
	if u, _ := h.Unit("kubelet"); u.Load != "masked" || u.Enabled != "masked" || !u.Masked {
		t.Errorf("the masked unit is %+v", u)
	}
}

func TestSystemdRestarts(t *testing.T) {
	for _, c := range []struct {
		unit    string
		signal  int
		why     string
		seconds int
		detail  string
	}{
		{Kubelet, 9, "activating (auto-restart) (Result: signal)", 2, "systemd restarted kubelet.service 2 s after it was killed"},
		{Kubelet, 15, "activating (auto-restart)", 2, "systemd restarted kubelet.service 2 s after it was killed"},
		{Containerd, 9, "activating (auto-restart) (Result: signal)", 5, "systemd restarted containerd.service 5 s after it was killed"},
		{SSH, 9, "activating (auto-restart) (Result: signal)", 10, "systemd restarted ssh.service 10 s after it was killed"},
	} {
		h := newHost()
		kill(t, h, c.unit, c.signal)
		if got := h.Why(c.unit); got != c.why {
			t.Errorf("%s: %q, want %q", c.unit, got, c.why)
		}
		if c.unit == Containerd && !h.Running(Kubelet) {
			t.Error("the kubelet stopped with containerd")
		}
		did := runUntil(t, h, after(c.seconds-1))
		if len(did) > 0 || h.Running(c.unit) {
			t.Errorf("%s came back early: %v", c.unit, did)
		}
		did = runUntil(t, h, after(c.seconds))
		if len(did) != 1 || did[0].Kind != Restarted || did[0].Detail != c.detail || !did[0].Broken.Equal(start) {
			t.Errorf("%s: %+v", c.unit, did)
		}
		if did := runUntil(t, h, after(600)); len(did) > 0 || !h.Next().IsZero() || h.Drifted() {
			t.Errorf("%s: later %v, next %v", c.unit, did, h.Next())
		}
	}
}

func TestStartLimit(t *testing.T) {
	h := newHost()
	blind(t, h)
	do(t, h.Delete(start, "/usr/local/bin/kubelet", false))
	kill(t, h, Kubelet, 9)
	if did := runUntil(t, h, after(3600)); len(did) > 0 {
		t.Errorf("did %v", did)
	}
	if got, want := h.Why(Kubelet), "failed (Result: start-limit-hit)"; got != want || !h.Next().IsZero() {
		t.Errorf("%q, want %q; next %v", got, want, h.Next())
	}
	u, _ := h.Unit(Kubelet)
	if !u.Since.Equal(after(10)) {
		t.Errorf("systemd gave up at %v, want after 5 starts at 2 s", u.Since)
	}
}

func TestHold(t *testing.T) {
	h := newHost()
	h.Hold(SSH, true)
	kill(t, h, SSH, 9)
	if did := runUntil(t, h, after(600)); len(did) > 0 || h.Running(SSH) {
		t.Fatalf("a held unit came back: %v", did)
	}
	do(t, h.Boot(after(700)))
	if h.Running(SSH) {
		t.Fatal("a held unit came back at boot")
	}
	h.Hold(SSH, false)
	if did := runUntil(t, h, after(720)); len(did) != 1 || !h.Running(SSH) {
		t.Fatalf("did %v after the hold", did)
	}

	h.Hold(Kubelet, true)
	do(t, h.StopUnit(after(720), Kubelet))
	if did := runUntil(t, h, after(1200)); len(did) > 0 || h.Running(Kubelet) {
		t.Fatalf("a held kubelet came back: %v", did)
	}
	h.Hold(Kubelet, false)
	if did := runUntil(t, h, after(1230)); len(did) != 1 || did[0].Kind != Started {
		t.Fatalf("did %v after the hold of the kubelet", did)
	}
}

func TestAdministratorsUnit(t *testing.T) {
	h := newHost()
	const text = "[Unit]\nDescription=Miner\n[Service]\nExecStart=/usr/bin/miner\nRestart=always\nRestartSec=3\n[Install]\nWantedBy=multi-user.target\n"
	do(t, h.Write(start, "/lib/systemd/system/miner.service", []byte(text), false))
	u, ok := h.Unit("miner")
	if !ok || u.Enabled != "disabled" || u.Description != "Miner" || u.File != "/usr/lib/systemd/system/miner.service" {
		t.Fatalf("the unit is %+v", u)
	}
	do(t, h.EnableUnit(start, "miner"))
	do(t, h.Boot(after(60)))
	if !h.Running("miner") {
		t.Errorf("not started at boot: %s", h.Why("miner"))
	}
	u, _ = h.Unit("miner")
	do(t, h.Kill(after(61), u.PID, 9))
	if did := runUntil(t, h, after(64)); len(did) != 1 {
		t.Errorf("did %v", did)
	}
}
