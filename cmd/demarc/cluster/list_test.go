package cluster

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/command/commandtest"
	"demarc/sim/api"
	"demarc/sim/engine"
)

var demarc = commandtest.Group(Commands)

// addCluster makes a data directory, with what its engine was told.
func addCluster(t *testing.T, home, name string, cfg api.EngineConfig) {
	t.Helper()
	text, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	commandtest.Write(t, filepath.Join(home, name), map[string]string{"version.json": `{"format": 2}`, "config.json": string(text)})
}

var aDrill = api.EngineConfig{Scenario: "# X\n", ScenarioFile: "etcd-lost.txtar", Ephemeral: true}

// runningAs is a home in which a fake engine runs a cluster of that name.
func runningAs(t *testing.T, name string, cfg api.EngineConfig) string {
	t.Helper()
	home := commandtest.Engine(t, commandtest.Answers{
		"Clock":  api.Clock{Now: commandtest.Eight, Rate: 60, Virtual: true},
		"Status": api.Status{Name: name, State: "ready", Clock: api.Clock{Now: commandtest.Eight, Rate: 60}, KubernetesVersion: "v1.36.3"},
	})
	if err := os.Rename(filepath.Join(home, "demarc"), filepath.Join(home, name)); err != nil {
		t.Fatal(err)
	}
	addCluster(t, home, name, cfg)
	return home
}

// TestOneClusterNeedsNoName checks that the only cluster is found whatever its name is,
// and that a drill is no second one.
func TestOneClusterNeedsNoName(t *testing.T) {
	home := runningAs(t, "training", api.EngineConfig{})
	addCluster(t, home, "etcd-lost", aDrill)
	if code, out, errout := demarc.Run(t, home, "clock", "get"); code != command.Held || !strings.Contains(out, "08:00:00, 60x") {
		t.Errorf("got %d, %q, %q", code, out, errout)
	}
	if code, out, errout := demarc.Run(t, home, "up", "--detach"); code != command.Held || !strings.Contains(out, "The cluster training is ready") || strings.Contains(out, "--name") {
		t.Errorf("up: got %d, %q, %q", code, out, errout)
	}
}

// TestSeveralClusters checks that the clusters are listed if none is chosen, and that
// DEMARC_NAME and --name choose.
func TestSeveralClusters(t *testing.T) {
	home := runningAs(t, "training", api.EngineConfig{})
	addCluster(t, home, "demarc", api.EngineConfig{})
	for _, args := range []string{"clock get", "status", "up", "down --delete", "timeline", "kubeconfig"} {
		code, out, errout := demarc.Run(t, home, strings.Fields(args)...)
		if code != command.BadRequest || out != "" || !strings.Contains(errout, "there are 2 clusters, demarc, training: choose one with --name or DEMARC_NAME") {
			t.Errorf("%s: got %d, %q, %q", args, code, out, errout)
		}
	}
	if code, out, _ := demarc.Run(t, home, "clock", "get", "--name", "training"); code != command.Held || !strings.Contains(out, "60x") {
		t.Errorf("--name: got %d, %q", code, out)
	}
	t.Setenv(engine.NameEnv, "training")
	if code, out, _ := demarc.Run(t, home, "clock", "get"); code != command.Held || !strings.Contains(out, "60x") {
		t.Errorf("DEMARC_NAME: got %d, %q", code, out)
	}
	if code, _, errout := demarc.Run(t, home, "clock", "get", "--name", "demarc"); code != command.BadRequest || !strings.Contains(errout, "there is no cluster demarc: there is demarc, training") {
		t.Errorf("--name over DEMARC_NAME: got %d, %q", code, errout)
	}
	t.Setenv(engine.NameEnv, "Big_One")
	if code, _, errout := demarc.Run(t, home, "clock", "get"); code != command.BadRequest || !strings.Contains(errout, "cannot be a cluster's name") {
		t.Errorf("a bad DEMARC_NAME: got %d, %q", code, errout)
	}
}

