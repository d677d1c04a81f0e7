package nodes

import "time"

// Times of settling, all virtual.
const (
	// settleTime is how long pods that a restore has brought back may take to
	// run and to say so, before the rules follow what the API server says.
	settleTime = 20 * time.Second
	// settlePoll is how often it is looked whether the past has arrived.
	settlePoll = time.Second
	// settleLimit bounds the wait for it: informers ask again within a minute.
	settleLimit = 3 * time.Minute
)

// settling is the time after a restore of etcd, in which what the API server
// says of endpoints is of the past: some are of pods that run no more, and some
// that run are missing. Until the pods are what the API server says, the rules
// stay what they were, and pods that it no longer knows go on serving.
type settling struct {
	active  bool
	version string // of the pods' informer before it has seen the past
	until   time.Time
	limit   time.Time
}

// Restored says that the API server will come back with a past state: call it
// before it does.
func (f *Fleet) Restored() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.proxy.restored = settling{active: true, version: f.podsVersion(), limit: time.Now().Add(settleLimit)}
	f.timers.Wake(f.proxy)
}

func (f *objects) podsVersion() string {
	return f.informers.Core().V1().Pods().Informer().LastSyncResourceVersion()
}

// over says whether the rules may follow the API server: version is that of the
// pods' informer now, online whether the API server answers.
func (s *settling) over(now time.Time, version string, online bool) bool {
	if !s.active {
		return true
	}
	if s.until.IsZero() {
		switch {
		case version != s.version:
			s.until = now.Add(settleTime)
		case !online: // there is no API server that could tell of it
			s.limit = now.Add(settleLimit)
			return false
		case now.Before(s.limit):
			return false
		}
	}
	if now.Before(s.until) {
		return false
	}
	s.active = false
	return true
}
