package controlplane

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"demarc/sim/api"
	"demarc/sim/clock"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/etcdserver"
)

// aksEtcdQuota is AKS's default limit of etcd's size (aks-facts, section 10).
const aksEtcdQuota = api.DefaultEtcdQuota

// EtcdQuota is the size in bytes at which etcd refuses writes.
func (p *Plane) EtcdQuota() int64 { return cmp.Or(p.cfg.EtcdQuota, aksEtcdQuota) }

// EtcdSpace is how etcd stands to the quota of its database.
type EtcdSpace struct {
	// Alarm says that the alarm NOSPACE is raised: until it is disarmed, etcd refuses
	// every request that may write, and serves reads and deletes.
	Alarm bool
	// Revision is etcd's.
	Revision int64
	// Members are those that run: each has a database of its own.
	Members []EtcdMemberSpace
}

// EtcdMemberSpace is the space that a member's database takes, in bytes.
type EtcdMemberSpace struct {
	// Name is the component's: etcd, or etcd/0.
	Name string
	// Size is the database's, InUse what of it is not free pages.
	Size, InUse int64
	// Quota is the size at which etcd raises the alarm.
	Quota int64
}

// EtcdSpace asks the members that run. One that does not answer is left out.
func (p *Plane) EtcdSpace() EtcdSpace {
	var all EtcdSpace
	for _, seat := range p.seats.list {
		m, err := seat.running()
		if err != nil {
			continue
		}
		s, err := ask(context.Background(), func(context.Context) EtcdSpace { return m.space(p.EtcdQuota()) })
		if err != nil {
			continue
		}
		all.Alarm = all.Alarm || s.Alarm
		all.Revision = max(all.Revision, s.Revision)
		all.Members = append(all.Members, s.Members...)
	}
	return all
}

// space is what one member knows.
func (m *etcdMember) space(quota int64) EtcdSpace {
	server, backend := m.etcd.Server, m.etcd.Server.Backend()
	s := EtcdSpace{Alarm: full(server)}
	if s.Alarm {
		backend.ForceCommit() // pages that one commit frees count as in use until the next
	}
	s.Revision = server.KV().Rev()
	s.Members = []EtcdMemberSpace{{
		Name: m.seat.component.name, Size: backend.Size(), InUse: backend.SizeInUse(), Quota: quota,
	}}
	return s
}

// EtcdFull says whether a member that runs has the alarm.
func (p *Plane) EtcdFull() bool {
	return slices.ContainsFunc(p.seats.list, func(s *seat) bool {
		m, err := s.running()
		if err != nil {
			return false
		}
		has, err := ask(context.Background(), func(context.Context) bool { return full(m.etcd.Server) })
		return err == nil && has
	})
}

func full(s *etcdserver.EtcdServer) bool { return slices.ContainsFunc(s.Alarms(), noSpace) }

func noSpace(a *etcdserverpb.AlarmMember) bool { return a.Alarm == etcdserverpb.AlarmType_NOSPACE }

// CompactEtcd drops the history before a revision, and returns when its pages are
// free. That a later one has been dropped already is fine.
func (p *Plane) CompactEtcd(ctx context.Context, revision int64) error {
	return p.onServingEtcd(ctx, func(c *clientv3.Client) error {
		_, err := c.Compact(ctx, revision, clientv3.WithCompactPhysical())
		if errors.Is(err, rpctypes.ErrCompacted) {
			return nil
		}
		return err
	})
}

// DefragmentEtcd gives a member's free pages back. It serves nobody meanwhile.
func (p *Plane) DefragmentEtcd(ctx context.Context, member string) error {
	client, err := p.EtcdClient(member)
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = client.Defragment(ctx, client.Endpoints()[0])
	return err
}

// disarmPoll is how often members are asked whether they know that the alarm is over.
const disarmPoll = 100 * time.Millisecond

// DisarmEtcd ends the alarm NOSPACE of every member, and no other alarm. It returns
// when all that run know: followers learn it later than who was told.
func (p *Plane) DisarmEtcd(ctx context.Context) error {
	if err := p.disarm(ctx); err != nil {
		return err
	}
	for p.EtcdFull() {
		if !clock.Sleep(ctx, disarmPoll) {
			return fmt.Errorf("some members still have the alarm: %w", ctx.Err())
		}
	}
	return nil
}

func (p *Plane) disarm(ctx context.Context) error {
	return p.onServingEtcd(ctx, func(c *clientv3.Client) error {
		list, err := c.AlarmList(ctx)
		if err != nil {
			return err
		}
		for _, a := range list.Alarms {
			if !noSpace(a) {
				continue
			}
			if _, err := c.AlarmDisarm(ctx, (*clientv3.AlarmMember)(a)); err != nil {
				return fmt.Errorf("disarm the alarm of member %x: %w", a.MemberID, err)
			}
		}
		return nil
	})
}
