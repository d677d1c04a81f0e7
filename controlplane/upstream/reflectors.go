package upstream

import (
	"time"
	_ "unsafe" // for go:linkname

	_ "k8s.io/client-go/tools/cache" // for go:linkname
)

// A watch that begins again does so at an old revision, and etcd then decodes all
// that has happened since, for each of a hundred informers, every five to ten
// minutes: much of what an idle cluster does. The components' watches last for as
// long as their connections; those of clients outside are theirs.
const (
	minWatch = 12 * time.Hour
	maxWatch = 2 * minWatch
)

//go:linkname defaultMinWatchTimeout k8s.io/client-go/tools/cache.defaultMinWatchTimeout
var defaultMinWatchTimeout time.Duration

//go:linkname defaultMaxWatchTimeout k8s.io/client-go/tools/cache.defaultMaxWatchTimeout
var defaultMaxWatchTimeout time.Duration

func init() { defaultMinWatchTimeout, defaultMaxWatchTimeout = minWatch, maxWatch }