// TestRunningDrillIsReached checks that a drill that is played is a cluster like others,
// and that up leaves it alone.
func TestRunningDrillIsReached(t *testing.T) {
	home := runningAs(t, "etcd-lost", aDrill)
	for _, args := range []string{"clock get", "--name etcd-lost clock get"} {
		if code, out, errout := demarc.Run(t, home, strings.Fields(args)...); code != command.Held || !strings.Contains(out, "60x") {
			t.Errorf("%s: got %d, %q, %q", args, code, out, errout)
		}
	}
	if _, out, _ := demarc.Run(t, home, "list"); !strings.Contains(out, "etcd-lost  drill  ready") {
		t.Errorf("list: got %q", out)
	}
	if code, _, errout := demarc.Run(t, home, "up"); code != command.BadRequest || !strings.Contains(errout, "DEMARC_ENGINE names") {
		t.Errorf("up: got %d, %q, want a cluster of its own", code, errout)
	}
}

// TestKilledDrill checks that what a killed drill has left is said and can be removed.
func TestKilledDrill(t *testing.T) {
	home := t.TempDir()
	addCluster(t, home, "etcd-lost", aDrill)
	if code, out, errout := demarc.Run(t, home, "list"); code != command.Held || !strings.Contains(out, "drill  over") || !strings.Contains(errout, "demarc down --delete --name etcd-lost") {
		t.Errorf("list: got %d, %q, %q", code, out, errout)
	}
	for _, args := range []string{"clock get", "up", "kubeconfig", "timeline", "status"} {
		code, out, errout := demarc.Run(t, home, append(strings.Fields(args), "--name", "etcd-lost")...)
		if !strings.Contains(out+errout, "The drill etcd-lost is over; its data is in") && (code != command.BadRequest || !strings.Contains(errout, "demarc down --delete --name etcd-lost")) {
			t.Errorf("%s: got %d, %q, %q", args, code, out, errout)
		}
	}
	if code, _, errout := demarc.Run(t, home, "clock", "get"); code != command.BadRequest || !strings.Contains(errout, "there is no cluster demarc") {
		t.Errorf("without a name: got %d, %q", code, errout)
	}
	if code, _, errout := demarc.Run(t, home, "down", "--delete", "--name", "etcd-lost"); code != command.Held || !strings.Contains(errout, "deleted the cluster etcd-lost") {
		t.Errorf("down: got %d, %q", code, errout)
	}
	if _, out, _ := demarc.Run(t, home, "list", "-o", "json"); out != "[]\n" {
		t.Errorf("list: got %q", out)
	}
}

// TestList checks what a list has of clusters that run, are stopped and are unusable.
func TestList(t *testing.T) {
	home := runningAs(t, "training", api.EngineConfig{})
	addCluster(t, home, "stopped", api.EngineConfig{})
	addCluster(t, home, "newer", api.EngineConfig{})
	for name, text := range map[string]string{
		"newer/version.json": `{"format": 99}`, "Not_One": "", "stopped/state.json": `{"cluster": {"name": "stopped"}, "now": "2026-01-05T08:30:00Z", "kubernetesVersion": "v1.35.1"}`,
	} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, out, errout := demarc.Run(t, home, "list")
	for _, want := range []string{
		"newer     cluster  unusable", "stopped   cluster  stopped   2026-01-05 08:30:00  -     1.35.1", "training  cluster  ready     2026-01-05 08:00:00  60x   1.36.3", " MiB\n",
	} {
		if code != command.Held || !strings.Contains(out, want) || strings.Contains(out, "Not_One") {
			t.Errorf("got %d, want %q in\n%s", code, want, out)
		}
	}
	if !strings.Contains(errout, "demarc: newer: the data in ") {
		t.Errorf("got %q", errout)
	}
	var list []listedCluster
	if _, out, _ := demarc.Run(t, home, "list", "-o", "json"); json.Unmarshal([]byte(out), &list) != nil || len(list) != 3 || list[2].MemoryBytes == 0 || *list[2].Rate != 60 {
		t.Errorf("as JSON: got %s", out)
	}
}

// TestLookingMakesNothing checks that a command that only looks makes no file.
func TestLookingMakesNothing(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	for _, args := range []string{"list", "status", "clock get", "timeline", "down", "__complete --name "} {
		demarc.Run(t, home, strings.Split(args, " ")...)
		if _, err := os.Stat(home); err == nil {
			t.Fatalf("%s made %s", args, home)
		}
	}
}
