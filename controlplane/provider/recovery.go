package provider

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"demarc/sim/disk"

	"github.com/hashicorp/raft"
)

// openAll opens the files of all replicas when the plane is opened.
func (r *Replicas) openAll() (opened [Count]*files, err error) {
	defer func() {
		if err != nil {
			closeAll(opened)
		}
	}()
	formed := filepath.Join(r.cfg.Dir, formedFile)
	_, err = os.Stat(formed)
	fresh := errors.Is(err, os.ErrNotExist)
	var damages [Count]error
	for i, p := range r.replicas {
		opened[i], err = openFiles(p.dir, r.cfg.Sync, r.log)
		if damages[i], err = asDamage(err); err != nil {
			return opened, fmt.Errorf("replica %s: %w", p.name, err)
		}
		// Entry 1 is the set-up's own. Who has more has been at work.
		fresh = fresh && (opened[i] == nil || opened[i].lastIndex <= 1)
	}
	if fresh {
		err = r.form(&opened, damages)
	} else {
		err = r.resume(&opened, damages)
	}
	if err != nil {
		return opened, err
	}
	return opened, disk.Mark(formed, r.cfg.Sync)
}

// asDamage parts damage from other errors.
func asDamage(err error) (damaged, other error) {
	if d, ok := errors.AsType[*damage](err); ok {
		return d, nil
	}
	return nil, err
}

func closeAll(opened [Count]*files) {
	for _, f := range opened {
		if f != nil {
			f.close()
		}
	}
}

// form sets the replicas up. None has begun to work before all are set up, so
// what a crash left half-done can be done again.
func (r *Replicas) form(opened *[Count]*files, damages [Count]error) (err error) {
	var all raft.Configuration
	for _, p := range r.replicas {
		all.Servers = append(all.Servers, raft.Server{ID: p.id(), Address: p.address()})
	}
	for i, p := range r.replicas {
		if damages[i] != nil {
			if opened[i], err = r.empty(p, damages[i]); err != nil {
				return fmt.Errorf("replica %s: %w", p.name, err)
			}
		}
		f := opened[i]
		if !f.empty {
			continue
		}
		_, transport := raft.NewInmemTransport(p.address())
		if err := raft.BootstrapCluster(p.config(), f.store, f.store, f.snapshots, transport, all); err != nil {
			return fmt.Errorf("set up replica %s: %w", p.name, err)
		}
		f.lastTerm, f.lastIndex, f.empty = 1, 1, false
	}
	return nil
}

// resume finds the replica that lost its memory, if there is one. If it is more
// than one, the plane goes on with what is left.
func (r *Replicas) resume(opened *[Count]*files, damages [Count]error) error {
	var lost [Count]string
	n := 0
	for i := range r.replicas {
		switch {
		case damages[i] != nil:
			lost[i] = damages[i].Error()
		case opened[i].empty:
			lost[i] = "its files are missing"
		case opened[i].learning:
			lost[i] = "it lost its memory and has not caught up yet"
		default:
			continue
		}
		n++
	}
	if n > 1 {
		return r.salvage(opened, lost)
	}
	for i, p := range r.replicas {
		var err error
		if opened[i], err = r.relearn(p, opened[i], damages[i]); err != nil {
			return fmt.Errorf("replica %s: %w", p.name, err)
		}
	}
	return nil
}

// reopen opens the files of one replica while the plane runs.
func (r *Replicas) reopen(p *replica) (*files, error) {
	f, err := openFiles(p.dir, r.cfg.Sync, r.log)
	damaged, err := asDamage(err)
	if err != nil {
		return nil, err
	}
	if damaged != nil || f.empty {
		for _, other := range r.replicas {
			if other != p && r.learning(other.id()) {
				closeAll([Count]*files{f})
				return nil, fmt.Errorf("its files are missing or damaged, and replica %s has not caught up yet "+
					"after the same: wait until it has", other.name)
			}
		}
	}
	return r.relearn(p, f, damaged)
}

// relearn lets a replica start that lost its memory: empty and without a vote.
// Others it leaves as they are.
func (r *Replicas) relearn(p *replica, f *files, damaged error) (*files, error) {
	why := "its files are missing"
	if damaged != nil {
		var err error
		if f, err = r.empty(p, damaged); err != nil {
			return nil, err
		}
		why = damaged.Error()
	}
	if !f.empty || f.learning {
		return f, nil
	}
	if err := disk.Mark(p.learningPath(), r.cfg.Sync); err != nil {
		f.close()
		return nil, err
	}
	f.learning = true
	r.note(p, Damaged, why+"; starts empty and learns from the others")
	return f, nil
}

// empty sets a damaged directory aside and opens an empty one in its place.
func (r *Replicas) empty(p *replica, damaged error) (*files, error) {
	to, err := disk.SetAside(p.dir)
	if err != nil {
		return nil, errors.Join(damaged, err)
	}
	r.log.Warn("Set a damaged replica aside", "replica", p.name, "to", to, "error", damaged)
	return openFiles(p.dir, r.cfg.Sync, r.log)
}

// learning says whether a replica has no vote.
func (r *Replicas) learning(id raft.ServerID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.byID(id)
	return p != nil && p.learning
}

// checkCaughtUp gives a replica its vote back when it has applied every entry
// that any other has: so it has all that it may once have confirmed.
func (r *Replicas) checkCaughtUp(id raft.ServerID) {
	r.mu.Lock()
	p := r.byID(id)
	caughtUp := p.learning && p.life != nil
	for _, other := range r.replicas {
		if !caughtUp || other == p {
			continue
		}
		caughtUp = other.life != nil && p.life.raft.AppliedIndex() >= other.life.raft.LastIndex()
	}
	if caughtUp {
		if err := os.Remove(p.learningPath()); err != nil {
			r.log.Error("Give a replica its vote back", "replica", p.name, "error", err)
			caughtUp = false
		}
	}
	if caughtUp {
		p.learning = false
	}
	r.mu.Unlock()
	if caughtUp {
		r.note(p, "recovered", "has caught up with the others and votes again")
	}
}
