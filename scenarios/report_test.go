package scenarios

import (
	"bytes"
	"encoding/xml"
	"strings"
	"testing"

	"demarc/scenarios/script/parse"
	"demarc/sim/api"
)

// TestLint checks every built-in scenario, without an engine.
func TestLint(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			s, err := Load(name)
			if err != nil {
				t.Fatal(err)
			}
			parsed, problems := parse.Parse(s.File, s.Text)
			for _, p := range problems {
				t.Error(p)
			}
			if parsed.Description == "" || len(parsed.Clauses) == 0 {
				t.Error("a built-in scenario has a description and names its clauses")
			}
		})
	}
}

func TestLoadUnknown(t *testing.T) {
	for name, want := range map[string]string{
		"etcd-lst":        `did you mean "etcd-lost"?`,
		"something-else":  "demarc drill --list",
		"./nowhere.txtar": "no such file",
	} {
		if _, err := Load(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Load(%q): got %v, want an error with %q", name, err, want)
		}
	}
}

var sample = &api.Report{
	Scenario: "etcd-lost", File: "etcd-lost.txtar", Verdict: api.VerdictFailed, VirtualSeconds: 1800, RealSeconds: 2.5,
	Expectations: []api.Expectation{
		{Line: 9, Text: "within 2m expect up.yaml", Held: true, Seen: "up", AtSeconds: 12},
		{Line: 12, Text: "throughout 5m check 'a < b'", Seen: "etcd-lost.txtar:12: a < b\n  why", AtSeconds: 300.5},
		{Line: 15, Text: "finally check 'c'", Seen: "not reached"},
	},
	Traffic: []api.Traffic{{Sent: 30, Failed: 2, Reasons: map[string]int64{"i/o timeout": 1, "connection refused": 1}}},
	Backups: []api.Backup{{ID: "20260105T083000Z", Verified: true}, {ID: "20260105T090000Z"}},
	Restores: []api.Restore{
		{ID: "r1", Backup: "20260105T083000Z", RPOSeconds: 754, RTOSeconds: 42.5, Phase: api.RestoreDone},
		{ID: "r2", Phase: api.RestoreFailed},
	},
}

func TestWriteJUnit(t *testing.T) {
	var buf bytes.Buffer
	broken := &api.Report{Scenario: "x", Verdict: api.VerdictError, Error: "no engine"}
	if err := WriteJUnit(&buf, []*api.Report{sample, broken}); err != nil {
		t.Fatal(err)
	}
	var got junitSuites
	if err := xml.Unmarshal(buf.Bytes(), &got); err != nil {
		t.Fatalf("not XML: %v\n%s", err, buf.String())
	}
	if len(got.Suites) != 2 {
		t.Fatalf("got %d suites, want 2", len(got.Suites))
	}
	if s := got.Suites[0]; s.Tests != 3 || s.Failures != 1 || s.Skipped != 1 || s.Errors != 0 {
		t.Errorf("got %+v", s)
	}
	if f := got.Suites[0].Cases[1].Failure; f == nil || f.Message != "etcd-lost.txtar:12: a < b" || !strings.Contains(f.Text, "why") {
		t.Errorf("failure: got %+v", f)
	}
	if s := got.Suites[1]; s.Errors != 1 || s.Cases[0].Error.Message != "no engine" {
		t.Errorf("error: got %+v", s)
	}
}

func TestWriteText(t *testing.T) {
	var buf bytes.Buffer
	if err := WriteText(&buf, []*api.Report{sample}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"etcd-lost: FAILED (1 of 3 expectations, 30m0s virtual in 2.5s real)",
		"connection refused: 1, i/o timeout: 1", "  why", "12s", "5m1s",
		"BACKUPS  VERIFIED  NEWEST\n2        1         20260105T090000Z\n",
		"RESTORE  BACKUP            RPO     RTO    PHASE\nr1       20260105T083000Z  12m34s  42.5s  done\nr2       -                 0s      0s     failed\n",
	} {
		if !strings.Contains(buf.String(), want) {
			t.Errorf("got no %q in:\n%s", want, buf.String())
		}
	}
	buf.Reset()
	if err := WriteText(&buf, []*api.Report{{Scenario: "x"}}); err != nil || strings.Contains(buf.String(), "BACKUPS") || strings.Contains(buf.String(), "RESTORE") {
		t.Errorf("without backups: got %v\n%s", err, buf.String())
	}
}
