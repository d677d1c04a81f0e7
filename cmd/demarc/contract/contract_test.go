package contract

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/command/commandtest"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/policy"
	"demarc/sim/timeline"
)

var demarc = commandtest.Group(Commands)

// contractEngine plays a cluster in which etcd was out for ten minutes.
func contractEngine(t *testing.T) string {
	t.Helper()
	x := api.JudgedIncident{
		Incident: api.Incident{ID: "i1", Subject: "etcd", Owner: timeline.Provider, Cause: "wiped", Event: 2, Start: commandtest.Eight, End: commandtest.Eight.Add(10 * time.Minute)},
		Judgement: api.Judgement{Owner: "provider", Coverage: "covered", Remedy: "automatic", Clauses: []string{"etcd.managed", "etcd.backup"},
			Shares: []api.Share{{Owner: "provider", From: commandtest.Eight, To: commandtest.Eight.Add(10 * time.Minute), Why: "wiped"}}},
	}
	wiped := timeline.Event{Seq: 1, Time: commandtest.Eight, Actor: timeline.Provider, Verb: "wiped", Subject: "etcd"}
	restored := timeline.Event{Seq: 12, Time: commandtest.Eight, Actor: timeline.Provider, Verb: "restored", Subject: "etcd", Message: "from a backup"}
	return commandtest.Engine(t, commandtest.Answers{
		"Status":   api.Status{Name: "demarc", Now: commandtest.Eight.Add(time.Hour)},
		"Contract": api.Contract{Edition: "2026-08", Incidents: []api.JudgedIncident{x}, Support: api.Supportability{State: "supported"}},
		"Explain": api.Explanation{
			Kind: "incident", Name: "i1", Title: "Incident i1 is\x1b[31m over.", Whose: "the provider's", Why: strings.Repeat("It is managed. ", 9), Mends: "the service", Clause: []string{"a: b", "c: d"},
			Chain: []api.Link{{Event: wiped}, {Event: restored, Depth: 1, Judged: true}, {Event: restored, Depth: 2}, {Event: restored, Depth: 3}, {Event: restored, Depth: 2}}, More: 2,
		},
		"Timeline": []timeline.Event{wiped},
		"Repairs":  []api.Repair{},
		"Restores": []api.Restore{{ID: "r1", Phase: api.RestoreDone, Backup: "b1", Decided: commandtest.Eight.Add(time.Minute),
			Lost: commandtest.Eight, RPOSeconds: 600}},
		"Backups": []api.Backup{{ID: "20260105T083000Z", At: commandtest.Eight.Add(30 * time.Minute), Verified: true}},
	})
}

// explainedChain is a chain of causes as text.
const explainedChain = `
#1  2026-01-05 08:00:00 provider wiped etcd
└─ #12  2026-01-05 08:00:00 provider restored etcd: from a backup (this one)
   ├─ #12  2026-01-05 08:00:00 provider restored etcd: from a backup
   │  └─ #12  2026-01-05 08:00:00 provider restored etcd: from a backup
   └─ #12  2026-01-05 08:00:00 provider restored etcd: from a backup
and 2 events more; demarc timeline has them
`

