package main

import (
	"strings"
	"testing"
	"time"

	"demarc/sim/api"
)

func TestNodeCommands(t *testing.T) {
	consent := api.Consent{ID: "consent-1", Node: "*", Case: "upgrade", Granted: eight, Expires: eight.Add(time.Hour), Uses: 2}
	repair := api.Repair{
		ID: "repair-1", Node: sshNode0, Subject: "node/" + sshNode0, Cause: "kubelet masked", Layer: api.LayerAutoRepair,
		Actions: []api.RepairAction{{Action: "reboot"}, {Action: "restart", Detail: "kubelet", Error: "VMNotFound"}},
		Broken:  eight, Detected: eight.Add(10 * time.Minute), Healed: eight.Add(12 * time.Minute),
		Lost: []string{"emptyDir of default/web"}, Outcome: api.RepairHealed,
	}.Timed()
	addon := api.Repair{ID: "repair-2", Subject: "addon/Deployment/coredns", Layer: api.LayerAddon, Broken: eight, Outcome: api.RepairFailed, Reason: "given up"}
	home := nodesEngine(t, map[string]func() any{
		"GET " + api.PathRepairs:                    always([]api.Repair{repair, addon}),
		"POST " + api.PathEscalations:               always(api.Repair{ID: "repair-3", Node: sshNode1, Subject: "node/" + sshNode1, Outcome: api.RepairPending, Actions: []api.RepairAction{{Action: "reboot"}}}),
		"POST " + api.PathConsents:                  always(consent),
		"DELETE " + api.PathConsents + "/consent-1": always(struct{}{}),
		"GET " + api.PathConsents: always([]api.Consent{consent, {ID: "consent-2", Node: sshNode1, Granted: eight, Expires: eight},
			{ID: "consent-3", Node: sshNode1, Expires: eight.Add(time.Hour), Revoked: eight}}),
	})
	for _, c := range []struct {
		args       string
		code       int
		out, error string
	}{
		{"repairs", exitHeld, sshNode0 + "  auto-repair  kubelet masked  reboot, restart (VMNotFound)  after 10m0s  after 12m0s  healed            emptyDir of default/web\n", ""},
		{"repairs", exitHeld, "addon/Deployment/coredns                add-on", ""},
		{"repairs", exitHeld, "none yet                      no           no           failed: given up  \n", ""},
		{"repairs -o json", exitHeld, `"healedAfterSeconds": 720`, ""},
		{"escalate 1 --reason slow", exitHeld, "repair repair-3 of node/" + sshNode1 + ": pending (reboot)\n", ""},
		{"escalate 1 -o json", exitHeld, `"id": "repair-3"`, ""},
		{"escalate 9", exitInput, "", "there is no node 9"},
		{"escalate", exitInput, "", "accepts 1 arg"},
		{"consent grant all --for 1h --case upgrade", exitHeld, "consent consent-1: support may log in to every node until 2026-01-05 09:00:00\n", ""},
		{"consent grant 0 --for 30m -o json", exitHeld, `"uses": 2`, ""},
		{"consent grant 0", exitInput, "", "for how long?"},
		{"consent grant 0 --for 30", exitInput, "", "invalid argument"},
		{"consent grant 0 --for -1h", exitInput, "", "for how long?"},
		{"consent grant 9 --for 1h", exitInput, "", "there is no node 9"},
		{"consent list", exitHeld, "consent-1  every node                         in force  2026-01-05 08:00:00  2026-01-05 09:00:00  2     upgrade\n", ""},
		{"consent list", exitHeld, "consent-2  " + sshNode1 + "  expired ", ""},
		{"consent list", exitHeld, "consent-3  " + sshNode1 + "  revoked ", ""},
		{"consent list -o json", exitHeld, `"case": "upgrade"`, ""},
		{"consent revoke consent-1", exitHeld, "revoked the consent consent-1\n", ""},
		{"consent revoke consent-1 -o json", exitHeld, `"revoked": "consent-1"`, ""},
		{"consent revoke nothing", exitInput, "", "no /v1/consents/nothing"},
		{"consent grnt", exitInput, "", `did you mean "grant"?`},
		{"__complete consent grant ", exitHeld, "vmss000001\t" + sshNode1 + "\nall\tevery node\n", ""},
		{"__complete consent revoke ", exitHeld, "consent-1\tevery node\n:4\n", ""},
		{"__complete escalate ", exitHeld, "vmss000000\t" + sshNode0 + "\n", ""},
	} {
		t.Run(c.args, func(t *testing.T) {
			code, out, errout := runIn(t, home, strings.Split(c.args, " ")...)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errout, c.error) {
				t.Errorf("got %d\n%s\n%q\nwant %d\n%s\n%q", code, out, errout, c.code, c.out, c.error)
			}
		})
	}
}

// TestNoRepairs checks what is said where there is nothing.
func TestNoRepairs(t *testing.T) {
	home := fakeEngine(t, map[string]func() any{"GET " + api.PathRepairs: always([]api.Repair{}), "GET " + api.PathConsents: always([]api.Consent{})})
	for args, want := range map[string]string{"repairs": "there was no repair\n", "consent list": "support has no consent\n"} {
		if code, out, errout := runIn(t, home, strings.Fields(args)...); code != exitHeld || out != "" || errout != want {
			t.Errorf("%s: got %d, %q, %q", args, code, out, errout)
		}
	}
}
