package nodes

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// publish publishes a patch, or fails.
func (w *world) publish(r api.PatchRequest) api.Patch {
	w.t.Helper()
	p, err := w.f.PublishPatch(r, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// early is a world that begins just before the night's patches.
func early(t *testing.T, nodes int, state []byte) *world {
	t.Helper()
	now := time.Now().UTC()
	time.Sleep(now.Truncate(24 * time.Hour).Add(6*time.Hour - time.Minute).Sub(now))
	return newWorld(t, nodes, state)
}

// night lets the nodes' runs of unattended-upgrades pass.
func (w *world) night() { w.pass(patchSpread + 2*time.Minute) }

// said are the events of a verb.
func (w *world) said(verb timeline.Verb) (list []timeline.Event) {
	events, _ := w.f.log.Since(0)
	for _, e := range events {
		if e.Verb == verb {
			list = append(list, e)
		}
	}
	return list
}

func TestPatchesComeAtNight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := early(t, 2, nil)
		defer w.stop()
		p := w.publish(api.PatchRequest{Package: "linux-image-azure"})
		w.ssh("1", "sudo apt-mark hold linux-image-azure")
		w.night()
		got := w.said("patched")
		if len(got) != 1 || got[0].Actor != timeline.Provider || got[0].Cause != p.Event || got[0].Subject != "node/"+w.f.machines()[0].Name {
			t.Fatalf("patched: %+v, want node 0 by the provider for event %d", got, p.Event)
		}
		if reboots := w.said("needs reboot"); len(reboots) != 1 || reboots[0].Cause != got[0].Seq || !strings.Contains(reboots[0].Message, "linux-image-azure") {
			t.Errorf("needs reboot: %+v", reboots)
		}
		if m := w.f.Machines(); !m[0].RebootRequired || m[1].RebootRequired || m[0].Kernel != m[1].Kernel {
			t.Errorf("machines %+v", m)
		}
		w.ssh("0", "sudo touch /etc/motd")
		if n := len(w.said("needs reboot")); n != 1 {
			t.Errorf("said %d times that a reboot is needed", n)
		}
		w.ssh("0", "sudo reboot")
		w.pass(time.Minute)
		if m := w.f.Machines()[0]; m.RebootRequired || m.Kernel != "5.15.0-1111-azure" {
			t.Errorf("after the reboot: %+v", m)
		}
		if p := w.f.Patches()[0]; len(p.Nodes) != 1 || len(p.Waiting) != 1 {
			t.Errorf("patch %+v, want one node that has it and one that waits", p)
		}
	})
}

// TestWhoseBadPatch checks where the trouble comes from that the same patch makes:
// from who has brought it to the node.
func TestWhoseBadPatch(t *testing.T) {
	for _, breaks := range api.PatchBreaks {
		synctest.Test(t, func(t *testing.T) {
			w := early(t, 2, nil)
			defer w.stop()
			p := w.publish(api.PatchRequest{Package: "openssl", Breaks: breaks})
			w.ssh("1", "sudo apt-get install -y openssl")
			w.night()
			if breaks == "boot" {
				w.ssh("0", "sudo touch /etc/motd; sudo reboot")
				w.ssh("1", "sudo touch /etc/motd; sudo reboot")
				w.pass(time.Minute)
			}
			provider, _, ok := w.f.Trouble(w.f.machines()[0].Name)
			if !ok || provider.Verb != "patched" || provider.Actor != timeline.Provider || provider.Cause != p.Event {
				t.Errorf("%s: trouble of the patched node comes from %+v", breaks, provider)
			}
			customer, _, ok := w.f.Trouble(w.f.machines()[1].Name)
			if !ok || customer.Actor != timeline.Customer || !strings.Contains(customer.Message, "apt-get install") {
				t.Errorf("%s: trouble of the other node comes from %+v", breaks, customer)
			}
		})
	}
}

// TestAGoodPatchExplainsNothing checks that what breaks after a patch, and not by it,
// is not taken for its doing.
func TestAGoodPatchExplainsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := early(t, 1, nil)
		defer w.stop()
		w.ssh("0", "echo broken | sudo tee /etc/fstab")
		w.publish(api.PatchRequest{Package: "openssl"})
		w.night()
		w.ssh("0", "sudo reboot")
		w.pass(time.Minute)
		if root, _, ok := w.f.Trouble(w.f.machines()[0].Name); !ok || !strings.Contains(root.Message, "fstab") {
			t.Errorf("trouble comes from %+v, want the customer's change", root)
		}
	})
}

func TestBlockedEgressKeepsPatchesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := early(t, 1, nil)
		defer w.stop()
		w.publish(api.PatchRequest{Package: "openssl"})
		rule := api.NSGRule{Name: "no-web", Priority: 200, Direction: "Outbound", Access: "Deny", Protocol: "*", Ports: []string{"80"}, Source: "*", Destination: "Internet"}
		if err := w.f.SetNSGRule(rule, timeline.Customer); err != nil {
			t.Fatal(err)
		}
		w.night()
		got := w.said("failed to patch")
		if len(got) != 1 || !strings.Contains(got[0].Message, "rule no-web denies outbound Tcp 80") || got[0].Cause != w.said("changed")[0].Seq {
			t.Errorf("%+v", got)
		}
		if err := w.f.DeleteNSGRule("no-web", timeline.Customer); err != nil {
			t.Fatal(err)
		}
		if out := w.ssh("0", "sudo unattended-upgrade; dpkg -l openssl"); !strings.Contains(out, "3.0.2-0ubuntu1.21") {
			t.Errorf("without the rule the patch is not installed: %s", out)
		}
	})
}

// TestPatchesAreSaved checks that archives and who brought what outlive the program.
func TestPatchesAreSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := early(t, 1, nil)
		w.publish(api.PatchRequest{Package: "openssl", Breaks: "boot"})
		w.night()
		state, err := w.f.Save()
		w.stop()
		if err != nil {
			t.Fatal(err)
		}
		again := newWorld(t, 1, state)
		defer again.stop()
		if p := again.f.Patches(); len(p) != 1 || len(p[0].Nodes) != 1 || p[0].Breaks != "boot" {
			t.Errorf("patches %+v", p)
		}
		if len(again.f.machines()[0].Flaws) != 1 {
			t.Errorf("flaws %v", again.f.machines()[0].Flaws)
		}
	})
}

// TestCalendar checks that the archives have something new by themselves, and the
// same for equal seeds.
func TestCalendar(t *testing.T) {
	days := func(seed uint64) (list []int) {
		for day := range 60 {
			for _, s := range calendar {
				if s.due(seed, day) {
					list = append(list, day)
				}
			}
		}
		return list
	}
	if n := len(days(1)); n < 20 || n > 50 {
		t.Errorf("%d patches in 60 days", n)
	}
	if a, b := days(1), days(2); len(a) == len(b) && a[0] == b[0] && a[1] == b[1] && a[2] == b[2] {
		t.Error("two seeds have the same calendar")
	}
}
