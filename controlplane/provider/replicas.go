package provider

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// Count is the number of replicas. Two of them are a majority.
const Count = 3

// Verbs of [Config].Note for a replica whose files are missing or damaged.
const (
	// Damaged: it learns from the others; nothing is lost.
	Damaged timeline.Verb = "damaged"
	// Copied: only one replica had its memory; what that one never heard is lost.
	Copied timeline.Verb = "copied"
	// Forgotten: none had; all that the plane remembered is lost.
	Forgotten timeline.Verb = "forgotten"
)

// Config is what [Open] needs.
type Config struct {
	// Dir is the directory of the replicas: each has one of its own in it.
	Dir string
	// Sync says that what Apply acknowledges survives a crash of the machine;
	// without, it survives a crash of the process.
	Sync bool
	// Log receives raft's warnings; nil discards them. It may be called by
	// several goroutines at once.
	Log io.Writer
	// Note is called, if not nil, when something happens to a replica that
	// nobody asked for: elected, deposed, damaged, failed, recovered. It must
	// return soon.
	Note func(replica string, verb timeline.Verb, message string)
	// Lead is called, if not nil, in a goroutine of its own, whenever a replica
	// leads and has everything that was committed. Its context ends with the
	// leadership. It must then return soon: the same replica's next leadership,
	// and Close, wait for it.
	Lead func(ctx context.Context, l *Leadership)
}

// Replicas is the replicated memory of the provider's plane.
type Replicas struct {
	cfg      Config
	log      hclog.Logger
	memory   *memory
	replicas [Count]*replica

	starts sync.Mutex // one replica starts at a time

	mu     sync.Mutex // never held while waiting
	leader *Leadership
	closed bool
}

// Open starts all three replicas with what cfg.Dir has, or sets them up if they
// never were. A replica whose files are missing or damaged is started empty and
// caught up by the others; if that is so of more than one, all go on with what is
// left.
func Open(cfg Config) (*Replicas, error) {
	if cfg.Log == nil {
		cfg.Log = io.Discard
	}
	r := &Replicas{cfg: cfg, memory: newMemory()}
	r.log = hclog.New(&hclog.LoggerOptions{Name: "provider", Level: hclog.Warn, Output: cfg.Log})
	done := make(chan struct{})
	close(done)
	for i := range r.replicas {
		name := strconv.Itoa(i)
		r.replicas[i] = &replica{
			plane: r, index: i, name: name, dir: filepath.Join(cfg.Dir, "replica-"+name),
			gone: done, lead: done, last: api.Replica{State: stopped},
		}
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the provider's plane: %w", err)
	}
	opened, err := r.openAll()
	if err != nil {
		return nil, fmt.Errorf("open the provider's plane: %w", err)
	}
	for i, p := range r.replicas {
		if err := p.live(opened[i]); err != nil {
			for _, f := range opened[i+1:] {
				f.close()
			}
			return nil, errors.Join(err, r.Close())
		}
	}
	r.firstElection(opened)
	return r, nil
}

// firstElection lets the replica that knows most stand for election at once.
// Without, all would first wait for a leader that cannot be there.
func (r *Replicas) firstElection(opened [Count]*files) {
	best := 0
	for i, f := range opened {
		b := opened[best]
		if b.learning || !f.learning && newer(f, b) {
			best = i
		}
	}
	r.stand(best, (best+1)%Count)
}

// stand lets a replica stand for election at once, at another's word.
func (r *Replicas) stand(candidate, word int) {
	to, from := r.replicas[candidate], r.replicas[word]
	req := &raft.TimeoutNowRequest{RPCHeader: raft.RPCHeader{
		ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(from.id()), Addr: []byte(from.address()),
	}}
	if err := from.link.TimeoutNow(to.id(), to.address(), req, &raft.TimeoutNowResponse{}); err != nil {
		r.log.Warn("Stand for election", "replica", to.name, "error", err) // there will be one all the same
	}
}

// Close ends the loops, waits for them, and stops all replicas. An error is one
// of closing the files; what was acknowledged is in them all the same.
func (r *Replicas) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.starts.Lock() // a start that is under way is stopped too
	defer r.starts.Unlock()
	r.mu.Lock()
	var gone []<-chan struct{}
	for _, p := range r.replicas {
		if p.life != nil {
			p.kill()
		}
		gone = append(gone, p.lead, p.gone)
	}
	r.mu.Unlock()
	for _, c := range gone {
		<-c
	}
	var errs []error
	for _, p := range r.replicas {
		errs = append(errs, p.closeErr)
	}
	return errors.Join(errs...)
}

