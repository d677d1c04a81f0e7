package upstream

import (
	"runtime/debug"
	"strings"
	_ "unsafe" // for go:linkname

	"k8s.io/component-base/version"
)

// Kubernetes' own builds set these by linker flags. Here they come from the
// module that is linked in, so that they cannot say anything else.
//
//go:linkname gitVersion k8s.io/component-base/version.gitVersion
var gitVersion string

//go:linkname gitMajor k8s.io/component-base/version.gitMajor
var gitMajor string

//go:linkname gitMinor k8s.io/component-base/version.gitMinor
var gitMinor string

func init() {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return
	}
	for _, m := range info.Deps {
		if m.Path != "k8s.io/kubernetes" {
			continue
		}
		gitVersion = m.Version
		if parts := strings.Split(strings.TrimPrefix(m.Version, "v"), "."); len(parts) == 3 {
			gitMajor, gitMinor = parts[0], parts[1]
		}
		_ = version.SetDynamicVersion(gitVersion) // the same as gitVersion: always valid
	}
}