func TestContractCommands(t *testing.T) {
	home := contractEngine(t)
	demarc.Check(t, home, []commandtest.Case{
		{"explain i1", command.Held, "Incident i1 is\\u001b[31m over.\n\nWhose    the provider's\nWhy      It is managed. It is", ""},
		{"explain i1", command.Held, "\n         It is managed. It is managed. It is managed.\nMends    the service\nClause   a: b\n         c: d\n\n", ""},
		{"explain i1", command.Held, explainedChain, ""},
		{"explain incident i1 --edition 2026-08 -o json", command.Held, `"kind": "incident"`, ""},
		{"explain i1 --edition 2020", command.BadRequest, "", "want 2019-04 or 2026-08"},
		{"incidents", command.Held, "i1  #2     2026-01-05 08:00:00  10m0s   provider  covered   automatic  etcd.managed (+1)\n    etcd: wiped\n", ""},
		{"incidents --edition 2019-04 -o json", command.Held, `"coverage": "covered"`, ""},
		{"incidents --edition 2020", command.BadRequest, "", "want 2019-04 or 2026-08"},
		{"report", command.Held, "In 1h the API server was out for 10m (10m the provider's).\nThere was 1 incident", ""},
		{"report", command.Held, "by the support policy 2026-08\n", ""},
		{"report", command.Held, "nothing is known to be lost", ""},
		{"--as provider report", command.Held, "with 10m of the API server's past", ""},
		{"report -o json", command.Held, `"title": "The cluster demarc"`, ""},
		{"report -o html", command.Held, "<!DOCTYPE html>", ""},
		{"report -o yaml", command.BadRequest, "", "want text, json or html"},
		{"report --edition 2020", command.BadRequest, "", "want 2019-04 or 2026-08"},
		{"report --edition both", command.Held, "by the support policy 2026-08\n", ""},
		{"report --edition both -o json", command.Held, "[\n  {\n    \"title\"", ""},
		{"report --edition both -o html", command.Held, `<body class="both">`, ""},
		{"__complete report --edition ", command.Held, "both\n2019-04\n2026-08\n", ""},
		{"incidents --edition both", command.BadRequest, "", "only a report is by both side by side"},
		{"explain i1 --edition both", command.BadRequest, "", "name one of them"},
		{"report --file /nowhere/report.html", command.BadRequest, "", "--file: /nowhere/report.html cannot be written"},
		{"report --file /dev/null", command.BadRequest, "", "not a file that can be replaced"},
		{"incidents -o html", command.BadRequest, "", "want text or json"},
		{"__complete explain ", command.Held, "i1\toutage of etcd\n", ""},
		{"__complete explain ", command.Held, "\nnode-pools\tcomponent\n", ""},
		{"__complete explain --edition 2019-04 ", command.Held, "\nupstream.own\t", ""},
		{"__complete explain --edition ", command.Held, "2019-04\n2026-08\n:4\n", ""},
		{"__complete report -o ", command.Held, "text\njson\nhtml\n:4\n", ""},
		{"__complete incidents -o ", command.Held, "text\njson\n:4\n", ""},
	})
}

// TestNoIncidents checks that a list of nothing is a list.
func TestNoIncidents(t *testing.T) {
	home := commandtest.Engine(t, commandtest.Answers{"Contract": api.Contract{Edition: "2026-08"}})
	if code, out, errout := demarc.Run(t, home, "incidents"); code != command.Held || out != "" || errout != "there was no incident\n" {
		t.Errorf("got %d, %q, %q", code, out, errout)
	}
	if code, out, _ := demarc.Run(t, home, "incidents", "-o", "json"); code != command.Held || out != "[]\n" {
		t.Errorf("JSON: got %d, %q", code, out)
	}
}

// TestExplainOfAnEngine checks that what the engine refuses is a mistake of the
// input.
func TestExplainOfAnEngine(t *testing.T) {
	code, _, errout := demarc.Run(t, commandtest.Engine(t, nil), "explain", "i9")
	if code != command.BadRequest || !strings.Contains(errout, "no /v1/explain") {
		t.Errorf("got %d, %q", code, errout)
	}
}

// TestExplainWithoutACluster checks what the editions know by themselves.
func TestExplainWithoutACluster(t *testing.T) {
	demarc.Check(t, "", []commandtest.Case{
		{"explain etcd.backup", command.Held, "Clause etcd.backup of edition 2019-04, about ", ""},
		{"explain etcd.no-rollback --edition 2026-08", command.Held, "\nWhose    the provider's: an exclusion\n", ""},
		{"explain kubelet/node-1", command.Held, "belongs to the component kubelet\n\nWhose    the provider's and managed", ""},
		{"explain coredns", command.Held, "coredns, the cluster's DNS: belongs to the component cluster-dns\n", ""},
		{"explain load balancer", command.Held, "belongs to the component cloud-provider\n", ""},
		{"explain webhok", command.BadRequest, "", "(did you mean webhook?); demarc policy components lists what it knows"},
		{"__complete explain webh", command.Held, "webhook\tof workloads\n", ""},
		{"explain component etcd -o json", command.Held, `"kind": "component"`, ""},
		{"explain etcd.bakcup", command.BadRequest, "", "did you mean etcd.backup?"},
		{"explain clause etcd.no-rollback", command.BadRequest, "", "edition 2026-08 has it"},
		{"explain i1", command.BadRequest, "", "make one with: demarc up"},
		{"explain event 1", command.BadRequest, "", "make one with: demarc up"},
		{"explain", command.BadRequest, "", "requires at least 1 arg"},
		{"__complete explain ", command.Held, "etcd.backup\tall data in etcd\n", ""},
	})
}