// Crash ends a replica as a SIGKILL would: the others hear no more of it, from
// this moment on. A replica that is stopped already is an error.
func (r *Replicas) Crash(i int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := r.at(i)
	if err != nil {
		return err
	}
	if p.life == nil {
		return fmt.Errorf("replica %s of the provider's plane is stopped already", p.name)
	}
	p.kill()
	return nil
}

// Start starts a replica that crashed. It waits until the files of its earlier
// life are free, which takes seconds at most. A replica that runs already is an
// error.
func (r *Replicas) Start(i int) error {
	r.starts.Lock()
	defer r.starts.Unlock()
	r.mu.Lock()
	p, err := r.at(i)
	switch {
	case err != nil:
	case r.closed:
		err = ErrClosed
	case p.life != nil:
		err = fmt.Errorf("replica %s of the provider's plane runs already", p.name)
	}
	var gone <-chan struct{}
	if err == nil {
		gone = p.gone
	}
	r.mu.Unlock()
	if err != nil {
		return err
	}
	<-gone
	f, err := r.reopen(p)
	if err != nil {
		return fmt.Errorf("start replica %s of the provider's plane: %w", p.name, err)
	}
	return p.live(f)
}

// Cut takes a replica off the network between the replicas, both ways.
func (r *Replicas) Cut(i int) error { return r.setCut(i, true) }

// Rejoin undoes Cut.
func (r *Replicas) Rejoin(i int) error { return r.setCut(i, false) }

func (r *Replicas) setCut(i int, cut bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := r.at(i)
	if err == nil {
		p.cut = cut
	}
	return err
}

// Status is how each replica is at this moment.
func (r *Replicas) Status() []api.Replica {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []api.Replica
	for _, p := range r.replicas {
		all = append(all, p.status())
	}
	return all
}

// Leader is the replica that leads, 0 to 2, if there is one.
func (r *Replicas) Leader() (int, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.leader == nil {
		return 0, false
	}
	return r.leader.Replica, true
}

// Apply applies commands as one, through the leader, and returns when they are
// on disk at two of three replicas and in the state. It returns [ErrNoLeader] at
// once if there is none, and as soon as the leader is lost while it waits; then,
// and when ctx ends, the commands may still have been applied.
func (r *Replicas) Apply(ctx context.Context, commands ...Command) error {
	r.mu.Lock()
	lead, closed := r.leader, r.closed
	r.mu.Unlock()
	switch {
	case closed:
		return ErrClosed
	case lead == nil:
		return ErrNoLeader
	}
	err := lead.Apply(ctx, commands...)
	if errors.Is(err, ErrNotLeader) {
		return fmt.Errorf("%w: replica %d lost its leadership meanwhile", ErrNoLeader, lead.Replica)
	}
	return err
}

// State is the newest state that any replica has applied. It never goes back
// while the plane is open, not even when no replica runs. After Open it is
// complete as soon as there is a leader.
func (r *Replicas) State() State { return r.memory.state() }

// Changed is closed at the next change of State.
func (r *Replicas) Changed() <-chan struct{} { return r.memory.next() }

// at is a replica by its number.
func (r *Replicas) at(i int) (*replica, error) {
	if i < 0 || i >= Count {
		return nil, fmt.Errorf("the provider's plane has replicas 0 to %d, not %d", Count-1, i)
	}
	return r.replicas[i], nil
}

// byID is a replica by raft's ID, or nil; with the plane's mutex.
func (r *Replicas) byID(id raft.ServerID) *replica {
	for _, p := range r.replicas {
		if p.id() == id {
			return p
		}
	}
	return nil
}

func (r *Replicas) note(p *replica, verb timeline.Verb, message string) {
	if r.cfg.Note != nil {
		r.cfg.Note(p.name, verb, message)
	}
}

// fail ends a life whose disk failed.
func (r *Replicas) fail(l *life, err error) {
	r.mu.Lock()
	p := l.replica
	alive := p.life == l
	if alive {
		p.kill()
	}
	r.mu.Unlock()
	if alive {
		r.note(p, "failed", fmt.Sprintf("its disk fails: %v", err))
	}
}
