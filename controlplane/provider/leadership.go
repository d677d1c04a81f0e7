package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// Leadership is one term in which a replica leads. What it applies goes to that
// replica only, and has no effect once the leadership is over, even if the same
// replica leads again.
type Leadership struct {
	// Replica is the leader, 0 to 2, and Term its raft term.
	Replica int
	Term    uint64

	ctx  context.Context // ends with the leadership
	life *life
}

// Apply applies commands as one, and returns when they are on disk at two of
// three replicas and in the leader's state. [ErrNotLeader] says that the
// leadership is over. Then, and when ctx ends, the commands may still have been
// applied: whoever leads next sees in its state whether they were.
func (l *Leadership) Apply(ctx context.Context, commands ...Command) error {
	data, err := Batch(commands...).Encode()
	if err != nil {
		return err
	}
	if l.ctx.Err() != nil {
		return ErrNotLeader
	}
	t := ticket{term: l.Term, seq: l.life.seq.Add(1)}
	answer := make(chan error, 1)
	l.life.fsm.expect(t, answer)
	defer l.life.fsm.forget(t)
	// Raft's future is not asked: it is forgotten when raft is shut down while
	// the entry is on its way to the state machine. The state machine's answer
	// and the end of the leadership say all there is to know.
	l.life.raft.ApplyLog(raft.Log{Data: data, Extensions: t.bytes()}, 0)
	select {
	case err := <-answer:
		return err
	case <-l.ctx.Done():
	case <-ctx.Done():
	}
	select {
	case err := <-answer: // it arrived at the same moment
		return err
	default:
	}
	if l.ctx.Err() != nil {
		return ErrNotLeader
	}
	return fmt.Errorf("wait for a majority of the provider's plane: %w", ctx.Err())
}

// State is the state of the leader's replica: all that was committed before
// this leadership and by it.
func (l *Leadership) State() State { return l.life.fsm.current().State }

// watch follows raft's word on whether this life leads.
func (l *life) watch() {
	end := func() {}
	defer func() { end() }()
	for {
		select {
		case leads := <-l.leads:
			end()
			end = func() {}
			if leads {
				end = l.begin()
			}
		case <-l.ctx.Done():
			return
		}
	}
}

// begin begins a leadership and returns what ends it.
func (l *life) begin() func() {
	p := l.replica
	ctx, cancel := context.WithCancel(l.ctx)
	lead := &Leadership{Replica: p.index, Term: l.raft.CurrentTerm(), ctx: ctx, life: l}
	p.plane.mu.Lock()
	before, done := p.lead, make(chan struct{})
	p.lead = done
	p.plane.mu.Unlock()
	l.pace(leaderPace)
	go func() {
		defer close(done)
		p.plane.serve(lead, before)
	}()
	return func() {
		cancel()
		l.pace(lossTimeout)
		p.plane.depose(lead)
	}
}

// pace sets how often raft's timers fire; see leaderPace.
func (l *life) pace(timeout time.Duration) {
	c := l.raft.ReloadableConfig()
	c.HeartbeatTimeout, c.ElectionTimeout = timeout, timeout
	if err := l.raft.ReloadConfig(c); err != nil {
		l.fsm.log.Error("Set the pace of timers", "timeout", timeout, "error", err)
	}
}

// serve runs one leadership to its end: it takes the lead as soon as its state
// has all that was ever committed, and calls the loops when those of an earlier
// leadership of the same replica have returned.
func (r *Replicas) serve(lead *Leadership, before <-chan struct{}) {
	// A command that changes nothing is applied when all before it are.
	if err := lead.Apply(lead.ctx); err == nil {
		r.elect(lead)
	}
	<-before
	if lead.ctx.Err() == nil && r.cfg.Lead != nil {
		r.cfg.Lead(lead.ctx, lead)
	}
}

// elect makes a leadership the one that [Replicas.Apply] uses. A leader that is
// cut off and does not know it yet has an older term than the new one.
func (r *Replicas) elect(lead *Leadership) {
	r.mu.Lock()
	elected := lead.ctx.Err() == nil && (r.leader == nil || r.leader.Term < lead.Term)
	if elected {
		r.leader = lead
	}
	r.mu.Unlock()
	if elected {
		r.note(lead.life.replica, "elected", fmt.Sprintf("leads the provider's plane in term %d", lead.Term))
	}
}

// depose takes back what elect gave.
func (r *Replicas) depose(lead *Leadership) {
	r.mu.Lock()
	deposed := r.leader == lead
	if deposed {
		r.leader = nil
	}
	r.mu.Unlock()
	if deposed {
		r.note(lead.life.replica, "deposed", fmt.Sprintf("leads the provider's plane no more (term %d)", lead.Term))
	}
}
