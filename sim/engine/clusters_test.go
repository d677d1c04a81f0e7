package engine

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"demarc/sim/api"
)

// played prepares the data directory of a drill.
func played(t *testing.T, dir string, keep bool) {
	t.Helper()
	prepare(t, dir)
	files(t, dir, startLock)
	if err := writeJSON(configFile(dir), api.EngineConfig{Scenario: tinyScenario, Keep: keep}); err != nil {
		t.Fatal(err)
	}
}

// A drill has the scenario's name, and never takes what others have there.
func TestDrillDir(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	t.Setenv(HomeEnv, home)
	for _, tt := range []struct{ scenario, want string }{
		{"etcd-lost", "etcd-lost"}, {"etcd-lost", "etcd-lost-2"}, {"etcd-lost", "etcd-lost-3"}, {"My Outage!", "my-outage"}, {"…", "drill"},
	} {
		if dir, err := DrillDir(t.Context(), tt.scenario); err != nil || dir != filepath.Join(home, tt.want) {
			t.Errorf("%s: got %s, %v, want %s", tt.scenario, dir, err, tt.want)
		}
	}
}

func TestDrillDirOfOneThatIsThere(t *testing.T) {
	path, home := useFake(t, "scenario"), t.TempDir()
	t.Setenv(HomeEnv, home)
	dir := filepath.Join(home, "etcd-lost")
	next := func(want string) {
		t.Helper()
		got, err := DrillDir(t.Context(), "etcd-lost")
		if err != nil || got != filepath.Join(home, want) {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
		if want != "etcd-lost" {
			os.RemoveAll(got)
		}
	}
	// One that is kept, and a cluster that is none, stay.
	played(t, dir, true)
	next("etcd-lost-2")
	if err := writeJSON(configFile(dir), api.EngineConfig{}); err != nil {
		t.Fatal(err)
	}
	next("etcd-lost-2")
	// So does one that runs, until it has ended.
	p, err := Start(t.Context(), Options{Path: path, DataDir: dir, Config: api.EngineConfig{Scenario: tinyScenario}})
	if err != nil {
		t.Fatal(err)
	}
	next("etcd-lost-2")
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	next("etcd-lost")
	if isThere(configFile(dir)) {
		t.Error("what the drill has left is still there")
	}
	// So does one that is being started.
	played(t, dir, false)
	unlock, err := lock(t.Context(), filepath.Join(dir, startLock), nil)
	if err != nil {
		t.Fatal(err)
	}
	next("etcd-lost-2")
	unlock()
	next("etcd-lost")
}

func TestChoose(t *testing.T) {
	home := t.TempDir()
	t.Setenv(HomeEnv, home)
	choose := func(want string) {
		t.Helper()
		got, err := Choose(false)
		if input := (*InputError)(nil); got != want || (want == "") != errors.As(err, &input) {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	choose("demarc")
	played(t, filepath.Join(home, "etcd-lost"), true)
	choose("demarc")
	prepare(t, filepath.Join(home, "training"))
	choose("training")
	prepare(t, filepath.Join(home, "other"))
	choose("")
	t.Setenv(NameEnv, "other")
	choose("other")
}
