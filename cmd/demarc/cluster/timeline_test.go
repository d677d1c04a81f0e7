package cluster

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/command/commandtest"
	"demarc/sim/timeline"
)

// TestHostileStoredTimeline reads the timeline of a cluster that is stopped.
func TestHostileStoredTimeline(t *testing.T) {
	home := t.TempDir()
	line, err := json.Marshal(commandtest.HostileValue[timeline.Event]())
	if err != nil {
		t.Fatal(err)
	}
	commandtest.Write(t, filepath.Join(home, "demarc"), map[string]string{"version.json": `{"format": 2}`, "state.json": "{}", "timeline.jsonl": string(line) + "\n"})
	code, out, errout := demarc.Run(t, home, "timeline")
	if wrong := commandtest.Harm(out + errout); code != command.Held || wrong != "" || !strings.Contains(out, `\u001b`) {
		t.Errorf("got %d, %s, %q, %q", code, wrong, out, errout)
	}
}
