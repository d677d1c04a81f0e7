package node

import (
	"strings"
	"testing"
	"time"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/command/commandtest"
	"demarc/sim/api"
)

func TestNodeCommands(t *testing.T) {
	consent := api.Consent{ID: "consent-1", Node: "*", Case: "upgrade", Granted: commandtest.Eight, Expires: commandtest.Eight.Add(time.Hour), Uses: 2}
	repair := api.Repair{
		ID: "repair-1", Node: sshNode0, Subject: "node/" + sshNode0, Cause: "kubelet masked", Layer: api.LayerAutoRepair,
		Actions: []api.RepairAction{{Action: "reboot"}, {Action: "restart", Detail: "kubelet", Error: "VMNotFound"}},
		Broken:  commandtest.Eight, Detected: commandtest.Eight.Add(10 * time.Minute), Healed: commandtest.Eight.Add(12 * time.Minute),
		Lost: []string{"emptyDir of default/web"}, Outcome: api.RepairHealed,
	}.Timed()
	addon := api.Repair{ID: "repair-2", Subject: "addon/Deployment/coredns", Layer: api.LayerAddon, Broken: commandtest.Eight, Outcome: api.RepairFailed, Reason: "given up"}
	home := nodesEngine(t, commandtest.Answers{
		"Repairs":                 []api.Repair{repair, addon},
		"Escalate":                api.Repair{ID: "repair-3", Node: sshNode1, Subject: "node/" + sshNode1, Outcome: api.RepairPending, Actions: []api.RepairAction{{Action: "reboot"}}},
		"GrantConsent":            consent,
		"RevokeConsent consent-1": struct{}{},
		"Consents": []api.Consent{consent, {ID: "consent-2", Node: sshNode1, Granted: commandtest.Eight, Expires: commandtest.Eight},
			{ID: "consent-3", Node: sshNode1, Expires: commandtest.Eight.Add(time.Hour), Revoked: commandtest.Eight}},
	})
	demarc.Check(t, home, []commandtest.Case{
		{"repairs", command.Held, "-vmss000000  -      auto-repair  after 10m0s  after 12m0s  healed\n    kubelet masked; reboot, restart (VMNotFound); lost: emptyDir of default/web\n", ""},
		{"repairs", command.Held, "addon/Deployment/coredns  ", ""},
		{"repairs", command.Held, "no           no           failed: given up\n    -; none yet\n", ""},
		{"repairs -o json", command.Held, `"healedAfterSeconds": 720`, ""},
		{"escalate 1 --reason slow", command.Held, "repair repair-3 of node/" + sshNode1 + ": pending (reboot)\n", ""},
		{"escalate 1 -o json", command.Held, `"id": "repair-3"`, ""},
		{"escalate 9", command.BadRequest, "", "there is no node 9"},
		{"escalate", command.BadRequest, "", "accepts 1 arg"},
		{"consent grant all --for 1h --case upgrade", command.Held, "consent consent-1: support may log in to every node until 2026-01-05 09:00:00\n", ""},
		{"consent grant 0 --for 30m -o json", command.Held, `"uses": 2`, ""},
		{"consent grant 0", command.BadRequest, "", "for how long?"},
		{"consent grant 0 --for 30", command.BadRequest, "", "invalid argument"},
		{"consent grant 0 --for -1h", command.BadRequest, "", "for how long?"},
		{"consent grant 9 --for 1h", command.BadRequest, "", "there is no node 9"},
		{"consent list", command.Held, "consent-1  every node              in force  2026-01-05 08:00:00  2026-01-05 09:00:00  2     upgrade\n", ""},
		{"consent list", command.Held, "consent-2  aks-nod…678-vmss000001  expired ", ""},
		{"consent list", command.Held, "consent-3  aks-nod…678-vmss000001  revoked ", ""},
		{"consent list -o json", command.Held, `"case": "upgrade"`, ""},
		{"consent revoke consent-1", command.Held, "revoked the consent consent-1\n", ""},
		{"consent revoke consent-1 -o json", command.Held, `"revoked": "consent-1"`, ""},
		{"consent revoke nothing", command.BadRequest, "", "no /v1/consents/nothing"},
		{"consent grnt", command.BadRequest, "", `did you mean "grant"?`},
		{"__complete consent grant ", command.Held, "vmss000001\t" + sshNode1 + "\nall\tevery node\n", ""},
		{"__complete consent revoke ", command.Held, "consent-1\tevery node\n:4\n", ""},
		{"__complete escalate ", command.Held, "vmss000000\t" + sshNode0 + "\n", ""},
	})
}

// TestNoRepairs checks what is said where there is nothing.
func TestNoRepairs(t *testing.T) {
	home := commandtest.Engine(t, commandtest.Answers{"Repairs": []api.Repair{}, "Consents": []api.Consent{}})
	for args, want := range map[string]string{"repairs": "there was no repair\n", "consent list": "support has no consent\n"} {
		if code, out, errout := demarc.Run(t, home, strings.Fields(args)...); code != command.Held || out != "" || errout != want {
			t.Errorf("%s: got %d, %q, %q", args, code, out, errout)
		}
	}
}
