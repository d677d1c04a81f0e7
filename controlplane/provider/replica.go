package provider

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"demarc/sim/api"
)

// Times of the replicas. Each timer that fires wakes the whole engine when time
// is virtual, so they are as slow as the loss of a leader allows.
const (
	// lossTimeout is after how long without a word from the leader a follower
	// looks for another, and a leader without a word from a majority stops
	// leading. Raft checks it at random moments one to two such times apart, so
	// the loss is noticed after 6 to 18 s. An election that nobody wins, since
	// who stands misses an entry that the other has, is repeated after 6 to 12 s:
	// there is a new leader within 30 s.
	lossTimeout = 6 * time.Second
	// leaderPace takes lossTimeout's place while a replica leads. Raft's leader
	// sends heartbeats 5 to 10 times as often: every 2.5 to 5 s, in time for its
	// followers. By lossTimeout itself they would be four times as many.
	leaderPace = 25 * time.Second
	// commitTimeout is how long, and at most twice how long, followers learn
	// later than the leader that the last entry of a series is committed. They
	// have it on disk all the while.
	commitTimeout = 5 * time.Second
	// snapshotInterval is how often, and at least half as often, a replica looks
	// whether there are snapshotEvery new entries to compact.
	snapshotInterval = 5 * time.Minute
	snapshotEvery    = 256
	// keepEntries of the log remain after a snapshot for followers that missed a
	// few; who missed more gets the snapshot.
	keepEntries = 64
)

// States of a replica, for [api.Replica].
const (
	leading  = api.ReplicaLeader
	follows  = api.ReplicaFollower
	election = api.ReplicaCandidate
	stopped  = api.ReplicaStopped
)

// replica is one of the three places. Its fields from life on are guarded by
// the plane's mutex.
type replica struct {
	plane *Replicas
	index int
	name  string // "0" to "2"
	dir   string

	life *life // nil while it is stopped
	link *link // of the newest life
	cut  bool
	// learning says that it lost its memory: it has no vote until it has caught
	// up. Else it could elect, together with a replica that lags, a leader that
	// does not have what it had once confirmed.
	learning bool
	gone     chan struct{} // closed when the files of the newest life are free
	closeErr error         // of those files, once gone is closed
	lead     chan struct{} // closed when the newest call of Config.Lead has returned
	last     api.Replica   // as it was when it stopped
}

func (p *replica) id() raft.ServerID           { return raft.ServerID(p.name) }
func (p *replica) address() raft.ServerAddress { return raft.ServerAddress(p.name) }

// life is one run of a replica, from its start to its crash.
type life struct {
	replica *replica
	ctx     context.Context
	end     context.CancelFunc
	raft    *raft.Raft
	files   *files
	fsm     *fsm
	link    *link
	leads   chan bool // raft says here when it begins and ceases to lead
	seq     atomic.Uint64

	mu    sync.Mutex
	since time.Time // of the last change of raft's state
}

// live starts raft on a replica's files, which it then owns.
func (p *replica) live(f *files) error {
	l := &life{replica: p, files: f, leads: make(chan bool, 1), since: time.Now()}
	l.ctx, l.end = context.WithCancel(context.Background())
	log := p.plane.log.Named("replica-" + p.name)
	l.fsm = &fsm{log: log, memory: p.plane.memory, waiting: map[ticket]chan<- error{}}
	_, transport := raft.NewInmemTransportWithTimeout(p.address(), rpcTimeout)
	l.link = &link{InmemTransport: transport, life: l}
	l.connect()
	cfg := p.config()
	cfg.NotifyCh = l.leads
	cfg.Logger = log
	if err := l.run(cfg); err != nil {
		l.end()
		f.close()
		return fmt.Errorf("start replica %s of the provider's plane: %w", p.name, err)
	}
	l.raft.RegisterObserver(raft.NewObserver(nil, false, l.observe))
	failed := func(err error) { go p.plane.fail(l, err) }
	f.store.failed.Store(&failed)
	p.plane.mu.Lock()
	p.life, p.learning, p.gone = l, f.learning, make(chan struct{})
	p.plane.mu.Unlock()
	go l.watch()
	return nil
}

// run starts raft. Raft panics on a log that it cannot read.
func (l *life) run(cfg *raft.Config) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	l.raft, err = raft.NewRaft(cfg, l.fsm, l.files.store, l.files.store, l.files.snapshots, l.link)
	return err
}

// config is raft's configuration of a replica that does not lead.
func (p *replica) config() *raft.Config {
	cfg := raft.DefaultConfig()
	cfg.LocalID = p.id()
	cfg.HeartbeatTimeout, cfg.ElectionTimeout, cfg.LeaderLeaseTimeout = lossTimeout, lossTimeout, lossTimeout
	cfg.CommitTimeout = commitTimeout
	cfg.SnapshotInterval, cfg.SnapshotThreshold, cfg.TrailingLogs = snapshotInterval, snapshotEvery, keepEntries
	cfg.NoLegacyTelemetry = true
	return cfg
}

// observe notes when raft's state changes. Raft calls it to ask whether it
// wants to be told; it does not, since that would take a goroutine.
func (l *life) observe(o *raft.Observation) bool {
	if _, ok := o.Data.(raft.RaftState); ok {
		l.mu.Lock()
		l.since = time.Now()
		l.mu.Unlock()
	}
	return false
}

// status is how the replica is; with the plane's mutex.
func (p *replica) status() api.Replica {
	s := p.last
	if l := p.life; l != nil {
		s = api.Replica{State: follows, Term: l.raft.CurrentTerm(), Applied: l.raft.AppliedIndex(), Last: l.raft.LastIndex()}
		switch l.raft.State() {
		case raft.Leader:
			s.State = leading
		case raft.Candidate:
			s.State = election
		case raft.Shutdown:
			s.State = stopped
		}
		l.mu.Lock()
		s.Since = l.since
		l.mu.Unlock()
	}
	s.Name, s.Network = p.name, api.NetworkUp
	if p.cut {
		s.Network = api.NetworkCut
	}
	return s
}

// kill ends the replica's life; with the plane's mutex. From here on it is not
// heard, and its leadership is over. Its goroutines end behind the scenes: what
// they still write would have been on disk had the crash come a moment later.
func (p *replica) kill() {
	l := p.life
	p.last = p.status()
	p.last.State, p.last.Since = stopped, time.Now()
	p.life = nil
	l.end()
	if p.plane.leader != nil && p.plane.leader.life == l {
		p.plane.leader = nil
	}
	gone := p.gone
	go func() {
		defer close(gone)
		l.raft.Shutdown().Error() // nil: waits until raft's goroutines have ended
		if p.closeErr = l.files.close(); p.closeErr != nil {
			l.fsm.log.Error("Close the log", "error", p.closeErr)
		}
	}()
}

// learningPath is the file that says that the replica has no vote.
func (p *replica) learningPath() string { return filepath.Join(p.dir, learningFile) }
