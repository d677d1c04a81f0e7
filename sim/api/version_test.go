package api

import (
	"runtime/debug"
	"testing"
)

func TestCommit(t *testing.T) {
	for _, tt := range []struct {
		settings []debug.BuildSetting
		revision string
		changed  bool
	}{
		{nil, "", false},
		{[]debug.BuildSetting{{Key: "GOOS", Value: "linux"}, {Key: "vcs.revision", Value: "a528610"}, {Key: "vcs.modified", Value: "false"}}, "a528610", false},
		{[]debug.BuildSetting{{Key: "vcs.revision", Value: "a528610"}, {Key: "vcs.modified", Value: "true"}}, "a528610", true},
	} {
		if revision, changed := commitOf(tt.settings); revision != tt.revision || changed != tt.changed {
			t.Errorf("%v: got %q, %v", tt.settings, revision, changed)
		}
	}
}
