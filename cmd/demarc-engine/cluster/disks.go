package cluster

import (
	"context"
	"net/http"
	"time"

	"demarc/cmd/demarc-engine/cluster/operate"
	"demarc/sim/api"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// volumesTimeout is how long is waited for the PersistentVolumes.
const volumesTimeout = 5 * time.Second

// volumes are the PersistentVolumes; none without an error if there is nothing that they
// could name.
func (c *Cluster) volumes(ctx context.Context, resources int) ([]corev1.PersistentVolume, error) {
	if resources == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, volumesTimeout)
	defer cancel()
	list, err := c.provider.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

// Disks implements [run.World]: the managed disks, with the PersistentVolumes that name
// them. If the API server cannot be asked the error says why, and the disks have none.
func (c *Cluster) Disks(ctx context.Context) ([]api.Disk, error) {
	list := c.fleet.Disks().List()
	volumes, err := c.volumes(ctx, len(list))
	if err == nil {
		operate.MatchDisks(list, c.fleet.Disks(), volumes)
	}
	return list, err
}

// Shares implements [run.World]: the file shares, likewise.
func (c *Cluster) Shares(ctx context.Context) ([]api.FileShare, error) {
	list := c.fleet.Shares().List()
	volumes, err := c.volumes(ctx, len(list))
	if err == nil {
		operate.MatchShares(list, c.fleet.Shares(), volumes)
	}
	return list, err
}

// Disks are the managed disks, whether or not the API server can say what they are for.
func (s apiService) Disks(ctx context.Context) []api.Disk {
	list, _ := s.Cluster.Disks(ctx) // without what the API server knows
	return list
}

// Shares are the file shares, likewise.
func (s apiService) Shares(ctx context.Context) []api.FileShare {
	list, _ := s.Cluster.Shares(ctx)
	return list
}

// DoDisk does something with a managed disk past AKS.
func (c *Cluster) DoDisk(ctx context.Context, by api.Role, req api.DiskRequest) (d api.Disk, err error) {
	err = c.inTime(by, req.Action+" disk/"+req.Disk, func() error {
		d, err = c.fleet.Disks().Do(ctx, req, by.Actor())
		return err
	})
	return d, err
}

// DoShare does something with a file share past AKS.
func (c *Cluster) DoShare(ctx context.Context, by api.Role, req api.ShareRequest) (s api.FileShare, err error) {
	err = c.inTime(by, req.Action+" fileshare/"+req.Share, func() error {
		s, err = c.fleet.Shares().Do(ctx, req, by.Actor())
		return err
	})
	return s, err
}

// inTime does something past AKS that takes virtual time.
func (c *Cluster) inTime(by api.Role, what string, do func() error) error {
	if c.dial.Clock().Rate == 0 {
		return api.Errorf(http.StatusConflict, "the virtual clock is paused, so that this would never be over: demarc clock run")
	}
	return c.pastAKS(by, what, do)
}

// cloudChanged keeps disks, file shares and load balancers as they are now, for an engine that
// is killed in the next moment. Many calls of the cloud end at one moment.
func (c *Cluster) cloudChanged() {
	if c.ctx.Err() == nil {
		c.noteDisk(c.saves.do(func() error { return c.keep(true) }))
	}
}
