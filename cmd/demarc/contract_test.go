package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/policy"
	"demarc/sim/timeline"
)

// contractEngine plays a cluster in which etcd was out for ten minutes.
func contractEngine(t *testing.T) string {
	t.Helper()
	x := api.JudgedIncident{
		Incident: api.Incident{ID: "i1", Subject: "etcd", Owner: timeline.Provider, Cause: "wiped", Event: 2, Start: eight, End: eight.Add(10 * time.Minute)},
		Judgement: api.Judgement{Owner: "provider", Coverage: "covered", Remedy: "automatic", Clauses: []string{"etcd.managed", "etcd.backup"},
			Shares: []api.Share{{Owner: "provider", From: eight, To: eight.Add(10 * time.Minute), Why: "wiped"}}},
	}
	return fakeEngine(t, map[string]func() any{
		"GET " + api.PathStatus:     always(api.Status{Name: "demarc", Now: eight.Add(time.Hour)}),
		"GET " + api.PathJudgements: always(api.Contract{Edition: "2026-08", Incidents: []api.JudgedIncident{x}, Support: api.Supportability{State: "supported"}}),
		"GET " + api.PathExplain:    always(api.Explanation{Kind: "incident", Name: "i1", Text: "Incident i1 is\x1b[31m the provider's."}),
		"GET " + api.PathTimeline:   always([]timeline.Event{{Seq: 1, Time: eight, Actor: timeline.Provider, Verb: "wiped", Subject: "etcd"}}),
		"GET " + api.PathRepairs:    always([]api.Repair{}),
		"GET " + api.PathRestores: always([]api.Restore{{ID: "r1", Phase: api.RestoreDone, Backup: "b1", Decided: eight.Add(time.Minute),
			Lost: eight, RPOSeconds: 600}}),
		"GET " + api.PathBackups: always([]api.Backup{goodBackup}),
	})
}

func TestContractCommands(t *testing.T) {
	home := contractEngine(t)
	for _, c := range []struct {
		args       string
		code       int
		out, error string
	}{
		{"explain i1", exitHeld, "Incident i1 is\\u001b[31m the provider's.\n", ""},
		{"explain incident i1 --edition 2026-08 -o json", exitHeld, `"kind": "incident"`, ""},
		{"explain i1 --edition 2020", exitInput, "", "want 2019-04 or 2026-08"},
		{"incidents", exitHeld, "i1        etcd     provider  covered   automatic  etcd.managed (+1)  2026-01-05 08:00:00  no        2026-01-05 08:10:00  wiped\n", ""},
		{"incidents --edition 2019-04 -o json", exitHeld, `"coverage": "covered"`, ""},
		{"incidents --edition 2020", exitInput, "", "want 2019-04 or 2026-08"},
		{"report", exitHeld, "In 1h the API server was out for 10m (10m the provider's).\nThere was 1 incident", ""},
		{"report", exitHeld, "by the support policy 2026-08\n", ""},
		{"report", exitHeld, "nothing is known to be lost", ""},
		{"--as provider report", exitHeld, "with 10m of the API server's past", ""},
		{"report -o json", exitHeld, `"title": "The cluster demarc"`, ""},
		{"report -o html", exitHeld, "<!DOCTYPE html>", ""},
		{"report -o yaml", exitInput, "", "want text, json or html"},
		{"report --edition 2020", exitInput, "", "want 2019-04 or 2026-08"},
		{"report --file /nowhere/report.html", exitInput, "", "--file: /nowhere/report.html cannot be written"},
		{"report --file /dev/null", exitInput, "", "not a file that can be replaced"},
		{"incidents -o html", exitInput, "", "want text or json"},
		{"__complete explain ", exitHeld, "i1\toutage of etcd\n", ""},
		{"__complete explain ", exitHeld, "\nnode-pools\tcomponent\n", ""},
		{"__complete explain --edition 2019-04 ", exitHeld, "\nupstream.own\t", ""},
		{"__complete explain --edition ", exitHeld, "2019-04\n2026-08\n:4\n", ""},
		{"__complete report -o ", exitHeld, "text\njson\nhtml\n:4\n", ""},
		{"__complete incidents -o ", exitHeld, "text\njson\n:4\n", ""},
	} {
		t.Run(c.args, func(t *testing.T) {
			code, out, errout := runIn(t, home, strings.Split(c.args, " ")...)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errout, c.error) {
				t.Errorf("got %d\n%q\n%q\nwant %d\n%q\n%q", code, out, errout, c.code, c.out, c.error)
			}
		})
	}
}

// TestNoIncidents checks that a list of nothing is a list.
func TestNoIncidents(t *testing.T) {
	home := fakeEngine(t, map[string]func() any{"GET " + api.PathJudgements: always(api.Contract{Edition: "2026-08"})})
	if code, out, errout := runIn(t, home, "incidents"); code != exitHeld || out != "" || errout != "there was no incident\n" {
		t.Errorf("got %d, %q, %q", code, out, errout)
	}
	if code, out, _ := runIn(t, home, "incidents", "-o", "json"); code != exitHeld || out != "[]\n" {
		t.Errorf("JSON: got %d, %q", code, out)
	}
}

