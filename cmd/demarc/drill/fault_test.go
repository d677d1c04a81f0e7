package drill

import (
	"strings"
	"testing"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/command/commandtest"
	"demarc/sim/api"
	"demarc/sim/fault"

	"github.com/spf13/cobra"
)

// TestHealAll checks that what the role may not heal keeps nothing else from it.
func TestHealAll(t *testing.T) {
	home := commandtest.Engine(t, commandtest.Answers{
		"Faults":  []fault.Active{{ID: "f1"}, {ID: "f2"}},
		"Heal f2": struct{}{},
	})
	code, _, errout := demarc.Run(t, home, "fault", "heal", "all")
	if code != command.BadRequest || !strings.Contains(errout, "healed f2\n") || !strings.Contains(errout, "no /v1/faults/f1") {
		t.Errorf("got %d, %q", code, errout)
	}
}

func TestCompleteFault(t *testing.T) {
	t.Setenv("DEMARC_HOME", t.TempDir()) // whatever clusters this machine has
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "crash\t"}, {[]string{"crash"}, "kube-scheduler"}, {[]string{"power-off"}, "node/"}, {[]string{"slow", "etcd"}, "latency=\t"},
		{[]string{"crash"}, "etcd/2"}, {[]string{"crash"}, "provider/leader"}, {[]string{"corrupt"}, "backup/latest"}, {[]string{"fill"}, "backup-store"},
		{nil, "wipe\t"}, {[]string{"corrupt", "backup/latest"}, "how=\t"},
	} {
		words, _ := completeFault(command.New(nil, nil, nil))(&cobra.Command{}, c.args, "")
		if got := strings.Join(words, "\n"); !strings.Contains(got, c.want) {
			t.Errorf("%v: got %q, want %q among them", c.args, got, c.want)
		}
	}
}

// TestCompleteBackup checks that backups are completed as what a fault strikes.
func TestCompleteBackup(t *testing.T) {
	home := commandtest.Engine(t, commandtest.Answers{"Backups": []api.Backup{{ID: "20260105T090000Z"}}})
	demarc.Check(t, home, []commandtest.Case{{"__complete fault inject corrupt ", command.Held, "backup/20260105T090000Z\n", ""}})
}
