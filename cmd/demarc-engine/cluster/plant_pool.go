package cluster

import (
	"context"
	"errors"
	"fmt"

	"demarc/controlplane/provider"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var _ provider.PoolPlant = nodePlant{}

// AddVM implements [provider.PoolPlant].
func (p nodePlant) AddVM(_ context.Context, key, version string, surge bool, cause int64) (string, error) {
	node, err := p.c.fleet.Add(key, version, surge, cause)
	return node, errors.Join(err, p.c.poolChanged())
}

// RemoveVM implements [provider.PoolPlant]. If the API server does not answer, the
// cloud node lifecycle controller deletes the Node later.
func (p nodePlant) RemoveVM(ctx context.Context, key, node string, cause int64) error {
	if err := errors.Join(p.c.fleet.Remove(key, node, cause), p.c.poolChanged()); err != nil {
		return err
	}
	err := p.c.provider.CoreV1().Nodes().Delete(ctx, node, metav1.DeleteOptions{})
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

// UpgradeVM implements [provider.PoolPlant].
func (p nodePlant) UpgradeVM(_ context.Context, key, node, version, image string, cause int64) ([]string, error) {
	lost, err := p.c.fleet.Upgrade(key, node, version, image, cause)
	return lost, errors.Join(err, p.c.poolChanged())
}

// VMs implements [provider.PoolPlant].
func (p nodePlant) VMs() []string { return p.c.fleet.NodeNames() }

// MissingVMs implements [provider.PoolPlant].
func (p nodePlant) MissingVMs() []string { return p.c.fleet.Missing() }

// poolChanged keeps which machines there are before anybody builds on it, and
// tells SSH clients.
func (c *Cluster) poolChanged() error {
	if err := c.saveState(); err != nil {
		return fmt.Errorf("keep the cluster's state: %w", err)
	}
	return c.ssh.Refresh()
}
