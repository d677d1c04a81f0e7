package kubelet

import "time"

// Back-off of containers and of image pulls (kubernetes 1.37,
// pkg/kubelet/kubelet.go: backOffPeriod, MaxCrashLoopBackOff,
// imageBackOffPeriod, MaxImageBackOff).
const (
	backoffStart = 10 * time.Second
	backoffMax   = 300 * time.Second
)

// backoff is how long to wait before something that failed is tried again: 10 s,
// doubling to 300 s, forgotten when a run lasted over twice the longest wait.
type backoff struct {
	delay time.Duration
	last  time.Time // when delay was set
}

// next counts a try that is made at now after a failure at failed.
func (b *backoff) next(failed, now time.Time) {
	if b.delay == 0 || failed.Sub(b.last) > 2*backoffMax {
		b.delay = backoffStart
	} else {
		b.delay = min(2*b.delay, backoffMax)
	}
	b.last = now
}

// until is when a failure at failed may be followed by another try.
func (b *backoff) until(failed time.Time) time.Time {
	if b.delay == 0 || failed.Sub(b.last) > 2*backoffMax {
		return failed
	}
	return failed.Add(b.delay)
}

// retryMax is the longest wait between two tries of a request that the API
// server refused.
const retryMax = 30 * time.Second

// retry is when a request that failed may be made again.
type retry struct {
	at    time.Time
	tries int
}

// fail counts a failure at now.
func (r *retry) fail(now time.Time) {
	r.at = now.Add(min(time.Second<<min(r.tries, 5), retryMax))
	r.tries++
}

// allows says whether it may be made at now, and forgets a wait that is over.
func (r *retry) allows(now time.Time) bool {
	if now.Before(r.at) {
		return false
	}
	r.at = time.Time{}
	return true
}
