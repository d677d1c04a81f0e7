package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"demarc/sim/clock"
)

// Times of the watchdog. AKS's own are not published; these are what a kubelet
// does for the static pods of a control plane: it looks every ten seconds, takes
// three failures in a row for an outage, and waits ten seconds before the second
// restart, then twice as long each time up to five minutes, and forgets after
// ten minutes of health (Kubernetes v1.37, pkg/kubelet: containerBackOffPeriod,
// MaxContainerBackOff; core/v1 defaults of probes).
const (
	probePeriod   = 10 * time.Second
	probeTimeout  = 5 * time.Second
	probeFailures = 3
	firstBackOff  = 10 * time.Second
	maxBackOff    = 5 * time.Minute
	backOffReset  = 10 * time.Minute
	// restartTimeout bounds one restart. A component that does not serve by then
	// is restarted again.
	restartTimeout = 2 * time.Minute
	// reconnectGrace is how long an API server that lives may take to find back
	// to an etcd that serves again. Its clients of etcd wait longer and longer
	// between attempts, up to two minutes.
	reconnectGrace = 20 * time.Second
)

// vitals is what the watchdog knows of one component.
type vitals struct {
	failures  int       // in a row
	since     time.Time // of the first of them
	starting  time.Time // since when it was about to serve, if it is
	last      error     // of the newest of them
	restarts  int       // without backOffReset of health between
	next      time.Time // not restarted before
	healthy   time.Time // since when
	restarted bool      // a restart is under way
}

// observe takes in the answer of one health check and says whether the component
// is out. Gone says that there is no process to ask, which one answer proves.
func (v *vitals) observe(now time.Time, err error, gone bool) (out bool) {
	if err == nil {
		if v.failures > 0 || v.healthy.IsZero() {
			v.healthy = now
		}
		v.failures, v.last, v.starting = 0, nil, time.Time{}
		if now.Sub(v.healthy) >= backOffReset {
			v.restarts = 0
		}
		return false
	}
	if v.failures++; v.failures == 1 {
		v.since = now
	}
	v.last = err
	if !isStarting(err) {
		v.starting = time.Time{}
		return gone || v.failures >= probeFailures
	}
	if v.starting.IsZero() { // somebody starts it already
		v.starting = now
	}
	return now.Sub(v.starting) >= restartTimeout
}

// restart says whether the component is to be restarted now, and if so reckons
// when it may be again.
func (v *vitals) restart(now time.Time) bool {
	if v.restarted || now.Before(v.next) {
		return false
	}
	v.restarts++
	v.restarted = true
	v.next = now.Add(backOff(v.restarts))
	return true
}

// backOff is the wait after the n-th restart.
func backOff(n int) time.Duration {
	return min(firstBackOff<<min(n-1, 16), maxBackOff)
}

// watchdog looks after the control plane during one leadership.
type watchdog struct {
	o      *Operator
	l      *Leadership
	mu     sync.Mutex
	vitals map[string]*vitals
	work   sync.WaitGroup
	// serving is since when etcd serves; in the future while it does not.
	serving time.Time
	// space is what is done about etcd's space alarm.
	space spaceWork
	// replaced is the member of etcd that is being replaced, if one is; giveUp ends that.
	replaced string
	giveUp   context.CancelFunc
}

// watch asks every component how it is, every ten seconds, restarts what is out,
// and mends etcd.
func (o *Operator) watch(ctx context.Context, l *Leadership) {
	w := &watchdog{o: o, l: l, vitals: map[string]*vitals{}, giveUp: func() {}}
	defer w.work.Wait()
	for clock.Sleep(ctx, clock.UntilTick(time.Now(), probePeriod)) {
		if s := l.State(); unfinished(s) != nil || s.Off() {
			w.giveUp()
			continue // everything is down on purpose
		}
		w.round(ctx)
		w.mendEtcd(ctx, l)
		w.mendSpace(ctx, l)
	}
}

