package controlplane

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"demarc/sim/api"
	"demarc/sim/disk"
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
	client     string // host:port for clients; empty while there is none
	peerTarget string
	joining    bool   // it starts empty and learns the data from the others
	lost       string // why its data cannot be used; empty if it can
	links      map[*relay]struct{}
}

// seats are all places, and the file that remembers them.
type seats struct {
	file string
	sync bool // the file must survive a crash of the machine
	list []*seat

	mu   sync.Mutex
	plan topology
}

// DataLostError says that an etcd member's data is gone or cannot be used. It is
// not started again by itself: an empty member would be an empty cluster.
type DataLostError struct{ Member, Reason string }

// Error implements error.
func (e *DataLostError) Error() string { return e.Member + " has lost its data: " + e.Reason }

func newSeats(dir string, members int, mended func(api.Mended), sync bool) (_ *seats, err error) {
	a := &seats{file: filepath.Join(dir, "etcd.json"), sync: sync}
	if a.plan, err = loadTopology(a.file, dir, members, mended); err != nil {
		return nil, fmt.Errorf("read what is known of etcd's members: %w", err)
	}
	for i := range members {
		s := &seat{all: a, index: i, name: Etcd, dir: memberDir(dir, i), cut: &gate{}, links: map[*relay]struct{}{}}
		if members > 1 {
			s.name += "-" + strconv.Itoa(i)
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

// connect opens the addresses by which the members of several find each other.
// They are kept, since etcd's members remember them.
func (a *seats) connect() error {
	if len(a.list) == 1 {
		return nil
	}
	known := len(a.plan.Ports) == len(a.list)
	for i, s := range a.list {
		port := 0
		if known {
			port = a.plan.Ports[i]
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			return &PortError{Port: port, Err: err}
		}
		s.peer = relayOn(l, s.peerAddress, s.component.gate, s.cut)
		if !known {
			a.plan.Ports = append(a.plan.Ports, l.Addr().(*net.TCPAddr).Port)
		}
	}
	return a.save()
}

func (a *seats) close() {
	for _, s := range a.list {
		if s.peer != nil {
			s.peer.kill()
		}
	}
}

func (a *seats) save() error {
	b, err := a.plan.encode()
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

// initialCluster is all members' names and addresses, in etcd's form.
func (a *seats) initialCluster(own *seat, ownURL string) string {
	var parts []string
	for _, s := range a.list {
		u := ownURL
		if s != own {
			u = s.peerURL()
		}
		parts = append(parts, s.name+"="+u)
	}
	return strings.Join(parts, ",")
}

// peerHost is where other members find this one; own is where it listens.
func (s *seat) peerHost(own string) string {
	if s.peer == nil {
		return own
	}
	return s.peer.addr()
}

// unusedPeer is the address for peers of a single member, which has none.
const unusedPeer = "127.0.0.1:2380"

func (s *seat) peerURL() string {
	return (&url.URL{Scheme: "http", Host: s.peerHost(unusedPeer)}).String()
}

func (s *seat) peerAddress() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peerTarget
}

func (s *seat) setPeer(a string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peerTarget = a
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

func (s *seat) joins() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.joining
}

// took makes an incarnation the one that clients are led to.
func (s *seat) took(m *etcdMember) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last, s.client = m, m.client
}

func (s *seat) clientAddress() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.client
}

// newLink is a link to the member for one incarnation of a client of it. It
// breaks when the member dies.
func (s *seat) newLink(gates ...*gate) (*relay, error) {
	r, err := newRelay(s.clientAddress, append(gates, s.component.gate, s.cut)...)
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
	s.client, s.peerTarget = "", ""
	all := make([]*relay, 0, len(s.links)+1)
	for r := range s.links {
		all = append(all, r)
	}
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
		urls = append(urls, "http://"+x.relay.addr())
	}
	return strings.Join(urls, ",")
}
