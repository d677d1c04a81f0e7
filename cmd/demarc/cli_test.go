package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"demarc/cmd/demarc/output"
	"demarc/scenarios"

	"github.com/spf13/cobra"
)

// runCLI runs the command in this process, with clusters in a directory of the
// test.
func runCLI(t *testing.T, args ...string) (code int, out, errout string) {
	t.Helper()
	return runIn(t, filepath.Join(t.TempDir(), "home"), args...)
}

// runIn runs the command with clusters in a directory.
func runIn(t *testing.T, home string, args ...string) (code int, out, errout string) {
	t.Helper()
	t.Setenv("DEMARC_HOME", home)
	t.Setenv("DEMARC_ENGINE", filepath.Join(t.TempDir(), "no-engine"))
	var stdout, stderr bytes.Buffer
	a := &app{in: strings.NewReader(""), Printer: &output.Printer{Out: &stdout, Err: &stderr}}
	code = a.execute(t.Context(), args)
	return code, stdout.String(), stderr.String()
}

// TestBadInput checks that what cannot be done is said in one line, with exit
// code 2 and nothing on standard output.
func TestBadInput(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"dril x", `did you mean "drill"?`},
		{"fault injct", `did you mean "inject"?`},
		{"up --nods 3", `did you mean "--nodes"?`},
		{"up --nodes zero", "invalid argument"},
		{"up --nodes 0", "want 1 to 1000"},
		{"up --nodes 1001", "want 1 to 1000"},
		{"up --rate fast", "want a speed"},
		{"up --edition 2020", "2019-04 or 2026-08"},
		{"up --etcd-members 2", "want 1 or 3"},
		{"up --api-servers 0", "want 1 to 3"},
		{"up --api-servers 4", "want 1 to 3"},
		{"up --backup-keep 24", "invalid argument"},
		{"up --backup-keep -1h", "want more than nothing"},
		{"up --backup-keep 9000h", "at most a year"},
		{"up --backup-daily 0", "want 1 to 366"},
		{"--as provder backup list", `want customer, provider, director (did you mean "provider"?)`},
		{"--as platform status", "want customer, provider, director"},
		{"backup list", "make one with: demarc up"},
		{"backup delete x", `unknown command "delete"`},
		{"backup shw", `did you mean "show"?`},
		{"backup show", "accepts 1 arg"},
		{"backup restore a b", "accepts at most 1 arg"},
		{"incidents now", "unknown command"},
		{"fault inject wipe kube-apiserver", "it takes etcd, etcd/N"},
		{"fault inject corrupt backup/latest how=bitflip", `did you mean "bit-flip"?`},
		{"fault inject crash provider/leadr", `did you mean "provider/leader"?`},
		{"up --name Big_One", "cannot be a cluster's name"},
		{"up", "DEMARC_ENGINE names"},
		{"up now", "unknown command"},
		{"-o yaml version", "want text or json"},
		{"status", "make one with: demarc up"},
		{"status --name other", "demarc up --name other"},
		{"down", "there is no cluster demarc"},
		{"timeline --since yesterday", "want a duration"},
		{"clock set", "accepts 1 arg"},
		{"clock set -- -3", "want a speed"},
		{"clock run --until soon", "want a duration"},
		{"fault inject crsh etcd", `did you mean "crash"?`},
		{"fault inject crash etdc", `did you mean "etcd"?`},
		{"fault inject slow etcd", "latency"},
		{"fault inject slow etcd latency=1s latency=2s", "given twice"},
		{"fault inject crash etcd now", "NAME=VALUE"},
		{"drill", "demarc drill --list"},
		{"drill etcd-lst", `did you mean "etcd-lost"?`},
		{"drill ./nowhere.txtar", "nowhere.txtar"},
		{"drill etcd-lost --rate pause", "never ends"},
		{"drill etcd-lost --edition 1", "want 2019-04"},
		{"drill etcd-lost --junit /nowhere/report.xml", "--junit"},
		{"drill etcd-lost --html /nowhere/report.html", "--html"},
		{"drill etcd-lost apiserver-lost --html report.html", "one page is of one scenario"},
		{"drill etcd-lost -o html", "want text or json"},
		{"drill etcd-lost -o json", "DEMARC_ENGINE names"},
		{"scenario lint nowhere.txtar", "nowhere.txtar"},
		{"scenario lint", "requires at least 1 arg"},
	} {
		t.Run(c.args, func(t *testing.T) {
			code, out, errout := runCLI(t, strings.Fields(c.args)...)
			if code != exitInput {
				t.Errorf("exit code: got %d, want %d", code, exitInput)
			}
			if out != "" {
				t.Errorf("standard output: got %q, want none", out)
			}
			if !strings.Contains(errout, c.want) || strings.Count(errout, "\n") != 1 {
				t.Errorf("standard error: got %q, want one line with %q", errout, c.want)
			}
		})
	}
}

func TestScenarioFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "outage.txtar")
	if code, _, errout := runCLI(t, "scenario", "new", file); code != exitHeld {
		t.Fatalf("new: got %d, %s", code, errout)
	}
	if code, out, errout := runCLI(t, "scenario", "lint", file); code != exitHeld || out != "" {
		t.Errorf("lint of the starter: got %d, %q, %q", code, out, errout)
	}
	if code, _, errout := runCLI(t, "scenario", "new", file); code != exitInput || !strings.Contains(errout, "exists") {
		t.Errorf("new over a file: got %d, %q", code, errout)
	}
	if err := os.WriteFile(file, []byte("# Title\nat 0s aply shop.yaml\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"scenario", "lint", file}, {"drill", file}} {
		code, out, errout := runCLI(t, args...)
		if said := out + errout; code != exitInput || !strings.Contains(said, file+":2:7: ") || !strings.Contains(said, `did you mean "apply"?`) {
			t.Errorf("%v: got %d, %q, want 2 and the mistake with its place", args, code, said)
		}
	}
	code, out, _ := runCLI(t, "scenario", "lint", file, "-o", "json")
	var problems []struct{ Line, Column int }
	if err := json.Unmarshal([]byte(out), &problems); err != nil || code != exitInput || len(problems) == 0 || problems[0].Line != 2 {
		t.Errorf("lint -o json: got %d, %v, %s", code, err, out)
	}
}

func TestPrints(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"version", "demarc 0."},
		{"drill --list", "control-plane-lost"},
		{"fault kinds", "demarc --as director fault inject crash etcd"},
		{"fault kinds", "--as customer may strike: kubelet/NODE, container/NAMESPACE/POD/NAME, pod/NAMESPACE/NAME, deployment/[NAMESPACE/]NAME, nodes, node/NAME, customer\n"},
		{"fault kinds", "Strikes: etcd, etcd/N, backup/ID\n"},
		{"fault kinds", "demarc --as director fault inject fill backup-store"},
		{"__complete --as", "director"},
		{"__complete up --etcd-members", "3"},
		{"scenario verbs", "throughout"},
		{"scenario new", "-- shop.yaml --"},
		{"completion bash", "bash completion"},
		{"--help", "Available Commands"},
		{"clock", "Available Commands"},
	} {
		if code, out, errout := runCLI(t, strings.Fields(c.args)...); code != exitHeld || !strings.Contains(out, c.want) {
			t.Errorf("%s: got %d, %q, %q, want %q", c.args, code, out, errout, c.want)
		}
	}
	_, out, _ := runCLI(t, "drill", "--list", "-o", "json")
	var list []scenarios.Info
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != len(scenarios.Names()) {
		t.Errorf("drill --list -o json: got %d scenarios, %v", len(list), err)
	}
}

// TestExamples checks that each command has an example, and that the examples
// are commands that exist with flags that exist.
func TestExamples(t *testing.T) {
	root := (&app{Printer: &output.Printer{}}).root()
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			if sub.Name() != "help" && sub.Name() != "completion" {
				visit(sub)
			}
		}
		if c.Example == "" {
			t.Errorf("%s has no example", c.CommandPath())
		}
		for _, line := range strings.Split(c.Example, "\n") {
			line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
			line, _, _ = strings.Cut(line, " |")
			line, _, _ = strings.Cut(line, " >")
			words, ok := strings.CutPrefix(line, "demarc ")
			if !ok {
				continue
			}
			found, rest, err := (&app{Printer: &output.Printer{}}).root().Find(strings.Fields(words))
			if err == nil {
				err = found.ParseFlags(rest)
			}
			if err == nil {
				err = found.ValidateArgs(found.Flags().Args())
			}
			if err != nil {
				t.Errorf("%s: example %q: %v", c.CommandPath(), line, err)
			}
		}
	}
	visit(root)
}

func TestCompleteFault(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "crash\t"}, {[]string{"crash"}, "kube-scheduler"}, {[]string{"power-off"}, "node/"}, {[]string{"slow", "etcd"}, "latency=\t"},
		{[]string{"crash"}, "etcd/2"}, {[]string{"crash"}, "provider/leader"}, {[]string{"corrupt"}, "backup/latest"}, {[]string{"fill"}, "backup-store"},
		{nil, "wipe\t"}, {[]string{"corrupt", "backup/latest"}, "how=\t"},
	} {
		words, _ := (&app{Printer: &output.Printer{}}).completeFault(&cobra.Command{}, c.args, "")
		if got := strings.Join(words, "\n"); !strings.Contains(got, c.want) {
			t.Errorf("%v: got %q, want %q among them", c.args, got, c.want)
		}
	}
}
