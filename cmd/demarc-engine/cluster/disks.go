package cluster

import (
	"context"
	"net/http"
	"time"

	"demarc/cmd/demarc-engine/cluster/operate"
	"demarc/sim/api"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// volumesTimeout is how long is waited for the PersistentVolumes.
const volumesTimeout = 5 * time.Second

// Disks implements [run.World]: the managed disks, with the PersistentVolumes that name
// them. If the API server cannot be asked the error says why, and the disks have none.
func (c *Cluster) Disks(ctx context.Context) ([]api.Disk, error) {
	list := c.fleet.Disks().List()
	if len(list) == 0 {
		return list, nil
	}
	ctx, cancel := context.WithTimeout(ctx, volumesTimeout)
	defer cancel()
	volumes, err := c.provider.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return list, err
	}
	operate.NameVolumes(list, volumes.Items)
	return list, nil
}

// Disks are the managed disks, whether or not the API server can say what they are for.
func (s apiService) Disks(ctx context.Context) []api.Disk {
	list, _ := s.Cluster.Disks(ctx) // without what the API server knows
	return list
}

// DoDisk does something with a managed disk past AKS.
func (c *Cluster) DoDisk(ctx context.Context, by api.Role, req api.DiskRequest) (d api.Disk, err error) {
	if c.dial.Clock().Rate == 0 {
		return d, api.Errorf(http.StatusConflict, "the virtual clock is paused, so that this would never be over: demarc clock run")
	}
	err = c.pastAKS(by, req.Action+" disk/"+req.Disk, func() error {
		d, err = c.fleet.Disks().Do(ctx, req, by.Actor())
		return err
	})
	return d, err
}

// cloudChanged keeps disks, file shares and load balancers as they are now, for an engine that
// is killed in the next moment.
func (c *Cluster) cloudChanged() {
	if c.ctx.Err() == nil {
		c.noteDisk(c.keep(true))
	}
}
