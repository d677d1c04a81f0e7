package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"demarc/backup"
	"demarc/controlplane"
	"demarc/controlplane/provider"
	"demarc/nodes"
	"demarc/sim/api"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// resumeTimeout bounds the start of a control plane on restored data.
const resumeTimeout = 5 * time.Minute

// managed is the control plane as the provider's plane operates it.
type managed struct{ m *Management }

var _ provider.ControlPlane = managed{}

// Components implements [provider.ControlPlane].
func (p managed) Components() []provider.Component {
	var list []provider.Component
	for _, x := range p.m.Plane.Components() {
		list = append(list, x)
	}
	return list
}

// Members implements [provider.ControlPlane].
func (p managed) Members() []provider.Member {
	var list []provider.Member
	for _, m := range p.m.Plane.EtcdMembers() {
		list = append(list, provider.Member(m))
	}
	return list
}

// Serving implements [provider.ControlPlane].
func (p managed) Serving(ctx context.Context) error {
	_, err := p.m.Plane.ServingEtcd(ctx)
	return err
}

// Source implements [provider.ControlPlane].
func (p managed) Source(ctx context.Context) (backup.Source, func(), error) {
	member, err := p.m.Plane.ServingEtcd(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("no etcd member serves: %w", err)
	}
	client, err := p.m.Plane.EtcdClient(member)
	if err != nil {
		return nil, nil, err
	}
	return backup.ClientSource(client, member), func() { client.Close() }, nil
}

// Space implements [provider.ControlPlane].
func (p managed) Space() provider.Space {
	s := p.m.Plane.EtcdSpace()
	if s.Alarm {
		p.m.filled.seen()
	}
	space := provider.Space{Alarm: s.Alarm, Revision: s.Revision}
	for _, m := range s.Members {
		space.Members = append(space.Members, provider.MemberSpace(m))
	}
	return space
}

// Compact implements [provider.ControlPlane].
func (p managed) Compact(ctx context.Context, revision int64) error {
	return p.m.Plane.CompactEtcd(ctx, revision)
}

// Defragment implements [provider.ControlPlane].
func (p managed) Defragment(ctx context.Context, member string) error {
	return p.m.Plane.DefragmentEtcd(ctx, member)
}

// Disarm implements [provider.ControlPlane].
func (p managed) Disarm(ctx context.Context) error { return p.m.Plane.DisarmEtcd(ctx) }

// Replace implements [provider.ControlPlane].
func (p managed) Replace(ctx context.Context, member string) error {
	return p.m.Plane.ReplaceEtcdMember(ctx, member)
}

// Stage implements [provider.ControlPlane].
func (p managed) Stage() ([]backup.Member, string, error) {
	seats, token, err := p.m.Plane.StageRestore()
	var members []backup.Member
	for _, s := range seats {
		members = append(members, backup.Member{Name: s.Name, DataDir: s.Dir, PeerURL: s.PeerURL})
	}
	return members, token, err
}

// Commit implements [provider.ControlPlane]. No API server serves yet, so the nodes are
// told before they can hear of the past.
func (p managed) Commit(token string) error {
	if err := p.m.Plane.CommitRestore(token); err != nil {
		return err
	}
	p.m.Fleet.Restored()
	return nil
}

// Resume implements [provider.ControlPlane].
func (p managed) Resume(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, resumeTimeout)
	defer cancel()
	if err := p.m.Plane.Start(ctx); err != nil {
		return 0, err
	}
	if !slices.ContainsFunc(p.m.Plane.Group(controlplane.APIServer), serves) {
		return 0, errors.New("no API server serves: they are held down")
	}
	return p.m.Plane.EtcdRevision(ctx)
}

func serves(x *controlplane.Component) bool { return x.Status().State == controlplane.Running }

// Upgrade implements [provider.ControlPlane].
func (p managed) Upgrade(ctx context.Context, version string, began func(string)) error {
	return p.m.Plane.Upgrade(ctx, version, began)
}

// Running implements [provider.ControlPlane].
func (p managed) Running() map[string]bool {
	if p.m.Fleet.Synced() != nil {
		return nil
	}
	running := map[string]bool{}
	for _, x := range p.m.Fleet.Containers() {
		running[x.Namespace+"/"+x.Pod] = true
	}
	return running
}

// Reconcile implements [provider.ControlPlane]. The nodes stop and start by themselves
// what they must, in an order in which no request is lost.
func (p managed) Reconcile(ctx context.Context, ran map[string]bool) (r api.Reconciled, err error) {
	list, err := p.m.Client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return r, err
	}
	if ran == nil {
		if ran = p.Running(); ran == nil {
			return r, nodes.ErrNotSynced
		}
	}
	known := map[string]bool{}
	for _, pod := range list.Items {
		if pod.Spec.NodeName != "" {
			known[pod.Namespace+"/"+pod.Name] = true
		}
	}
	volumes, err := p.m.Client.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return r, err
	}
	r.OrphanedPods, r.RevivedPods = without(ran, known), without(known, ran)
	disks, shares := p.m.Fleet.Disks(), p.m.Fleet.Shares()
	r.OrphanedDisks, r.LostDisks = MatchDisks(disks.List(), disks, volumes.Items)
	r.OrphanedShares, r.LostShares = MatchShares(shares.List(), shares, volumes.Items)
	return r, nil
}

// without is what is in a and not in b, sorted.
func without(a, b map[string]bool) []string {
	var names []string
	for name := range a {
		if !b[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
