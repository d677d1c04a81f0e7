package controlplane

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"demarc/backup"

	bolt "go.etcd.io/bbolt"
	"go.etcd.io/etcd/server/v3/etcdserver/api/membership"
)

// connect opens the addresses by which the members of several find each other.
// They are kept, since etcd's members remember them. One that another program has
// taken meanwhile is replaced, in the members' memory too.
func (a *seats) connect() error {
	if len(a.list) == 1 {
		return nil
	}
	a.before = a.plan.Ports
	ports := make([]int, len(a.list))
	copy(ports, a.before)
	for i, s := range a.list {
		l, err := listenNear(ports[i])
		if err != nil {
			return fmt.Errorf("listen for other members of etcd: %w", err)
		}
		s.peer = relayOn(l, func(c *gatedConn) { forward(c, s.peerAddress()) }, s.component.gate, s.cut)
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	a.plan.Ports = ports
	return a.save()
}

// listenNear listens on a loopback port, or on a free one if it cannot be had.
func listenNear(port int) (net.Listener, error) {
	if port != 0 {
		if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			return l, nil
		}
	}
	return net.Listen("tcp", "127.0.0.1:0")
}

func (a *seats) close() {
	for _, s := range a.list {
		if s.peer != nil {
			s.peer.kill()
		}
	}
}

// unusedPeer is the address for peers of a single member, which has none.
const unusedPeer = "127.0.0.1:2380"

// peerURL is where the other members find this one.
func (s *seat) peerURL() string {
	host := unusedPeer
	if s.peer != nil {
		host = s.peer.addr()
	}
	return (&url.URL{Scheme: "https", Host: host}).String()
}

func (s *seat) peerAddress() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peerTarget
}

// initialCluster is all members' names and addresses, in etcd's form.
func (a *seats) initialCluster() string {
	var parts []string
	for _, s := range a.list {
		parts = append(parts, s.name+"="+s.peerURL())
	}
	return strings.Join(parts, ",")
}

// membersBucket is where etcd's database has the membership: an ID and a
// [membership.Member] each (etcd v3.7, server/storage/schema).
var membersBucket = []byte("members")

// rememberPeers puts the members' present addresses in the place of those that a
// member's database remembers. The members could agree on them by themselves only
// if they found each other.
func (s *seat) rememberPeers() error {
	if s.peer == nil || s.joins() || !s.formed() {
		return nil
	}
	database := backup.Database(s.dir)
	moved, err := s.all.movedMembers(database)
	if err != nil || len(moved) == 0 {
		return err
	}
	db, err := bolt.Open(database, 0o600, &bolt.Options{Timeout: time.Second, NoFreelistSync: true, FreelistType: bolt.FreelistMapType})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for key, value := range moved {
			if err := tx.Bucket(membersBucket).Put([]byte(key), value); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, db.Close())
}

// movedMembers is what a database must be told: the new values of its members, by
// their keys.
func (a *seats) movedMembers(database string) (map[string][]byte, error) {
	db, err := bolt.Open(database, 0o600, &bolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		return nil, err
	}
	defer db.Close()
	moved := map[string][]byte{}
	return moved, db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(membersBucket)
		if b == nil {
			return nil // it was never written
		}
		return b.ForEach(func(key, value []byte) error {
			var m membership.Member
			if err := json.Unmarshal(value, &m); err != nil {
				return err
			}
			s := a.of(m)
			if s == nil || len(m.PeerURLs) == 1 && m.PeerURLs[0] == s.peerURL() {
				return nil
			}
			m.PeerURLs = []string{s.peerURL()}
			moved[string(key)], err = json.Marshal(m)
			return err
		})
	})
}

// of is the seat of a member as a database has it, or nil. One that has not told its
// name yet is known by the port that it had.
func (a *seats) of(m membership.Member) *seat {
	for i, s := range a.list {
		if m.Name == s.name {
			return s
		}
		if m.Name == "" && i < len(a.before) && len(m.PeerURLs) > 0 && strings.HasSuffix(m.PeerURLs[0], ":"+strconv.Itoa(a.before[i])) {
			return s
		}
	}
	return nil
}
