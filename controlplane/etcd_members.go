package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"demarc/sim/clock"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// changePoll is how often etcd is asked for a change of its members that it refuses yet.
const changePoll = time.Second

// EtcdClient is a client of one living member, for the provider. The caller
// closes it.
func (p *Plane) EtcdClient(member string) (*clientv3.Client, error) {
	s, err := p.seats.find(member)
	if err != nil {
		return nil, err
	}
	m, err := s.running()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", member, err)
	}
	secure, err := p.pki.tls(etcdClient.file, etcdClient.ca)
	if err != nil {
		return nil, err
	}
	return clientv3.New(clientv3.Config{
		Endpoints: []string{"https://" + m.path.addr()}, TLS: secure, DialTimeout: healthTimeout, Logger: zap.NewNop(),
		MaxCallRecvMsgSize: 64 << 20,
	})
}

// ServingEtcd is the name of a member that serves, or an error that says why
// none does. A member may live and not serve, because too many others are gone.
// All are asked at once: one that hangs does not hide the others.
func (p *Plane) ServingEtcd(ctx context.Context) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		name string
		err  error
	}
	answers := make(chan answer, len(p.seats.list))
	for _, s := range p.seats.list {
		go func() { answers <- answer{s.component.name, s.serving(ctx)} }()
	}
	var errs []error
	for range p.seats.list {
		a := <-answers
		if a.err == nil {
			return a.name, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", a.name, a.err))
	}
	return "", errors.Join(errs...)
}

// serving asks the member whether it can read what a quorum has acknowledged,
// also while its database is full.
func (s *seat) serving(ctx context.Context) error {
	m, err := s.running()
	if err != nil {
		return err
	}
	return m.answers(ctx, false)
}

// running is the incarnation that runs, or a [NotRunningError].
func (s *seat) running() (*etcdMember, error) {
	s.mu.Lock()
	m := s.last
	s.mu.Unlock()
	if state := s.component.Status().State; m == nil || state != Running {
		return nil, &NotRunningError{state}
	}
	return m, nil
}

// EtcdRevision is etcd's revision, as a member that serves has it.
func (p *Plane) EtcdRevision(ctx context.Context) (revision int64, err error) {
	err = p.onServingEtcd(ctx, func(c *clientv3.Client) error {
		resp, err := c.Get(ctx, "\x00", clientv3.WithCountOnly())
		if err == nil {
			revision = resp.Header.Revision
		}
		return err
	})
	return revision, err
}

// onServingEtcd does something by a client of a member that serves.
func (p *Plane) onServingEtcd(ctx context.Context, do func(*clientv3.Client) error) error {
	member, err := p.ServingEtcd(ctx)
	if err != nil {
		return err
	}
	client, err := p.EtcdClient(member)
	if err != nil {
		return err
	}
	defer client.Close()
	return do(client)
}

// ReplaceEtcdMember gives a member that has lost its data a new one in its
// place: the old one leaves the membership, the new one joins as a learner, and
// is promoted as soon as it has caught up. It needs a quorum of the others. Until
// it is promoted its data counts as lost: if the engine ends, it is replaced again.
func (p *Plane) ReplaceEtcdMember(ctx context.Context, member string) error {
	s, err := p.seats.find(member)
	if err != nil {
		return err
	}
	donor, err := p.ServingEtcd(ctx)
	if err != nil {
		return fmt.Errorf("replace %s: no other member serves: %w", member, err)
	}
	client, err := p.EtcdClient(donor)
	if err != nil {
		return fmt.Errorf("replace %s: %w", member, err)
	}
	defer client.Close()
	id, err := s.rejoin(ctx, client)
	if err == nil {
		err = s.component.Start(ctx)
	}
	if err == nil {
		err = promote(ctx, client, id)
	}
	if err != nil {
		return fmt.Errorf("replace %s: %w", member, err)
	}
	return s.learn(false)
}

// rejoin makes the seat's member a new, empty learner. It returns its ID.
func (s *seat) rejoin(ctx context.Context, client *clientv3.Client) (id uint64, err error) {
	err = s.undisturbed(ctx, func() error {
		list, err := client.MemberList(ctx)
		if err != nil {
			return err
		}
		if err := s.learn(true); err != nil {
			return err
		}
		for _, m := range list.Members {
			if m.Name != s.name && !slices.Contains(m.PeerURLs, s.peerURL()) {
				continue
			}
			if err := insist(ctx, unhealthy, func() error {
				_, err := client.MemberRemove(ctx, m.ID)
				return err
			}); err != nil {
				return err
			}
		}
		if err := insist(ctx, unhealthy, func() error {
			added, err := client.MemberAddAsLearner(ctx, []string{s.peerURL()})
			if err == nil {
				id = added.Member.ID
			}
			return err
		}); err != nil {
			return err
		}
		if err := os.RemoveAll(s.dir); err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lost, s.joining = "", true
		return nil
	})
	return id, err
}

// promote gives a learner its vote when it has caught up.
func promote(ctx context.Context, client *clientv3.Client, id uint64) error {
	if err := insist(ctx, func(error) bool { return true }, func() error {
		_, err := client.MemberPromote(ctx, id)
		if errors.Is(err, rpctypes.ErrMemberNotLearner) {
			return nil // an earlier answer was lost
		}
		return err
	}); err != nil {
		return fmt.Errorf("promote the learner: %w", err)
	}
	return nil
}

// unhealthy says that etcd refuses a change of its members because they have been
// connected for less than some seconds.
func unhealthy(err error) bool { return errors.Is(err, rpctypes.ErrUnhealthy) }

// insist asks etcd for a change of its members until it is made, or refused for another
// reason than those that pass.
func insist(ctx context.Context, passes func(error) bool, change func() error) error {
	for {
		err := change()
		if err == nil || !passes(err) {
			return err
		}
		if !clock.Sleep(ctx, changePoll) {
			return err
		}
	}
}
