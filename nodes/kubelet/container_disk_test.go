package kubelet

import (
	"bytes"
	"testing"
	"testing/synctest"

	"demarc/nodes/host"
	"demarc/nodes/program"
	"demarc/nodes/vm"

	corev1 "k8s.io/api/core/v1"
)

// A file that a command leaves in a container is there for the next one: the
// liveness probe of the Kubernetes documentation looks for one.
func TestCommandsShareAContainersDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &container{p: &pod{k: &Kubelet{ks: &Kubelets{}, m: &vm.VM{Name: "n-0", OS: host.New("n-0", host.NewImage("202605.14.0", "v1.37.0"))}}, namespace: "default", spec: &corev1.Pod{}}}
		c.run(program.Spec{Image: "nginx"})
		var out bytes.Buffer
		if code, err := program.Exec(t.Context(), c.program, []string{"touch", "/tmp/healthy"}, nil, &out, &out); code != 0 || err != nil {
			t.Fatalf("touch: %d, %v: %s", code, err, &out)
		}
		if code, err := program.Exec(t.Context(), c.program, []string{"cat", "/tmp/healthy"}, nil, &out, &out); code != 0 || err != nil {
			t.Errorf("cat of the file that touch made: got %d, %v: %s; want 0", code, err, &out)
		}
		c.run(program.Spec{Image: "nginx"})
		if code, _ := program.Exec(t.Context(), c.program, []string{"cat", "/tmp/healthy"}, nil, &out, &out); code == 0 {
			t.Error("a new instance still has the old one's file")
		}
	})
}
