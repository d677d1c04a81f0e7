package cluster

import (
	"context"
	"fmt"
	"net/http"

	"demarc/nodes/csi"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// serviceAccount has a connection speak for a service account in kube-system, by the headers
// of a front proxy.
type serviceAccount struct {
	name string
	next http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (t serviceAccount) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Remote-User", "system:serviceaccount:"+metav1.NamespaceSystem+":"+t.name)
	r.Header["X-Remote-Group"] = []string{"system:serviceaccounts", "system:serviceaccounts:" + metav1.NamespaceSystem}
	return t.next.RoundTrip(r)
}

// driveDisks runs the controller of the CSI driver of disks, until ctx ends.
func (c *Cluster) driveDisks(ctx context.Context) error {
	cfg := c.plane.NodeProxy()
	cfg.UserAgent = "csi-azuredisk-controller" // the field manager of what it writes
	cfg.ContentType = "application/vnd.kubernetes.protobuf"
	cfg.Wrap(func(rt http.RoundTripper) http.RoundTripper { return serviceAccount{csi.ServiceAccount, rt} })
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("controller of the disks: %w", err)
	}
	controller, err := csi.New(client, c.fleet.Disks(), c.spec.Name)
	if err != nil {
		return err
	}
	c.work.Go(func() { controller.Run(ctx) })
	return nil
}