func TestPolicyCommands(t *testing.T) {
	demarc.Check(t, "", []commandtest.Case{
		{"policy list", command.Held, "\n2026-08  2026-08-27  54       Support policies for Azure Kubernetes Service", ""},
		{"policy list -o json", command.Held, `"clauses": 54`, ""},
		{"policy show 2026-08", command.Held, "\nBackups of etcd  etcd-backups\n", ""},
		{"policy show 2026-08 etcd.backup", command.Held, "\n  etcd.backup  provider  promise  ", ""},
		{"policy show 2026-08 etcd.backup", command.Held, "backup-every-30-minutes", ""},
		{"policy show 2026-08 nods", command.BadRequest, "", `did you mean "nodes"?`},
		{"policy show 2020", command.BadRequest, "", "want 2019-04 or 2026-08"},
		{"policy diff 2019-04 2026-08", command.Held, "Only in 2019-04\n  clause  ", ""},
		{"policy diff 2019-04 2026-08", command.Held, "\n  component  nsg                        shared -> customer\n", ""},
		{"policy diff 2019-04 2026-08", command.Held, "  rule       iaas-system-tag             customer, voids-support, customer\n", ""},
		{"policy diff 2019-04 2019-04", command.Held, "2019-04 and 2019-04 say the same\n", ""},
		{"policy components", command.Held, "\ncluster-dns         provider  yes      dns.managed                coredns, dns, kube-dns,\n", ""},
		{"policy components --edition 2026-08", command.Held, "\nnode-pools          customer  no ", ""},
		{"policy components -o json", command.Held, `"names": []`, ""},
		{"policy components --edition 2020", command.BadRequest, "", "want 2019-04 or 2026-08"},
		{"policy rules", command.Held, "\n1   support-case                 provider  covered        none        support.control-plane\n    when event.kind == \"case\"\n", ""},
		{"policy rules --edition 2026-08 -o json", command.Held, `"sentence": "`, ""},
		{"policy rules --edition 2020", command.BadRequest, "", "want 2019-04 or 2026-08"},
		{"__complete policy rules --edition ", command.Held, "2019-04\n2026-08\n:4\n", ""},
		{"policy diff 2019-04", command.BadRequest, "", "accepts 2 arg"},
		{"policy dif", command.BadRequest, "", `did you mean "diff"?`},
		{"__complete policy show ", command.Held, "2019-04\tSupport policies", ""},
		{"__complete policy show 2026-08 ", command.Held, "nodes\tsection: Nodes\n", ""},
		{"__complete policy diff 2019-04 ", command.Held, "2026-08\tSupport", ""},
		{"__complete policy diff 2019-04 2026-08 ", command.Held, ":4\n", ""},
	})
	_, out, _ := demarc.Run(t, "", "policy", "diff", "2019-04", "2026-08", "-o", "json")
	var d comparison
	if err := json.Unmarshal([]byte(out), &d); err != nil || d.From != "2019-04" || len(d.OnlyA)*len(d.OnlyB)*len(d.Changed) == 0 {
		t.Errorf("diff -o json: %v, %+v", err, d)
	}
	if slices.ContainsFunc(d.OnlyA, func(c policy.Change) bool { return c.What != "removed" }) {
		t.Errorf("only in the first: got %+v", d.OnlyA)
	}
}

// TestPolicyShowIsWhole checks that no clause is left out or has nothing to show.
func TestPolicyShowIsWhole(t *testing.T) {
	for _, e := range policy.Editions() {
		_, out, _ := demarc.Run(t, "", "policy", "show", e.ID, "-o", "json")
		var list sections
		if err := json.Unmarshal([]byte(out), &list); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, s := range list.Sections {
			n += len(s.Clauses)
			for _, x := range s.Clauses {
				if len(x.Scenarios) == 0 && x.Unshown == "" {
					t.Errorf("%s: clause %s has neither scenarios nor a reason", e.ID, x.ID)
				}
			}
		}
		if n != len(e.Clauses) {
			t.Errorf("%s: got %d clauses, want %d", e.ID, n, len(e.Clauses))
		}
	}
}

// TestReportFile checks that the file is whole, readable for all, and alone.
func TestReportFile(t *testing.T) {
	home, dir := contractEngine(t), t.TempDir()
	path := filepath.Join(dir, "report.html")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errout := demarc.Run(t, home, "report", "-o", "html", "--file", path); code != command.Held || out != "" {
		t.Fatalf("got %d, %q, %q", code, out, errout)
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(text), "<!DOCTYPE html>") || !strings.HasSuffix(string(text), "</html>\n") {
		t.Errorf("got %v, %.40s", err, text)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o644 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
	if list, _ := filepath.Glob(filepath.Join(dir, "*")); len(list) != 1 {
		t.Errorf("got %v, want one file", list)
	}
	f, err := output.CreateFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f.Discard()
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("after discarding: got %v, want one file", list)
	}
}
