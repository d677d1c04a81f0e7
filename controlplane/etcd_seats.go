package controlplane

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"demarc/sim/api"
	"demarc/sim/disk"
	"demarc/sim/etcdplan"
)

// seat is the place of one etcd member: its data, its address for the other
// members, and the links of its clients. It outlives the member's incarnations.
type seat struct {
	all       *seats
	index     int
	name      string // etcd, or etcd-0 if there are several
	dir       string
	component *Component
	cut       *gate  // between the member and everybody
	peer      *relay // where other members find it; nil for a single member

	mu         sync.Mutex
	last       *etcdMember
	peerTarget string // host:port on which its life listens; empty while there is none
	joining    bool   // it starts empty and learns the data from the others
	lost       string // why its data cannot be used; empty if it can
	links      map[*relay]struct{}
}

// seats are all places, and the file that remembers them.
type seats struct {
	file string
	sync bool // the file must survive a crash of the machine
	list []*seat
	// before is where the members found each other in the last run.
	before []int

	mu   sync.Mutex
	plan etcdplan.Plan
}

// DataLostError says that an etcd member's data is gone or cannot be used. It is
// not started again by itself: an empty member would be an empty cluster.
type DataLostError struct{ Member, Reason string }

// Error implements error.
func (e *DataLostError) Error() string { return e.Member + " has lost its data: " + e.Reason }

func newSeats(dir string, members int, mended func(api.Mended), sync bool) (_ *seats, err error) {
	a := &seats{file: filepath.Join(dir, etcdplan.File), sync: sync}
	if a.plan, err = loadPlan(a.file, dir, members, mended); err != nil {
		return nil, fmt.Errorf("read what is known of etcd's members: %w", err)
	}
	// What an engine that was killed while etcd began has left serves nobody: without the
	// entry that makes it a member, which is written after the log is made, one member
	// waits for a leader for ever.
	if !slices.Contains(a.plan.Formed, true) {
		if err := os.RemoveAll(filepath.Join(dir, Etcd)); err != nil {
			return nil, err
		}
	}
	for i := range members {
		s := &seat{all: a, index: i, name: Etcd, dir: memberDir(dir, i), cut: &gate{}, links: map[*relay]struct{}{}}
		if members > 1 {
			s.name += "-" + strconv.Itoa(i)
		}
		if s.learning() {
			s.lost = "its replacement was interrupted"
		}
		a.list = append(a.list, s)
	}
	return a, a.save()
}

func newToken() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails
	return "demarc-" + hex.EncodeToString(b)
}

func (a *seats) save() error {
	b, err := a.plan.Encode()
	if err != nil {
		return err
	}
	return disk.Replace(a.file, b, a.sync)
}

func (a *seats) token() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.plan.Token
}

// formed says whether the member has had data.
func (s *seat) formed() bool {
	s.all.mu.Lock()
	defer s.all.mu.Unlock()
	return s.all.plan.Formed[s.index]
}

// form notes that the member has data now.
func (s *seat) form() error {
	s.mu.Lock()
	s.joining = false
	s.mu.Unlock()
	s.all.mu.Lock()
	defer s.all.mu.Unlock()
	if s.all.plan.Formed[s.index] {
		return nil
	}
	s.all.plan.Formed[s.index] = true
	return s.all.save()
}

// learn notes that the member is being replaced, or has been.
func (s *seat) learn(yes bool) error {
	a := s.all
	a.mu.Lock()
	defer a.mu.Unlock()
	a.plan.Learning = slices.DeleteFunc(a.plan.Learning, func(i int) bool { return i == s.index })
	if yes {
		a.plan.Learning = append(a.plan.Learning, s.index)
	}
	return a.save()
}

func (s *seat) learning() bool {
	s.all.mu.Lock()
	defer s.all.mu.Unlock()
	return slices.Contains(s.all.plan.Learning, s.index)
}

func (s *seat) joins() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.joining
}

// took makes an incarnation the one that clients and the other members are led to.
func (s *seat) took(m *etcdMember) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = m
	if len(m.etcd.Peers) > 0 {
		s.peerTarget = m.etcd.Peers[0].Addr().String()
	}
}

// member is the last life of the member; nil if it never had one.
func (s *seat) member() *etcdMember {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// handOver leads a client to the member.
func (s *seat) handOver(c *gatedConn) {
	m := s.member()
	if m == nil {
		c.reset()
		return
	}
	m.clients.offer(c)
}

// newLink is a link to the member for one incarnation of a client of it. It
// breaks when the member dies.
func (s *seat) newLink(gates ...*gate) (*relay, error) {
	r, err := newRelay(s.handOver, append(gates, s.component.gate, s.cut)...)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.links[r] = struct{}{}
	return r, nil
}

func (s *seat) dropLink(r *relay) {
	r.kill()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.links, r)
}

// dropConnections ends every connection to the member that has died.
func (s *seat) dropConnections() {
	s.mu.Lock()
	s.peerTarget = ""
	all := slices.Collect(maps.Keys(s.links))
	s.mu.Unlock()
	if s.peer != nil {
		all = append(all, s.peer)
	}
	for _, r := range all {
		r.conns.resetAll()
	}
}

// etcdLinks are one client's links to every member.
type etcdLinks []link

type link struct {
	seat  *seat
	relay *relay
}

func (a *seats) newLinks(gates ...*gate) (_ etcdLinks, err error) {
	var links etcdLinks
	for _, s := range a.list {
		r, err := s.newLink(slices.Clone(gates)...)
		if err != nil {
			links.drop()
			return nil, err
		}
		links = append(links, link{s, r})
	}
	return links, nil
}

func (l etcdLinks) drop() {
	for _, x := range l {
		x.seat.dropLink(x.relay)
	}
}

// urls are what --etcd-servers takes.
func (l etcdLinks) urls() string {
	var urls []string
	for _, x := range l {
		urls = append(urls, "https://"+x.relay.addr())
	}
	return strings.Join(urls, ",")
}