// round is one look at everything, etcd first: while it does not serve, nobody
// blames an API server that lives.
func (w *watchdog) round(ctx context.Context) {
	since := time.Now()
	down := w.o.cfg.ControlPlane.Serving(ctx)
	if ctx.Err() != nil {
		return
	}
	switch {
	case down != nil:
		w.serving = since.Add(restartTimeout)
	case w.serving.After(since):
		w.serving = since
	}
	if down == nil {
		w.seeSpace(w.o.cfg.ControlPlane.Space())
	}
	if len(w.o.cfg.ControlPlane.Members()) > 1 { // else it is the member's own outage
		w.quorum(since, down)
	}
	w.mu.Lock()
	replaced := w.replaced
	w.mu.Unlock()
	var asked sync.WaitGroup
	for _, c := range w.o.cfg.ControlPlane.Components() {
		if c.Name() == replaced {
			continue
		}
		asked.Go(func() { w.look(ctx, c) })
	}
	asked.Wait()
}

// quorum judges etcd as a whole: members may live and yet not serve.
func (w *watchdog) quorum(now time.Time, down error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.of(etcd)
	switch {
	case v.observe(now, down, false):
		w.o.cfg.Ledger.Find(Finding{Subject: etcd, Since: v.since, Message: "no quorum of its members serves: " + down.Error()})
	case down == nil:
		w.well(etcd, now)
	}
}

// of is what is known of a component; the caller holds mu.
func (w *watchdog) of(name string) *vitals {
	v := w.vitals[name]
	if v == nil {
		v = &vitals{}
		w.vitals[name] = v
	}
	return v
}

// look asks one component, and does what is to be done about the answer.
func (w *watchdog) look(ctx context.Context, c Component) {
	asked, life := time.Now(), c.Life()
	pctx, cancel := context.WithTimeout(ctx, probeTimeout)
	err := c.Healthy(pctx)
	cancel()
	if ctx.Err() != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	v, now := w.of(c.Name()), time.Now()
	if !v.observe(now, err, isGone(err)) {
		if err == nil {
			w.well(c.Name(), asked)
		}
		return
	}
	because := ""
	if strings.HasPrefix(c.Name(), apiServer) && !isGone(err) && now.Sub(w.serving) < reconnectGrace {
		because = etcd
	}
	w.o.cfg.Ledger.Find(Finding{Subject: c.Name(), Since: v.since, Message: "its health check fails: " + err.Error(), Because: because})
	if because == "" && v.restart(now) {
		w.work.Go(func() { w.restart(ctx, c, life, v) })
	}
}

// well ends the incident of what was seen to live at a time, unless it is etcd and
// takes no writes.
func (w *watchdog) well(name string, seen time.Time) {
	if name != etcd || !w.space.full {
		w.o.cfg.Ledger.Close(name, seen)
	}
}

// Names of components that the watchdog must tell apart.
const (
	etcd      = "etcd"
	apiServer = "kube-apiserver"
)

// Gone is implemented by errors of health checks which say that there is no
// process to ask.
type Gone interface{ Gone() bool }

func isGone(err error) bool {
	var g Gone
	return errors.As(err, &g) && g.Gone()
}

// Starts is implemented by errors of health checks which may say that the program
// is about to serve.
type Starts interface{ Starts() bool }

func isStarting(err error) bool {
	var s Starts
	return errors.As(err, &s) && s.Starts()
}

// restart restarts one component, unless somebody has ended the life that was
// found to be out.
func (w *watchdog) restart(ctx context.Context, c Component, life int, v *vitals) {
	w.mu.Lock()
	attempt, reason := v.restarts, v.last
	w.mu.Unlock()
	w.o.note("restarting", c.Name(), fmt.Sprintf("its health check fails (%v); attempt %d", reason, attempt))
	rctx, cancel := context.WithTimeout(ctx, restartTimeout)
	err := c.Restart(rctx, life)
	cancel()
	if err != nil && ctx.Err() == nil && !w.l.State().Off() {
		w.o.note("failed to restart", c.Name(), fmt.Sprintf("%v; the next attempt is in %s", err, backOff(attempt)))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	v.restarted = false
}
