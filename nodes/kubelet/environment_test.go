package kubelet

import (
	"fmt"
	"strings"
	"testing"

	"demarc/nodes/image"
	"demarc/nodes/vm"

	corev1 "k8s.io/api/core/v1"
)

// What a container is given grows by references; what no kernel would take is
// not made, and says why.
func TestWhatAContainerIsGivenIsBounded(t *testing.T) {
	doubled := []corev1.EnvVar{{Name: "V0", Value: "laugh "}}
	for i := 1; i < 24; i++ {
		doubled = append(doubled, corev1.EnvVar{Name: fmt.Sprint("V", i), Value: fmt.Sprintf("$(V%d)$(V%[1]d)", i-1)})
	}
	large := corev1.EnvVar{Name: "LARGE", Value: strings.Repeat("x", maxArgument/2)}
	keys := map[string][]byte{}
	for i := range 1_000 {
		keys[fmt.Sprint("k", i)] = nil
	}
	for name, tc := range map[string]struct {
		change func(*corev1.Container)
		want   error
	}{
		"variables that double": {func(c *corev1.Container) { c.Env = doubled }, errArguments},
		"an argument of many references": {func(c *corev1.Container) {
			c.Env, c.Args = []corev1.EnvVar{large}, []string{strings.Repeat("$(LARGE)", 2_000)}
		}, errArguments},
		"many arguments": {func(c *corev1.Container) {
			c.Env, c.Args = []corev1.EnvVar{large}, strings.Fields(strings.Repeat("$(LARGE) ", 1_000))
		}, errArguments},
		"what is usual": {func(c *corev1.Container) {
			c.Env, c.Args = []corev1.EnvVar{large, large}, []string{"$(LARGE)", "$$(LARGE)", "$(NONE)"}
			c.VolumeMounts = []corev1.VolumeMount{{Name: "v", MountPath: "/m"}, {Name: "v", MountPath: "/one", SubPath: "k1"}}
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := &pod{namespace: "kube-system", k: &Kubelet{ks: &Kubelets{Config: Config{Images: image.Builtin()}}, m: &vm.VM{Name: "n"}}, config: podConfig{objects: map[ref]*config{{kind: "configmap", name: "m"}: {data: keys}}}}
			spec := corev1.Container{Name: "c"}
			tc.change(&spec)
			p.spec = &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{spec}, Volumes: []corev1.Volume{{
				Name: "v", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "m"}}},
			}}}}
			got, err := p.programSpec(&container{p: p, name: "c"})
			if err != tc.want {
				t.Fatalf("got %v, want %v", err, tc.want)
			}
			if err == nil && (got.Args[0] != large.Value || got.Args[1] != "$(LARGE)" || got.Args[2] != "$(NONE)" || len(got.Mounts) != 2) {
				t.Errorf("got %d mounts and arguments %.20q", len(got.Mounts), got.Args)
			}
		})
	}
}
