package host

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// operations are the changes that the fuzz test draws from.
var operations = []func(d *dice, h *Host, now time.Time){
	func(d *dice, h *Host, now time.Time) { h.StartUnit(now, d.unit()) },
	func(d *dice, h *Host, now time.Time) { h.StopUnit(now, d.unit()) },
	func(d *dice, h *Host, now time.Time) { h.RestartUnit(now, d.unit()) },
	func(d *dice, h *Host, now time.Time) { h.EnableUnit(now, d.unit()) },
	func(d *dice, h *Host, now time.Time) { h.DisableUnit(now, d.unit()) },
	func(d *dice, h *Host, now time.Time) { h.MaskUnit(now, d.unit()) },
	func(d *dice, h *Host, now time.Time) { h.UnmaskUnit(now, d.unit()) },
	func(d *dice, h *Host, now time.Time) { h.Hold(d.unit(), d.IntN(2) == 0) },
	func(d *dice, h *Host, now time.Time) { h.Kill(now, d.pid(h), d.IntN(70)-2) },
	func(d *dice, h *Host, now time.Time) { h.Spawn(now, d.text(), d.Int64()) },
	func(d *dice, h *Host, now time.Time) { h.Install(now, d.pkg(), d.pkg()) },
	func(d *dice, h *Host, now time.Time) { h.Remove(now, d.IntN(2) == 0, d.pkg(), d.pkg()) },
	func(d *dice, h *Host, now time.Time) { h.Upgrade(now) },
	func(d *dice, h *Host, now time.Time) { h.Write(now, d.path(), []byte(d.text()), d.IntN(2) == 0) },
	func(d *dice, h *Host, now time.Time) { h.Allocate(now, d.path(), d.Int64N(1<<uint(1+d.IntN(55)))-1) },
	func(d *dice, h *Host, now time.Time) { h.Delete(now, d.path(), d.IntN(2) == 0) },
	func(d *dice, h *Host, now time.Time) { h.Mkdir(now, d.path()) },
	func(d *dice, h *Host, now time.Time) { h.AddRule(d.chain(), d.IntN(4)-1, d.rule()) },
	func(d *dice, h *Host, now time.Time) { h.DeleteRule(d.chain(), d.IntN(4)-1, d.rule()) },
	func(d *dice, h *Host, now time.Time) { h.NewChain(d.chain()) },
	func(d *dice, h *Host, now time.Time) { h.DeleteChain(d.chain()) },
	func(d *dice, h *Host, now time.Time) { h.Flush(d.chain()) },
	func(d *dice, h *Host, now time.Time) { h.SetPolicy(d.chain(), d.of("DROP", "ACCEPT", "x")) },
	func(d *dice, h *Host, now time.Time) { h.Log(now, d.unit(), "test", d.text()) },
	func(d *dice, h *Host, now time.Time) { h.PowerLost(now) },
	func(d *dice, h *Host, now time.Time) { h.Boot(now) },
	func(d *dice, h *Host, now time.Time) { h.RequestReboot(now) },
	func(d *dice, h *Host, now time.Time) { h.Step(now) },
	func(d *dice, h *Host, now time.Time) { h.Step(h.Next()) },
}

// dice draws arguments, half of them such that something happens.
type dice struct {
	*rand.Rand
	noise string
}

