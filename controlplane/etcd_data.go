package controlplane

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"demarc/backup"
)

// awaitRelease waits until the last incarnation has let go of the data.
func (s *seat) awaitRelease(ctx context.Context) error {
	s.mu.Lock()
	last := s.last
	s.mu.Unlock()
	if last == nil {
		return nil
	}
	select {
	case <-last.gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(etcdHandover):
		return fmt.Errorf("%s: its last life has not let go of its data (%v): if it stays so, end the engine with demarc down and start it again with demarc up",
			s.component.name, cmp.Or(last.err(), errors.New("it hangs")))
	}
}

// checkData looks whether the data of a member that had some is still there and
// whole: etcd ends the process when it meets damage.
func (s *seat) checkData() error {
	if s.joins() || !s.formed() {
		return nil
	}
	if reason := s.dataLost(); reason != "" {
		return &DataLostError{s.component.name, reason}
	}
	if _, err := os.Stat(filepath.Join(s.dir, "member")); errors.Is(err, fs.ErrNotExist) {
		s.lose("its data directory is empty")
	} else if err := backup.CheckMember(s.dir); err != nil {
		var damage *backup.DamageError
		if !errors.As(err, &damage) {
			return fmt.Errorf("check the data of %s: %w", s.component.name, err)
		}
		s.lose(err.Error())
	}
	if reason := s.dataLost(); reason != "" {
		return &DataLostError{s.component.name, reason}
	}
	return backup.ForgetSums(s.dir)
}

// lose notes that the member's data cannot be used.
func (s *seat) lose(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = reason
}

func (s *seat) dataLost() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// missing says why the member counts for no quorum; empty if it does, or would if
// it ran.
func (s *seat) missing() string {
	if reason := s.dataLost(); reason != "" || !s.learning() {
		return reason
	}
	return "it has not learned everything from the others yet"
}

// EtcdMember is one member of the cluster's etcd, whether it runs or not.
type EtcdMember struct {
	// Name is the component's: etcd, or etcd/0.
	Name string
	// Lost says why its data cannot be used, as its last start found out, or that it
	// is being replaced; empty if nothing is known against it.
	Lost string
}

// EtcdMembers are all members, in the order of their indices.
func (p *Plane) EtcdMembers() []EtcdMember {
	var list []EtcdMember
	for _, s := range p.seats.list {
		list = append(list, EtcdMember{Name: s.component.name, Lost: s.missing()})
	}
	return list
}

// WipeEtcd takes an etcd member's disk away: its process dies, and its data is
// gone.
func (p *Plane) WipeEtcd(member string) error {
	return p.harmEtcd(member, func(s *seat) error { return os.RemoveAll(s.dir) })
}

// CorruptEtcd ends an etcd member's process and damages its database so that it
// cannot be opened again.
func (p *Plane) CorruptEtcd(member string) error {
	return p.harmEtcd(member, func(s *seat) error {
		f, err := os.OpenFile(backup.Database(s.dir), os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		// Both of bbolt's meta pages.
		_, err = f.WriteAt(make([]byte, 2*os.Getpagesize()), 0)
		return err
	})
}

func (p *Plane) harmEtcd(member string, harm func(*seat) error) error {
	s, err := p.seats.find(member)
	if err != nil {
		return err
	}
	return s.undisturbed(context.Background(), func() error { return harm(s) })
}

// undisturbed crashes the seat's member and does something with its data while
// nobody has them.
func (s *seat) undisturbed(ctx context.Context, do func() error) error {
	return s.component.undisturbed(func() error {
		if err := s.awaitRelease(ctx); err != nil {
			return err
		}
		return do()
	})
}

// undisturbed is the same for all members at once.
func (a *seats) undisturbed(do func() error) error {
	for _, s := range a.list {
		next := do
		do = func() error { return s.undisturbed(context.Background(), next) }
	}
	return do()
}

func (a *seats) find(member string) (*seat, error) {
	for _, s := range a.list {
		if s.component.name == member {
			return s, nil
		}
	}
	return nil, fmt.Errorf("there is no etcd member %s", member)
}

// RestoreSeat is where the data of one member is to be put by a restore.
type RestoreSeat struct {
	// Name and PeerURL are the member's in etcd's membership.
	Name, PeerURL string
	// Dir is its data directory to be: it does not exist yet.
	Dir string
}

// StageRestore says where restored data is to be put, and with which cluster
// token. Nothing of the old is touched before [Plane.CommitRestore].
func (p *Plane) StageRestore() (list []RestoreSeat, token string, err error) {
	if err := os.RemoveAll(p.staging()); err != nil {
		return nil, "", err
	}
	for _, s := range p.seats.list {
		list = append(list, RestoreSeat{Name: s.name, PeerURL: s.peerURL(), Dir: filepath.Join(p.staging(), filepath.Base(s.dir))})
	}
	return list, newToken(), os.MkdirAll(p.staging(), 0o700)
}

func (p *Plane) staging() string { return filepath.Join(p.cfg.Dir, "etcd.restoring") }

// keptLost is how many restores' old data is kept: it has what no backup has.
const keptLost = 5

// CommitRestore ends the whole control plane at once and puts the restored data
// in the place of the old, which is kept in etcd.lost.
// After a crash between the two renames the data is lost, and is restored again.
func (p *Plane) CommitRestore(token string) error {
	for _, c := range p.Components() {
		_ = c.Crash() // it may be down already
	}
	return p.seats.undisturbed(func() error { return p.exchangeData(token) })
}

// exchangeData puts the restored data in the place of the old; nobody has either.
func (p *Plane) exchangeData(token string) error {
	live := filepath.Join(p.cfg.Dir, Etcd)
	if err := setAside(live, live+".lost"); err != nil {
		return err
	}
	if err := os.Rename(p.staging(), live); err != nil {
		return err
	}
	for _, s := range p.seats.list {
		s.mu.Lock()
		s.lost, s.joining, s.last = "", false, nil
		s.mu.Unlock()
	}
	a := p.seats
	a.mu.Lock()
	defer a.mu.Unlock()
	a.plan.Token, a.plan.Learning = token, nil
	for i := range a.plan.Formed {
		a.plan.Formed[i] = true
	}
	return a.save()
}

// setAside moves the members' data into a directory, under the present time as its name,
// and removes the oldest there beyond [keptLost]. Files that etcd only reserves space by
// are not kept.
func setAside(dir, into string) error {
	if err := os.Remove(dir); err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := os.MkdirAll(into, 0o700); err != nil {
		return err
	}
	kept, err := os.ReadDir(into)
	if err != nil {
		return err
	}
	const form = "20060102T150405Z"
	at := time.Now().UTC()
	if n := len(kept); n > 0 {
		if newest, err := time.Parse(form, kept[n-1].Name()); err == nil && !at.After(newest.Add(time.Second)) {
			at = newest.Add(time.Second)
		}
	}
	place := filepath.Join(into, at.Format(form))
	if err := os.Rename(dir, place); err != nil {
		return err
	}
	reserved, _ := fs.Glob(os.DirFS(place), "*/member/wal/*.tmp") // the pattern is good
	for _, name := range reserved {
		if err := os.Remove(filepath.Join(place, name)); err != nil {
			return err
		}
	}
	for _, e := range kept[:max(0, len(kept)+1-keptLost)] { // the oldest
		if err := os.RemoveAll(filepath.Join(into, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
