package kubelet

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// handlers are those that the runtime of a node has: no node image here brings more.
var handlers = []string{"", "runc", "untrusted"}

// lookUpClass says why a pod's RuntimeClass cannot be had; nil if it can, or none is asked
// for. Its error is that nobody has answered.
func (ks *Kubelets) lookUpClass(ctx context.Context, p *pod, spec *corev1.Pod) (why, err error) {
	if spec.Spec.RuntimeClassName == nil || *spec.Spec.RuntimeClassName == "" {
		return nil, nil
	}
	class, err := ks.Client.NodeV1().RuntimeClasses().Get(ctx, *spec.Spec.RuntimeClassName, metav1.GetOptions{})
	switch {
	case err != nil && outage(err):
		return nil, fmt.Errorf("get runtimeclass %s: %w", *spec.Spec.RuntimeClassName, err)
	case err != nil:
		return err, nil
	case !slices.Contains(handlers, class.Handler):
		return fmt.Errorf("rpc error: code = Unknown desc = unable to get OCI runtime for sandbox %q: no runtime for %q is configured", hexID("sandbox", p.uid, 0), class.Handler), nil
	}
	return nil, nil
}
