package cluster

import (
	"context"
	"fmt"

	"demarc/nodes/csi"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// driveDisks runs the controller of the CSI drivers of disks and file shares, until ctx ends.
func (c *Cluster) driveDisks(ctx context.Context) error {
	cfg := c.plane.Provider()                  // whose part of the control plane it is
	cfg.UserAgent = "csi-azuredisk-controller" // the field manager of what it writes
	cfg.ContentType = "application/vnd.kubernetes.protobuf"
	cfg.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:" + metav1.NamespaceSystem + ":" + csi.ServiceAccount}
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("controller of the disks: %w", err)
	}
	controller, err := csi.New(client, c.fleet.Disks(), c.fleet.Shares(), c.spec.Name)
	if err != nil {
		return err
	}
	c.work.Go(func() { controller.Run(ctx) })
	return nil
}