func (d *dice) of(list ...string) string { return list[d.IntN(len(list))] }
func (d *dice) text() string {
	return d.of("", d.noise, "a: b\n", "[x", strings.Repeat("long ", 50000), "/dev/sdc x", "[Service]\nExecStart=/bin/true\nRestart=always\nRestartSec=0\n")
}
func (d *dice) unit() string {
	return d.of(Kubelet, Containerd, CNS, NPD, Agent, SSH, KubeletMonitor, ContainerdMonitor, "nginx", "cron", "foo", d.noise, "")
}
func (d *dice) pkg() string {
	return d.of("moby-containerd", "htop", "nginx", "docker.io", "openssh-server", "linux-image-azure", "linux-image-6.8.0-45-generic", "linux-image-5.15.0-1110-azure", "cron", "nope", d.noise)
}
func (d *dice) chain() string {
	return d.of("OUTPUT", "INPUT", "MINE", "nat/OUTPUT", "", d.noise)
}
func (d *dice) rule() []string {
	if d.IntN(4) == 0 {
		return strings.Fields(d.noise)
	}
	return strings.Fields(d.of("-p tcp", "-p udp --dport 53:54", "! -d 10.0.0.0/8,x.io", "-m state --state NEW", "!", "") + " " + d.of("-j DROP", "-j MINE", "-j REJECT", "-j", ""))
}
func (d *dice) path() string {
	if d.IntN(3) == 0 {
		return d.of("/", "/tmp/a", "/tmp/a/b", "/root/a", "/lib", "/run/x", "/etc/systemd/system/foo.service", d.noise, "")
	}
	paths := sorted(testImage.files)
	return d.of(paths...)
}
func (d *dice) pid(h *Host) int {
	if p := h.Processes(); len(p) > 0 {
		return p[d.IntN(len(p))].PID
	}
	return d.IntN(100) - 50
}

func FuzzHost(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(seed, "-m x ! \xff")
	}
	f.Fuzz(func(t *testing.T, seed uint64, noise string) {
		d := &dice{rand.New(rand.NewPCG(seed, 1)), noise}
		h := newHost()
		now := start
		for range 120 {
			operations[d.IntN(len(operations))](d, h, now)
			now = now.Add(time.Duration(d.IntN(40_000)-1000) * time.Millisecond)
			invariants(t, h)
		}
		h.Units()
		h.Journal()
		h.EgressBlocked("tcp", 443, noise)
		saveAgrees(t, h)
		h.Reimage(now, nil)
		for _, u := range sorted(h.change().Held) {
			h.Hold(u, false)
		}
		if err := h.Boot(now); err != nil {
			t.Fatalf("a new disk does not boot: %v", err)
		}
		fresh := newHost()
		fresh.SetBooted(now)
		if diff := cmp.Diff(view(t, fresh), view(t, h)); diff != "" || h.d != pristine {
			t.Errorf("a reimaged machine differs from a new one:\n%s", diff)
		}
	})
}

// invariants are what holds after every operation.
func invariants(t *testing.T, h *Host) {
	t.Helper()
	if used, size := h.Disk(); used < 0 || used > size {
		t.Fatalf("%d of %d bytes are used", used, size)
	}
	if h.d == pristine {
		return
	}
	used, kept := h.d.used, h.d.kept
	if h.recount(); used != h.d.used || kept != h.d.kept {
		t.Fatalf("the sums are %d and %d, counted anew %d and %d", used, kept, h.d.used, h.d.kept)
	}
	if kept > maxKept+maxContent || len(h.d.Journal) > journalLines {
		t.Fatalf("%d bytes and %d lines are kept", kept, len(h.d.Journal))
	}
	if next := h.Next(); !next.IsZero() && !next.Equal(next.Truncate(time.Second)) {
		t.Fatalf("the next step is at %v", next)
	}
	pids := map[int]bool{}
	for _, p := range h.Processes() {
		if p.PID <= 0 || pids[p.PID] {
			t.Fatalf("process number %d of %s is odd", p.PID, p.Command)
		}
		pids[p.PID] = true
	}
}

func saveAgrees(t *testing.T, h *Host) {
	t.Helper()
	data, err := h.Save()
	if err != nil {
		t.Fatal(err)
	}
	back := newHost()
	if err := back.Load(data); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(view(t, h), view(t, back)); diff != "" {
		t.Errorf("another machine came back:\n%s", diff)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(`{"version":1,"host":{"files":{"/a":{"dir":true}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		h := newHost()
		if h.Load(data) != nil {
			return
		}
		h.Step(start)
		h.Units()
		h.Install(start, "htop")
		h.StopUnit(start, Kubelet)
		h.Boot(start)
		h.Step(after(30))
	})
}
