package host

import (
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// start is no multiple of 30 s, so that looks of monitors are told apart.
var start = time.Date(2026, 6, 1, 12, 0, 10, 0, time.UTC)

var testImage = NewImage("AKSUbuntu-2204gen2containerd-202605.14.0", "v1.33.1")

func newHost() *Host {
	h := New("aks-nodepool1-12345678-vmss000000", testImage)
	h.SetBooted(start.Add(-time.Hour))
	return h
}

// after is a time so many seconds after the start.
func after(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

// runUntil steps the machine through all that is due until a time.
func runUntil(t *testing.T, h *Host, end time.Time) (did []Action) {
	t.Helper()
	for range 1000 {
		next := h.Next()
		if next.IsZero() || next.After(end) {
			return did
		}
		if !next.Equal(next.Truncate(time.Second)) {
			t.Fatalf("next step at %v, want a whole second", next)
		}
		planned, actions := h.Step(next)
		if !planned.Equal(h.Next()) {
			t.Fatalf("Step returned %v and Next %v", planned, h.Next())
		}
		did = append(did, actions...)
	}
	t.Fatal("more than 1000 steps")
	return nil
}

func TestPristineHostIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Host{}); size > 300 {
		t.Errorf("a Host has %d bytes", size)
	}
	const n = 1000
	var before, behind runtime.MemStats
	hosts := make([]*Host, n)
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range hosts {
		hosts[i] = newHost()
	}
	for _, h := range hosts {
		h.Step(after(0))
		h.Running(Kubelet)
		h.Disk()
		h.EgressBlocked("tcp", 443, "mcr.microsoft.com")
		h.Drifted()
		h.TakePowerRequest()
		h.RebootRequired()
	}
	runtime.GC()
	runtime.ReadMemStats(&behind)
	if each := int64(behind.HeapAlloc-before.HeapAlloc) / n; each > 300 {
		t.Errorf("a pristine host takes %d bytes", each)
	}
	runtime.KeepAlive(hosts)
}

func TestPristineHostIsWell(t *testing.T) {
	h := newHost()
	for _, u := range []string{Kubelet, Containerd, CNS, NPD, Agent, SSH, KubeletMonitor, ContainerdMonitor} {
		if !h.Running(u) || h.Why(u) != "" {
			t.Errorf("%s does not run: %s", u, h.Why(u))
		}
		if got, ok := h.Unit(strings.TrimSuffix(u, ".service")); !ok || got.Load != "loaded" || got.Enabled != "enabled" || got.PID == 0 {
			t.Errorf("unit %s is %+v", u, got)
		}
		if def, ok := h.definition(u); !ok || h.flawOf(def).status != "" {
			t.Errorf("%s could not start: %v", u, h.flawOf(def))
		}
	}
	for _, u := range h.Units() {
		if u.Active != active {
			t.Errorf("%s is %s", u.Name, u.Active)
		}
	}
	if used, size := h.Disk(); used != diskUsed || size != 129886128<<10 {
		t.Errorf("the disk has %d of %d", used, size)
	}
	if testImage.listed > diskUsed {
		t.Errorf("the image lists %d bytes, more than the %d in use", testImage.listed, int64(diskUsed))
	}
	if used, size := h.Memory(); used <= 0 || used >= size {
		t.Errorf("memory is %d of %d", used, size)
	}
	if data, err := h.Save(); data != nil || err != nil {
		t.Errorf("saved %q, %v; want nothing", data, err)
	}
	if !h.Next().IsZero() || h.Drifted() || h.RebootRequired() || h.Kernel() != "5.15.0-1110-azure" {
		t.Error("a new host is not well")
	}
	if h.Uptime(start) != time.Hour {
		t.Errorf("uptime is %v", h.Uptime(start))
	}
	if text, err := h.Read("/etc/hostname"); string(text) != h.Name()+"\n" || err != nil {
		t.Errorf("hostname is %q, %v", text, err)
	}
	if lines := h.Journal(); len(lines) == 0 || !strings.HasPrefix(lines[0].Message, "Started ") {
		t.Errorf("the journal is %v", lines)
	}
}

func TestJournalIsBounded(t *testing.T) {
	h := newHost()
	for i := range 2 * journalLines {
		h.Log(after(i), "", "test", strings.Repeat("x", 2*messageLength))
	}
	lines := h.Journal()
	if len(lines) != journalLines || !lines[0].Time.Equal(after(journalLines)) || len(lines[0].Message) != messageLength {
		t.Errorf("%d lines from %v on", len(lines), lines[0].Time)
	}
}

func TestPowerRequests(t *testing.T) {
	h := newHost()
	h.RequestReboot(start)
	if got := h.TakePowerRequest(); got != "reboot" {
		t.Errorf("got %q", got)
	}
	h.RequestPowerOff(start)
	if got := h.TakePowerRequest() + h.TakePowerRequest(); got != "poweroff" {
		t.Errorf("got %q", got)
	}
}

func TestMemoryOfProcesses(t *testing.T) {
	h := newHost()
	before, _ := h.Memory()
	pid := h.Spawn(start, "stress-ng --vm 1", 4<<30)
	if used, _ := h.Memory(); used != before+4<<30 || !h.Drifted() {
		t.Errorf("%d bytes are used, want %d", used, before+4<<30)
	}
	if err := h.Kill(start, pid, 15); err != nil {
		t.Error(err)
	}
	if used, _ := h.Memory(); used != before || h.Drifted() {
		t.Errorf("%d bytes are used after the kill, want %d", used, before)
	}
	if err := h.Kill(start, pid, 9); err == nil || err.Error() != "No such process" {
		t.Errorf("second kill: %v", err)
	}
	if err := h.Kill(start, 1, 9); err != nil || !h.Running(Kubelet) {
		t.Errorf("kill of process 1: %v", err)
	}
}