// TestExplainOfAnEngine checks that what the engine refuses is a mistake of the
// input.
func TestExplainOfAnEngine(t *testing.T) {
	code, _, errout := runIn(t, fakeEngine(t, nil), "explain", "i9")
	if code != exitInput || !strings.Contains(errout, "no /v1/explain") {
		t.Errorf("got %d, %q", code, errout)
	}
}

// TestExplainWithoutACluster checks what the editions know by themselves.
func TestExplainWithoutACluster(t *testing.T) {
	for _, c := range []struct {
		args       string
		code       int
		out, error string
	}{
		{"explain etcd.backup", exitHeld, "Clause etcd.backup of edition 2019-04 promises", ""},
		{"explain etcd.no-rollback --edition 2026-08", exitHeld, "Clause etcd.no-rollback of edition 2026-08 excludes", ""},
		{"explain kubelet/node-1", exitHeld, "kubelet/node-1 belongs to kubelet, which is the provider's", ""},
		{"explain component etcd -o json", exitHeld, `"kind": "component"`, ""},
		{"explain etcd.bakcup", exitInput, "", "did you mean etcd.backup?"},
		{"explain clause etcd.no-rollback", exitInput, "", "edition 2026-08 has it"},
		{"explain i1", exitInput, "", "make one with: demarc up"},
		{"explain event 1", exitInput, "", "make one with: demarc up"},
		{"explain", exitInput, "", "requires at least 1 arg"},
		{"__complete explain ", exitHeld, "etcd.backup\tall data in etcd\n", ""},
	} {
		t.Run(c.args, func(t *testing.T) {
			code, out, errout := runCLI(t, strings.Split(c.args, " ")...)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errout, c.error) {
				t.Errorf("got %d\n%q\n%q\nwant %d\n%q\n%q", code, out, errout, c.code, c.out, c.error)
			}
		})
	}
}

func TestPolicyCommands(t *testing.T) {
	for _, c := range []struct {
		args       string
		code       int
		out, error string
	}{
		{"policy list", exitHeld, "\n2026-08  2026-08-27  54       Support policies for Azure Kubernetes Service", ""},
		{"policy list -o json", exitHeld, `"clauses": 54`, ""},
		{"policy show 2026-08", exitHeld, "\nBackups of etcd  etcd-backups\n", ""},
		{"policy show 2026-08 etcd.backup", exitHeld, "\n  etcd.backup  provider  promise  ", ""},
		{"policy show 2026-08 etcd.backup", exitHeld, "backup-every-30-minutes", ""},
		{"policy show 2026-08 nods", exitInput, "", `did you mean "nodes"?`},
		{"policy show 2020", exitInput, "", "want 2019-04 or 2026-08"},
		{"policy diff 2019-04 2026-08", exitHeld, "Only in 2019-04\n  clause  ", ""},
		{"policy diff 2019-04 2026-08", exitHeld, "\n  component  nsg                        shared -> customer\n", ""},
		{"policy diff 2019-04 2026-08", exitHeld, "  rule       iaas-system-tag             customer, voids-support, customer\n", ""},
		{"policy diff 2019-04 2019-04", exitHeld, "2019-04 and 2019-04 say the same\n", ""},
		{"policy diff 2019-04", exitInput, "", "accepts 2 arg"},
		{"policy dif", exitInput, "", `did you mean "diff"?`},
		{"__complete policy show ", exitHeld, "2019-04\tSupport policies", ""},
		{"__complete policy show 2026-08 ", exitHeld, "nodes\tsection: Nodes\n", ""},
		{"__complete policy diff 2019-04 ", exitHeld, "2026-08\tSupport", ""},
		{"__complete policy diff 2019-04 2026-08 ", exitHeld, ":4\n", ""},
	} {
		t.Run(c.args, func(t *testing.T) {
			code, out, errout := runCLI(t, strings.Split(c.args, " ")...)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errout, c.error) {
				t.Errorf("got %d\n%s\n%q\nwant %d\n%q\n%q", code, out, errout, c.code, c.out, c.error)
			}
		})
	}
	_, out, _ := runCLI(t, "policy", "diff", "2019-04", "2026-08", "-o", "json")
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
		_, out, _ := runCLI(t, "policy", "show", e.ID, "-o", "json")
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
	if code, out, errout := runIn(t, home, "report", "-o", "html", "--file", path); code != exitHeld || out != "" {
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

// TestDrillSummary checks that the time of a report is that of the script.
func TestDrillSummary(t *testing.T) {
	p := &play{title: "A drill", ready: eight, report: &api.Report{Verdict: api.VerdictHeld, Edition: "2026-08", VirtualSeconds: 1800,
		Support: api.Supportability{State: "supported"}}}
	var out strings.Builder
	a := &app{Printer: &output.Printer{Out: &out, Err: &out}}
	if err := a.writeTexts([]*play{p}); err != nil {
		t.Fatal(err)
	}
	if want := "\nBy the support policy 2026-08:\nIn 30m nothing was out.\nThe cluster was supported all the time.\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("got %q, want it to end with %q", out.String(), want)
	}
	page := filepath.Join(t.TempDir(), "page.html")
	f, err := output.CreateFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if err := writePage(f, p); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(page); err != nil || !strings.Contains(string(text), "<h1>A drill</h1>") {
		t.Errorf("got %v, %.200s", err, text)
	}
}
