package api

import "runtime/debug"

// Version is demarc's own version.
const Version = "0.1.0"

// Commit is the commit that this program was built from, as Go's tools note it in a program,
// and whether there were changes beside it; empty if the build has left it out.
func Commit() (revision string, changed bool) {
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return "", false
	}
	return commitOf(info.Settings)
}

func commitOf(settings []debug.BuildSetting) (revision string, changed bool) {
	for _, s := range settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value
		case "vcs.modified":
			changed = s.Value == "true"
		}
	}
	return revision, changed
}
