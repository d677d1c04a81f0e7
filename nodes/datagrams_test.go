package nodes

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Pods have ports of their node by address and protocol, and all that is sent there comes from
// a shell on the node's network.
func TestHostPortsAndDatagrams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.pass(time.Second)
		node := w.f.machines()[0]
		server := func(name, hostIP string, protocol corev1.Protocol, args ...string) {
			w.create(testPod(w.f, name, func(p *corev1.Pod) {
				c := &p.Spec.Containers[0]
				c.Image, c.Command, c.Args = "registry.k8s.io/e2e-test-images/agnhost:2.53", nil, append([]string{"netexec"}, args...)
				c.Ports = []corev1.ContainerPort{{ContainerPort: 8080, HostPort: 54323, HostIP: hostIP, Protocol: protocol}}
			}))
		}
		server("one", "127.0.0.1", corev1.ProtocolTCP, "--udp-port=-1")
		server("two", node.IP.String(), corev1.ProtocolTCP, "--udp-port=-1")
		server("three", node.IP.String(), corev1.ProtocolUDP, "--http-port=8008", "--udp-port=8080")
		w.pass(10 * time.Second)
		w.create(testPod(w.f, "client", script("sleep 1;"+
			"curl -s --interface $IP http://127.0.0.1:54323/hostname; echo; curl -s http://$IP:54323/hostname; echo; echo hostname | nc -u -w 1 $IP 54323; echo;"+
			"curl -s http://localhost:54323/hostname; echo; getent hosts localhost; echo clientip | nc -u -w 1 $POD 8080 > /tmp/x; cut -d: -f1 /tmp/x; sleep 1000"), func(p *corev1.Pod) {
			p.Spec.HostNetwork = true
			p.Spec.Containers[0].Ports = nil
			p.Spec.Containers[0].Image = "registry.k8s.io/e2e-test-images/agnhost:2.53"
			p.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "IP", Value: node.IP.String()}, {Name: "POD", Value: w.pod("three").Status.PodIP}}
		}))
		w.create(testPod(w.f, "inside", script("sleep 1; getent hosts $HOSTNAME | cut -c1-7; echo clientip | nc -u -w 1 $POD 8080 > /tmp/x; grep -c $ME: /tmp/x; sleep 1000"), func(p *corev1.Pod) {
			p.Spec.Containers[0].Image = "registry.k8s.io/e2e-test-images/agnhost:2.53"
			p.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "POD", Value: w.pod("three").Status.PodIP}, {Name: "ME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.podIP"}}}}
		}))
		w.pass(20 * time.Second)
		if got, want := w.logged("client"), "one\ntwo\nthree\none\n127.0.0.1       localhost\n"+node.IP.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := w.logged("inside"); got != "10.244.\n1" {
			t.Errorf("in a pod: got %q", got)
		}
		if got := w.ssh("0", "echo hostname | nc -u -w 1 "+node.IP.String()+" 54323"); got != "three" {
			t.Errorf("from the node's own shell: got %q", got)
		}
	})
}

// A port that a container declares for UDP takes datagrams and no connections.
func TestADeclaredPortHasItsProtocol(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.pass(time.Second)
		w.create(testPod(w.f, "mixed", func(p *corev1.Pod) {
			p.Spec.Containers[0].Image = "shop.azurecr.io/mixed"
			p.Spec.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 5353, Protocol: corev1.ProtocolUDP}, {ContainerPort: 5354, Protocol: corev1.ProtocolTCP}}
		}))
		w.pass(10 * time.Second)
		ip := w.pod("mixed").Status.PodIP
		for line, want := range map[string]string{
			"nc -z -w 1 %s 5353": "1", "nc -z -w 1 %s 5354": "0",
			"echo x | nc -u -w 1 %s 5353": "0", "echo x | nc -u -w 1 %s 5354": "1",
		} {
			if got := w.ssh("0", fmt.Sprintf(line, ip)+"; echo $?"); got != want+"\n" {
				t.Errorf("%s: got %q, want %s", line, got, want)
			}
		}
	})
}

// A server that is to shut down late serves on until then.
func TestAServerDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.pass(time.Second)
		w.create(testPod(w.f, "late", func(p *corev1.Pod) {
			c := &p.Spec.Containers[0]
			c.Image, c.Command, c.Args = "registry.k8s.io/e2e-test-images/agnhost:2.53", nil, []string{"netexec", "--http-port=80", "--delay-shutdown=20"}
		}))
		w.pass(10 * time.Second)
		ask := "curl -s --connect-timeout 1 http://" + w.pod("late").Status.PodIP + "/hostname"
		w.remove("late", 60)
		w.pass(15 * time.Second)
		if got := w.ssh("0", ask); got != "late" {
			t.Errorf("while it drains: got %q", got)
		}
		w.pass(10 * time.Second)
		if !w.gone("late") {
			t.Error("it is there after that")
		}
	})
}
