package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/command/commandtest"
	"demarc/scenarios"

	"github.com/spf13/cobra"
)

var demarc = commandtest.Root(root)

// TestBadInput checks that what cannot be done is said in one line, with exit
// code 2 and nothing on standard output.
func TestBadInput(t *testing.T) {
	demarc.Refuse(t, []commandtest.Refused{
		{"dril x", `did you mean "drill"?`},
		{"fault injct", `did you mean "inject"?`},
		{"up --nods 3", `did you mean "--nodes"?`},
		{"up --nodes zero", "invalid argument"},
		{"up --nodes 0", "want 1 to 1000"},
		{"up --nodes 1001", "want 1 to 1000"},
		{"up --zones 1,4", "(InvalidAvailabilityZone) The zone '4' is not supported"},
		{"up --zones 1,1", "the zone 1 is given twice"},
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
		{"up --images nowhere.yaml", "nowhere.yaml"},
		{"image explain", "accepts 1 arg"},
		{"drill", "demarc drill --list"},
		{"drill etcd-lst", `did you mean "etcd-lost"?`},
		{"drill ./nowhere.txtar", "nowhere.txtar"},
		{"drill etcd-lost --rate pause", "never ends"},
		{"drill etcd-lost --edition 1", "want 2019-04"},
		{"drill etcd-lost --edition both", "only a report is by both"},
		{"drill etcd-lost --edition both --html /nowhere/report.html", "--html"},
		{"drill etcd-lost --junit /nowhere/report.xml", "--junit"},
		{"drill etcd-lost --html /nowhere/report.html", "--html"},
		{"drill etcd-lost apiserver-lost --html report.html", "one page is of one scenario"},
		{"drill etcd-lost -o html", "want text or json"},
		{"drill etcd-lost -o json", "DEMARC_ENGINE names"},
		{"scenario lint nowhere.txtar", "nowhere.txtar"},
		{"scenario lint", "requires at least 1 arg"},
	})
}

// TestSeveralClusters checks that a command of each group wants to know which cluster is
// meant.
func TestSeveralClusters(t *testing.T) {
	home := t.TempDir()
	for _, name := range []string{"demarc", "training"} {
		commandtest.Write(t, filepath.Join(home, name), map[string]string{"version.json": `{"format": 2}`, "config.json": "{}"})
	}
	const want = "there are 2 clusters, demarc, training: choose one with --name or DEMARC_NAME"
	demarc.Check(t, home, []commandtest.Case{
		{"ssh 0", command.BadRequest, "", want},
		{"--as provider backup list", command.BadRequest, "", want},
		{"consent list", command.BadRequest, "", want},
		{"nodepool list", command.BadRequest, "", want},
		{"incidents", command.BadRequest, "", want},
		{"fault list", command.BadRequest, "", want},
	})
}

func TestPrints(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"version", "demarc 0."},
		{"drill --list", "control-plane-lost"},
		{"fault kinds", "demarc --as director fault inject crash etcd"},
		{"fault kinds", "--as customer may strike: kubelet/NODE, container/NAMESPACE/POD/NAME, pod/NAMESPACE/NAME,\n  deployment/[NAMESPACE/]NAME, nodes, node/NAME, customer, namespace/NAME,\n  serviceaccount/NAMESPACE/NAME\n"},
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
		if code, out, errout := demarc.Run(t, "", strings.Fields(c.args)...); code != command.Held || !strings.Contains(out, c.want) {
			t.Errorf("%s: got %d, %q, %q, want %q", c.args, code, out, errout, c.want)
		}
	}
	_, out, _ := demarc.Run(t, "", "drill", "--list", "-o", "json")
	var list []scenarios.Info
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != len(scenarios.Names()) {
		t.Errorf("drill --list -o json: got %d scenarios, %v", len(list), err)
	}
}

// TestExamples checks that each command has an example, and that the examples
// are commands that exist with flags that exist.
func TestExamples(t *testing.T) {
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
			found, rest, err := root(command.New(nil, nil, nil)).Find(strings.Fields(words))
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
	visit(root(command.New(nil, nil, nil)))
}
