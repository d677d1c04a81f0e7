package operate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"demarc/controlplane/provider"
	"demarc/nodes"
	"demarc/sim/api"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// vms is the VMs of the worker nodes as the provider's plane asks the cloud for them.
type vms struct{ m *Management }

var _ provider.Cloud = vms{}

// Broken implements [provider.Cloud].
func (p vms) Broken(node string) (cause string, event int64, since time.Time, ok bool) {
	root, since, ok := p.m.Fleet.Trouble(node)
	return root.Message, root.Seq, since, ok
}

// Act implements [provider.Cloud]. An answer is kept before it is given: else the
// provider's log would have a reboot that a killed engine's machine knows nothing of.
func (p vms) Act(_ context.Context, node, action, key string, cause int64) ([]string, error) {
	lost, err := p.m.Fleet.Act(node, action, key, cause)
	if serr := p.m.Save(); serr != nil {
		return nil, fmt.Errorf("%w: keep the cluster's state: %w", provider.ErrNoAnswer, serr)
	}
	return lost, err
}

// Egress implements [provider.Cloud].
func (p vms) Egress(node string) string { return p.m.Fleet.Egress(node) }

// SetPool implements [provider.Cloud].
func (p vms) SetPool(_ context.Context, pool string, shape api.PoolShape) error {
	p.m.Fleet.SetPool(pool, shape)
	return p.m.PoolChanged()
}

// DeletePool implements [provider.Cloud].
func (p vms) DeletePool(_ context.Context, pool string) error {
	return errors.Join(p.m.Fleet.DeletePool(pool), p.m.PoolChanged())
}

// AddVM implements [provider.Cloud].
func (p vms) AddVM(_ context.Context, key, pool, version string, surge bool, cause int64) (string, error) {
	node, err := p.m.Fleet.Add(key, pool, version, surge, cause)
	return node, errors.Join(err, p.m.PoolChanged())
}

// RemoveVM implements [provider.Cloud]. If the API server does not answer, the
// cloud node lifecycle controller deletes the Node later.
func (p vms) RemoveVM(ctx context.Context, key, node string, cause int64) error {
	if err := errors.Join(p.m.Fleet.Remove(key, node, cause), p.m.PoolChanged()); err != nil {
		return err
	}
	err := p.m.Client.CoreV1().Nodes().Delete(ctx, node, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) || ctx.Err() == nil && !asked(err) {
		return nil
	}
	return err
}

// asked says whether an error is the API server's answer.
func asked(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status)
}

// UpgradeVM implements [provider.Cloud].
func (p vms) UpgradeVM(_ context.Context, key, node, version, image string, cause int64) ([]string, error) {
	lost, err := p.m.Fleet.Upgrade(key, node, version, image, cause)
	return lost, errors.Join(err, p.m.PoolChanged())
}

// VMs implements [provider.Cloud].
func (p vms) VMs(pool string) []string { return p.m.Fleet.PoolNodes(pool) }

// Evacuating implements [provider.Cloud].
func (p vms) Evacuating() map[string]int64 {
	list := map[string]int64{}
	for _, x := range p.m.Fleet.Evacuating() {
		list[x.Node] = x.Event
	}
	return list
}

// MissingVMs implements [provider.Cloud].
func (p vms) MissingVMs(pool string) []string { return p.m.Fleet.Missing(pool) }

// LatestImage implements [provider.Cloud].
func (p vms) LatestImage(version string) string { return nodes.Images("v" + version)[0] }
