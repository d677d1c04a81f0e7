package upstream

import (
	"time"
	_ "unsafe" // for go:linkname

	"github.com/prometheus/client_golang/prometheus"
	_ "go.etcd.io/etcd/server/v3/storage/mvcc" // for go:linkname
)

// watchResyncPeriod is how often etcd's MVCC store looks for watchers that lag
// behind. Its 100 ms would be ten jumps of the virtual clock in every second.
//
//go:linkname watchResyncPeriod go.etcd.io/etcd/server/v3/storage/mvcc.watchResyncPeriod
var watchResyncPeriod time.Duration

// slowWatcherGauge is where a round of that tells, at its end, how many watchers
// still lag behind.
//
//go:linkname slowWatcherGauge go.etcd.io/etcd/server/v3/storage/mvcc.slowWatcherGauge
var slowWatcherGauge prometheus.Gauge

func init() {
	watchResyncPeriod = time.Second
	slowWatcherGauge = resyncGauge{slowWatcherGauge}
}

// resyncGauge makes a round that leaves watchers behind take time. The store's
// loop pauses for as long as the round took before it begins the next, and a
// ticker that is given no time panics (etcd v3.7, watchable_store.go): computing
// takes no virtual time.
type resyncGauge struct{ prometheus.Gauge }

// Set implements [prometheus.Gauge].
func (g resyncGauge) Set(lagging float64) {
	if lagging > 0 {
		time.Sleep(time.Nanosecond)
	}
	g.Gauge.Set(lagging)
}
