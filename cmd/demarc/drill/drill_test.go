package drill

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/command/commandtest"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/terminal"
	"demarc/sim/timeline"
)

var demarc = commandtest.Group(Commands)

func TestScenarioFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "outage.txtar")
	if code, _, errout := demarc.Run(t, "", "scenario", "new", file); code != command.Held {
		t.Fatalf("new: got %d, %s", code, errout)
	}
	if code, out, errout := demarc.Run(t, "", "scenario", "lint", file); code != command.Held || out != "" {
		t.Errorf("lint of the starter: got %d, %q, %q", code, out, errout)
	}
	if code, _, errout := demarc.Run(t, "", "scenario", "new", file); code != command.BadRequest || !strings.Contains(errout, "exists") {
		t.Errorf("new over a file: got %d, %q", code, errout)
	}
	if err := os.WriteFile(file, []byte("# Title\nat 0s aply shop.yaml\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"scenario", "lint", file}, {"drill", file}} {
		code, out, errout := demarc.Run(t, "", args...)
		if said := out + errout; code != command.BadRequest || !strings.Contains(said, file+":2:7: ") || !strings.Contains(said, `did you mean "apply"?`) {
			t.Errorf("%v: got %d, %q, want 2 and the mistake with its place", args, code, said)
		}
	}
	code, out, _ := demarc.Run(t, "", "scenario", "lint", file, "-o", "json")
	var problems []struct{ Line, Column int }
	if err := json.Unmarshal([]byte(out), &problems); err != nil || code != command.BadRequest || len(problems) == 0 || problems[0].Line != 2 {
		t.Errorf("lint -o json: got %d, %v, %s", code, err, out)
	}
}

// TestDrillSummary checks that the time of a report is that of the script.
func TestDrillSummary(t *testing.T) {
	p := &play{title: "A drill", ready: commandtest.Eight, report: &api.Report{Verdict: api.VerdictHeld, Edition: "2026-08", VirtualSeconds: 1800,
		Support: api.Supportability{State: "supported"}}}
	var out strings.Builder
	if err := writeTexts(command.New(nil, &out, &out), []*play{p}); err != nil {
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
	if err := writePage(f, p, ""); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(page); err != nil || !strings.Contains(string(text), "<h1>A drill</h1>") || strings.Contains(string(text), "By edition") {
		t.Errorf("got %v, %.200s", err, text)
	}
	if f, err = output.CreateFile(page); err == nil {
		err = writePage(f, p, command.BothEditions)
	}
	if text, _ := os.ReadFile(page); err != nil || !strings.Contains(string(text), "By edition 2019-04") || !strings.Contains(string(text), "By edition 2026-08") {
		t.Errorf("of both: got %v, %.200s", err, text)
	}
}

// TestHostileScenario lints and tells a hostile scenario.
func TestHostileScenario(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x\x1b[2J.txtar")
	if err := os.WriteFile(file, []byte("# "+commandtest.Hostile+"\nat 0s "+commandtest.Hostile+"\n-- "+commandtest.Hostile+" --\n\xff\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"scenario", "lint", file}, {"drill", file}} {
		code, out, errout := demarc.Run(t, "", args...)
		if (strings.ContainsAny(out+errout, "\x1b\u009b\a\x7f\r\u202e") || strings.Contains(out+errout, "\xff")) || code != command.BadRequest || !strings.Contains(out+errout, `\u001b`) {
			t.Errorf("%q: got %d, %q, %q", args, code, out, errout)
		}
	}
	var out bytes.Buffer
	n := output.NewNarrator(terminal.Writer{Writer: &out}, terminal.Writer{Writer: &out})
	n.Open(commandtest.Hostile, commandtest.Hostile)
	n.Ready(commandtest.Eight)
	n.Step(commandtest.HostileValue[api.Step]())
	n.Event(commandtest.HostileValue[timeline.Event]())
	n.Close()
	report := commandtest.HostileValue[api.Report]()
	report.Error = ""
	env := command.New(nil, terminal.Writer{Writer: &out}, terminal.Writer{Writer: &out})
	told := &play{title: commandtest.Hostile, report: &report, events: []timeline.Event{commandtest.HostileValue[timeline.Event]()}}
	if err := writeReports(env, []*play{told}, terminal.Writer{Writer: &out}); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\u009b\a\x7f\r\u202e") || !strings.Contains(out.String(), `\u001b`) {
		t.Errorf("got %q", out.String())
	}
}
