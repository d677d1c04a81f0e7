package host

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// view is all that can be seen of a machine.
func view(t *testing.T, h *Host) map[string]any {
	t.Helper()
	v := map[string]any{
		"units": h.Units(), "processes": h.Processes(), "packages": h.Packages(), "kernel": h.Kernel(),
		"kernels": h.kernels(), "next": h.Next(), "drift": h.Drifted(), "required": h.RebootRequired(),
		"chains": h.Chains(), "journal": h.Journal(), "losses": h.losses(), "uptime": h.Uptime(after(9999)),
	}
	used, _ := h.Disk()
	memory, _ := h.Memory()
	v["disk"], v["memory"] = used, memory
	for _, c := range h.Chains() {
		v["rules "+c], _ = h.Rules(c)
		v["policy "+c] = h.Policy(c)
	}
	for _, e := range h.subtree("/") {
		text := ""
		if !e.dir {
			text = e.text(h.name)
		}
		v["file "+e.path] = []any{h.file(e.path, e), text}
	}
	return v
}

func TestSaveAndLoad(t *testing.T) {
	h := newHost()
	do(t, install("nginx", "linux-image-azure")(h))
	do(t, h.Boot(start))
	do(t, h.Delete(start, "/opt/cni", true))
	do(t, h.Write(start, "/etc/motd", []byte("\xff\x00mine"), false))
	do(t, h.Allocate(start, "/tmp/x", 5<<30))
	do(t, h.DisableUnit(start, SSH))
	do(t, h.StopUnit(start, Kubelet))
	kill(t, h, Containerd, 9)
	h.Spawn(start, "stress", 1<<30)
	h.Hold(NPD, true)
	do(t, h.NewChain("MINE"))
	do(t, h.AddRule("OUTPUT", 0, strings.Fields("-p tcp --dport 443 -j MINE")))
	do(t, h.SetPolicy("INPUT", "DROP"))
	h.RequestReboot(start)
	h.Step(after(20))

	data, err := h.Save()
	do(t, err)
	back := newHost()
	do(t, back.Load(data))
	if diff := cmp.Diff(view(t, h), view(t, back)); diff != "" {
		t.Errorf("another machine came back:\n%s", diff)
	}
	if !back.held(NPD) || back.TakePowerRequest() != "reboot" || h.TakePowerRequest() != "reboot" {
		t.Error("the hold or the request was lost")
	}
	want := runUntil(t, h, after(300))
	if diff := cmp.Diff(want, runUntil(t, back, after(300))); diff != "" || len(want) == 0 {
		t.Errorf("it goes on in another way:\n%s", diff)
	}
}

func TestLoadRefuses(t *testing.T) {
	h := newHost()
	for _, data := range []string{"x", `{}`, `{"version":2,"host":{}}`, `{"version":1}`, `{"version":1,"host":7}`} {
		if err := h.Load([]byte(data)); err == nil {
			t.Errorf("%s was loaded", data)
		}
	}
	do(t, h.Load([]byte(`{"version":1,"host":{"units":{"a":null},"files":{"x":null,"/":{"gone":true},"/y":null},"monitors":{"m":null},"processes":{"4":null}}}`)))
	view(t, h)
	do(t, h.Load(nil))
	if h.Drifted() {
		t.Error("loading nothing gives no pristine host")
	}
}
