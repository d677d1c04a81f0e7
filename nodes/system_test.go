package nodes

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"demarc/nodes/cloud"
	"demarc/nodes/vm"
	"demarc/sim/api"
	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ssh runs a command on a node as the customer.
func (w *world) ssh(node, command string) string {
	w.t.Helper()
	out := w.run(node, timeline.Customer, command)
	synctest.Wait()
	return out
}

// run runs a command on a node as somebody.
func (w *world) run(node string, by timeline.Actor, command string) string {
	w.t.Helper()
	l, err := w.f.Login(node, by, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := l.Run(context.Background(), command, strings.NewReader(""), &out, &out); err != nil {
		fmt.Fprintln(&out, err)
	}
	return out.String()
}

// condition is a condition of a node's object.
func (w *world) condition(i int, kind corev1.NodeConditionType) corev1.NodeCondition {
	w.t.Helper()
	n, err := w.api.CoreV1().Nodes().Get(context.Background(), w.f.machines()[i].Name, metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range n.Status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return corev1.NodeCondition{}
}

func TestAStoppedKubeletIsStartedByItsMonitor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, nil)
		defer w.stop()
		w.pass(5 * time.Second)
		w.ssh("0", "sudo systemctl stop kubelet")
		if got := w.f.Machines()[0].Kubelet; got != "stopped" {
			t.Fatalf("kubelet = %s, want stopped", got)
		}
		root, _, ok := w.f.Trouble(w.f.machines()[0].Name)
		if !ok || root.Actor != timeline.Customer || !strings.Contains(root.Message, "systemctl stop kubelet") {
			t.Errorf("trouble comes from %+v, want the customer's command", root)
		}
		w.pass(time.Minute)
		if got := w.f.Machines()[0].Kubelet; got != "running" {
			t.Errorf("after a minute the kubelet = %s, want running", got)
		}
		r := w.f.Repairs()
		if len(r) != 1 || r[0].Layer != api.LayerNode || r[0].Event != root.Seq || r[0].Outcome != api.RepairHealed ||
			r[0].HealedAfterSeconds < 30 || r[0].HealedAfterSeconds > 60 {
			t.Errorf("repairs = %+v, want one of layer node, healed after 30 to 60 s", r)
		}
		if _, _, ok := w.f.Trouble(w.f.machines()[0].Name); ok {
			t.Error("the trouble is not over")
		}
	})
}

func TestAnAbsentRuntimeMakesTheNodeNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "p"))
		w.pass(10 * time.Second)
		w.ssh("0", "sudo apt-get remove -y moby-containerd && sudo touch /home/azureuser/notes")
		w.pass(25 * time.Second)
		if c := w.condition(0, corev1.NodeReady); c.Status != corev1.ConditionTrue {
			t.Errorf("after 25 s Ready = %s (%s): the kubelet gives its runtime 30 s", c.Status, c.Message)
		}
		w.pass(20 * time.Second)
		if c := w.condition(0, corev1.NodeReady); c.Status != corev1.ConditionFalse || c.Message != "container runtime is down" {
			t.Errorf("after 45 s Ready = %s (%s), want False: container runtime is down", c.Status, c.Message)
		}
		if c := w.condition(0, "ContainerRuntimeProblem"); c.Status != corev1.ConditionTrue || c.Reason != "ContainerRuntimeIsDown" {
			t.Errorf("ContainerRuntimeProblem = %s (%s), want True", c.Status, c.Reason)
		}
		w.pass(5 * time.Minute)
		if c := w.condition(0, corev1.NodeReady); !strings.Contains(c.Message, "PLEG is not healthy") {
			t.Errorf("after 5 min Ready says %q, want PLEG's trouble", c.Message)
		}
		if got := w.f.Containers()[0].State; got != "running" {
			t.Errorf("the container is %s: it lives without the runtime", got)
		}
		lost, err := w.f.Act("0", "reimage", "k1", 0)
		if err != nil || !slices.ContainsFunc(lost, func(s string) bool { return strings.Contains(s, "notes") }) {
			t.Errorf("reimage: lost %v, %v; want the customer's file", lost, err)
		}
		if again, err := w.f.Act("0", "reimage", "k1", 0); err != nil || !slices.Equal(again, lost) || w.f.machines()[0].Boots != 2 {
			t.Errorf("asked again: %v, %v, %d boots; want the same answer and no second reimage", again, err, w.f.machines()[0].Boots)
		}
		w.pass(reimageTime + bootTime + time.Minute)
		if c := w.condition(0, corev1.NodeReady); c.Status != corev1.ConditionTrue {
			t.Errorf("after the reimage Ready = %s (%s)", c.Status, c.Message)
		}
		if got := w.ssh("0", "ls /home/azureuser/notes; systemctl is-active containerd"); !strings.Contains(got, "No such file") || !strings.Contains(got, "active") {
			t.Errorf("after the reimage: %s", got)
		}
	})
}

func TestARestartOfTheProvidersContainerIsARepair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "kube-proxy-1", func(p *corev1.Pod) {
			p.Namespace, p.Labels = "kube-system", map[string]string{"kubernetes.azure.com/managedby": "aks"}
		}))
		w.pass(5 * time.Second)
		w.ssh("0", "sudo pkill -9 nginx")
		w.pass(3 * time.Second)
		r := w.f.Repairs()
		if len(r) != 1 || r[0].Subject != "c/"+w.f.machines()[0].Name || !strings.Contains(r[0].Cause, "pkill -9 nginx") {
			t.Errorf("repairs = %+v, want one, of the customer's command", r)
		}
	})
}

// told are the verbs and messages of a node's events with one of some verbs.
func (w *world) told(verbs ...timeline.Verb) (list []string) {
	events, _ := w.f.log.Since(0)
	for _, e := range events {
		if slices.Contains(verbs, e.Verb) {
			list = append(list, string(e.Actor)+" "+string(e.Verb)+" "+e.Message)
		}
	}
	return list
}

func TestWhatAScriptLeavesBehindIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.ssh("0", "uptime; sudo systemctl restart kubelet; echo x > /home/azureuser/x; echo y > /tmp/y")
		if got := w.told("changed", "reverted"); len(got) != 0 {
			t.Errorf("told %v of what leaves nothing behind", got)
		}
		w.ssh("0", "sudo apt-get remove -y moby-containerd")
		w.ssh("0", "sudo systemctl status ssh")
		w.ssh("0", "echo 1 | sudo tee /etc/extra.conf")
		w.ssh("0", "sudo apt-get install -y moby-containerd")
		w.ssh("0", "sudo rm /etc/extra.conf")
		want := []string{
			"customer changed the node differs from its image: package moby-containerd (removed)",
			"customer changed the node differs from its image: file /etc/extra.conf",
			"customer reverted the node is as its image again",
		}
		if got := w.told("changed", "reverted"); !slices.Equal(got, want) {
			t.Errorf("told %q\nwant %q", got, want)
		}
	})
}

// Of two people who are logged in to a node at once, each is told to have changed
// what they did, and not what the other did meanwhile.
func TestWhatTwoSessionsChangeIsToldOfEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		both := func(customer, support string) {
			var wg sync.WaitGroup
			wg.Go(func() { w.run("0", timeline.Customer, customer) })
			wg.Go(func() { w.run("0", timeline.Provider, support) })
			wg.Wait()
		}
		both("sleep 10; uptime; sleep 5", "sleep 5; echo 1 | sudo tee /etc/fix.conf; sudo systemctl disable ssh; sleep 20")
		both("sleep 5; echo 1 | sudo tee /etc/extra.conf; sleep 20", "uptime; sleep 10; ls /etc/extra.conf")
		both("sudo rm /etc/extra.conf; sleep 30", "sleep 5; sudo rm /etc/fix.conf; sudo systemctl enable ssh; sleep 5")
		both("sleep 20; sudo rm /etc/slip.conf; sleep 5", "sleep 5; echo 1 | sudo tee /etc/slip.conf")
		want := []string{
			"provider changed the node differs from its image: unit ssh.service (disabled), file /etc/fix.conf",
			"customer changed the node differs from its image: file /etc/extra.conf",
			"provider reverted the node is as its image again",
			"customer reverted the node is as its image again", // it took back its own first, and ended last
			"provider changed the node differs from its image: file /etc/slip.conf",
			"customer reverted the node is as its image again",
		}
		if got := w.told("changed", "reverted"); !slices.Equal(got, want) {
			t.Errorf("told:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

func TestPowerThatComesBackStartsNoVMThatWasStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		name := w.f.machines()[0].Name
		for _, do := range []func() error{
			func() error { _, err := w.f.PowerOff(name, timeline.Platform); return err },
			func() error {
				_, err := w.f.DoVM(api.VMRequest{VM: name, Action: "stop"}, timeline.Customer)
				return err
			},
			func() error { _, err := w.f.PowerOn(name, timeline.Platform); return err },
		} {
			if err := do(); err != nil {
				t.Fatal(err)
			}
			w.pass(time.Minute)
		}
		if m := w.f.machines()[0]; m.On || m.Dark || m.Power() != vm.Stopped {
			t.Errorf("power %s, on %v, dark %v", m.Power(), m.On, m.Dark)
		}
		if _, err := w.f.DoVM(api.VMRequest{VM: name, Action: "start"}, timeline.Customer); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		if got := w.f.machines()[0].Power(); got != "running" || len(w.told("repowered")) != 1 {
			t.Errorf("power %s, told %v", got, w.told("repowered"))
		}
	})
}

func TestAMachineWithAForeignKernelDoesNotBoot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.pass(10 * time.Second)
		w.ssh("0", "sudo apt-get install -y linux-image-6.8.0-45-generic")
		if m := w.f.Machines()[0]; !m.RebootRequired || m.Problem != "" {
			t.Errorf("after the install: %+v, want a reboot to be required", m)
		}
		w.ssh("0", "sudo reboot")
		w.pass(2 * time.Minute)
		if m := w.f.Machines()[0]; m.Kubelet != "stopped" || !strings.Contains(m.Problem, "does not boot") {
			t.Errorf("after the reboot: %+v, want that it does not boot", m)
		}
		if root, _, _ := w.f.Trouble(w.f.machines()[0].Name); !strings.Contains(root.Message, "apt-get install") {
			t.Errorf("the trouble comes from %q, want the kernel, not the reboot that showed it", root.Message)
		}
		if _, err := w.f.Login("0", timeline.Customer, 0); err == nil || !strings.Contains(err.Error(), "timed out") {
			t.Errorf("login: %v, want a timeout", err)
		}
		if _, err := w.f.Act("0", "reboot", "k1", 0); err != nil {
			t.Error(err)
		}
		w.pass(2 * time.Minute)
		if m := w.f.Machines()[0]; m.Problem == "" {
			t.Error("a reboot alone has helped")
		}
		if _, err := w.f.Act("0", "reimage", "k2", 0); err != nil {
			t.Error(err)
		}
		w.pass(reimageTime + time.Minute)
		if m := w.f.Machines()[0]; m.Problem != "" || m.Kernel != "5.15.0-1110-azure" || m.Kubelet != "running" {
			t.Errorf("after the reimage: %+v", m)
		}
	})
}

func TestARuleOfTheNetworkKeepsNodesFromTheAPIServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, nil)
		defer w.stop()
		w.pass(30 * time.Second)
		rule := api.NSGRule{Name: "no-443", Priority: 200, Direction: "Outbound", Access: "Deny", Protocol: "Tcp", Ports: []string{"443"}, Source: "*", Destination: "*"}
		if err := w.f.SetNSGRule(rule, timeline.Customer); err != nil {
			t.Fatal(err)
		}
		lease := func() time.Time {
			l, err := w.api.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(context.Background(), w.f.machines()[0].Name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return l.Spec.RenewTime.Time
		}
		before := lease()
		w.pass(time.Minute)
		if lease() != before {
			t.Error("the lease was renewed through a closed port")
		}
		if got := w.f.Egress(w.f.machines()[0].Name); !strings.Contains(got, "no-443") || !strings.Contains(got, "mcr.microsoft.com:443") {
			t.Errorf("egress = %q, want the rule and what it keeps from the node", got)
		}
		if _, err := w.f.Act("0", "reimage", "k", 0); err == nil || !api.HasCode(err, "VMExtensionProvisioningError") {
			t.Errorf("reimage without egress: %v, want a failed provisioning", err)
		}
		if err := w.f.DeleteNSGRule("no-443", timeline.Customer); err != nil {
			t.Fatal(err)
		}
		w.pass(reimageTime + bootTime + 20*time.Second)
		if lease() == before {
			t.Error("the lease is not renewed after the rule is gone")
		}
	})
}

func TestAFullDiskEvictsPodsAndEndsTheRuntime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "p"))
		critical := int32(2_000_000_000)
		w.create(testPod(w.f, "critical", func(p *corev1.Pod) { p.Spec.Priority = &critical }))
		w.pass(10 * time.Second)
		w.ssh("0", "sudo fallocate -l 95G /var/lib/big")
		w.pass(30 * time.Second)
		if c := w.condition(0, corev1.NodeDiskPressure); c.Status != corev1.ConditionTrue || c.Reason != "KubeletHasDiskPressure" {
			t.Errorf("DiskPressure = %s (%s), want True", c.Status, c.Reason)
		}
		if p := w.pod("p"); p.Status.Phase != corev1.PodFailed || p.Status.Reason != "Evicted" || !strings.HasPrefix(p.Status.Message, "The node was low on resource: ephemeral-storage.") {
			t.Errorf("pod p is %s (%s: %s), want it evicted", p.Status.Phase, p.Status.Reason, p.Status.Message)
		}
		if p := w.pod("critical"); p.Status.Phase != corev1.PodRunning {
			t.Errorf("the critical pod is %s, want it to run", p.Status.Phase)
		}
		w.create(testPod(w.f, "late"))
		w.pass(5 * time.Second)
		if p := w.pod("late"); p.Status.Reason != "Evicted" || !strings.Contains(p.Status.Message, "DiskPressure") {
			t.Errorf("pod late is %s (%s), want it not to be admitted", p.Status.Phase, p.Status.Message)
		}
		w.ssh("0", "sudo rm /var/lib/big")
		w.pass(4 * time.Minute)
		if c := w.condition(0, corev1.NodeDiskPressure); c.Status != corev1.ConditionTrue {
			t.Error("the pressure ended before its transition period of 5 minutes")
		}
		w.pass(90 * time.Second)
		if c := w.condition(0, corev1.NodeDiskPressure); c.Status != corev1.ConditionFalse {
			t.Error("the pressure has not ended")
		}
		w.ssh("0", "sudo dd if=/dev/zero of=/var/lib/all bs=1G count=200")
		if m := w.f.Machines()[0]; m.Runtime != "stopped" {
			t.Errorf("with a full disk the runtime is %s, want it stopped", m.Runtime)
		}
		if _, err := w.f.Act("0", "reimage", "k", 0); err != nil {
			t.Error(err)
		}
		w.pass(reimageTime + bootTime + time.Minute)
		if root, _, ok := w.f.Trouble(w.f.machines()[0].Name); ok {
			t.Errorf("after the reimage there is still trouble, by %q", root.Message)
		}
	})
}

func TestVMsAsResourcesOfTheCloud(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3, nil)
		defer w.stop()
		w.create(testPod(w.f, "p"))
		w.pass(10 * time.Second)
		do := func(req api.VMRequest) {
			t.Helper()
			if _, err := w.f.DoVM(req, timeline.Customer); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		names := w.f.NodeNames()
		do(api.VMRequest{Action: "deallocate", VM: "1"})
		if !w.f.Shutdown(names[1]) || !w.f.Exists(names[1]) || w.f.VMs()[1].Power != "PowerState/deallocated" {
			t.Errorf("deallocated: %+v", w.f.VMs()[1])
		}
		if _, err := w.f.Act("1", "reboot", "k", 0); err == nil {
			t.Error("a deallocated VM was rebooted")
		}
		do(api.VMRequest{Action: "start", VM: "1"})
		w.pass(time.Minute)
		if m := w.f.Machines()[1]; m.Kubelet != "running" {
			t.Errorf("started: %+v", m)
		}
		do(api.VMRequest{Action: "resize", VM: "2", Size: "standard_d8s_v5"})
		if got := w.f.VMs()[2].Size; got != "Standard_D8s_v5" {
			t.Errorf("size = %s", got)
		}
		do(api.VMRequest{Action: "tag", VM: "2", Tags: map[string]string{"team": "web"}})
		do(api.VMRequest{Action: "delete", VM: "0"})
		if w.f.Exists(names[0]) || len(w.f.VMs()) != 2 || len(w.f.Machines()) != 2 || len(w.f.Containers()) != 0 {
			t.Error("the deleted VM is still there")
		}
		if _, err := w.f.PowerOn("0", timeline.Platform); err == nil || !strings.Contains(err.Error(), "deleted") {
			t.Errorf("power on of a deleted VM: %v", err)
		}
		for req, want := range map[string]api.VMRequest{
			"cannot be asked to": {Action: "explode", VM: "1"},
			"is not stopped":     {Action: "start", VM: "1"},
			"is deleted":         {Action: "stop", VM: "0"},
			"no node":            {Action: "stop", VM: "17"},
		} {
			if _, err := w.f.DoVM(want, timeline.Customer); err == nil || !strings.Contains(err.Error(), req) {
				t.Errorf("%+v: error %v, want %q", want, err, req)
			}
		}
	})
}

func TestBrokenMachinesAreSavedAndRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3, nil)
		w.pass(10 * time.Second)
		w.ssh("0", "sudo apt-get remove -y moby-containerd; echo hello > /tmp/note")
		w.ssh("1", "sudo rm /boot/vmlinuz-5.15.0-1110-azure; sudo reboot")
		w.f.DoVM(api.VMRequest{Action: "stop", VM: "2"}, timeline.Customer)
		w.pass(time.Minute)
		state, err := w.f.Save()
		if err != nil {
			t.Fatal(err)
		}
		want := w.f.Machines()
		w.stop()
		v := newWorld(t, 3, state)
		defer v.stop()
		v.pass(time.Second)
		for i, got := range v.f.Machines() {
			if got.Power != want[i].Power || got.Kubelet != want[i].Kubelet || got.Runtime != want[i].Runtime || got.Problem != want[i].Problem {
				t.Errorf("machine %d = %+v, want %+v", i, got, want[i])
			}
		}
		if got := v.ssh("0", "cat /tmp/note"); got != "hello\n" {
			t.Errorf("the customer's file has %q", got)
		}
	})
}

func TestTheNodesAgents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.pass(10 * time.Second)
		w.ssh("0", "sudo systemctl stop kubelet-monitor containerd-monitor azure-cns node-problem-detector")
		w.create(testPod(w.f, "p"))
		w.pass(time.Minute)
		if p := w.pod("p"); p.Status.PodIP != "" {
			t.Errorf("the pod got address %s without the network agent", p.Status.PodIP)
		}
		if got := w.events("p"); !strings.Contains(got, "Failed to get IP address from CNS") && !strings.Contains(got, "FailedCreatePodSandBox") {
			t.Errorf("events = %q, want FailedCreatePodSandBox", got)
		}
		w.ssh("0", "sudo systemctl stop kubelet")
		w.pass(30 * time.Second)
		if c := w.condition(0, "KubeletProblem"); c.Status == corev1.ConditionTrue {
			t.Error("the node problem detector has reported while it was stopped")
		}
		w.ssh("0", "sudo systemctl start node-problem-detector azure-cns")
		w.pass(30 * time.Second)
		if c := w.condition(0, "KubeletProblem"); c.Status != corev1.ConditionTrue || c.Reason != "KubeletIsDown" {
			t.Errorf("KubeletProblem = %s (%s), want KubeletIsDown", c.Status, c.Reason)
		}
	})
}

func TestInboundRulesOfTheNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		deny := func(name, port string, priority int) {
			t.Helper()
			if err := w.f.SetNSGRule(api.NSGRule{Name: name, Priority: priority, Direction: "Inbound", Access: "Deny", Protocol: "*", Ports: []string{port}}, timeline.Customer); err != nil {
				t.Fatal(err)
			}
		}
		spec := cloud.BalancerSpec{Service: "default/shop", Base: "a1", Access: cloud.Access{Tags: []string{cloud.Internet}}}
		for _, port := range []int32{80, 443} {
			spec.Rules = append(spec.Rules, api.BalancerRule{Name: fmt.Sprint("r", port), Port: port, Protocol: cloud.TCP})
		}
		address, err := w.f.Balancers().Ensure(spec)
		if err != nil {
			t.Fatal(err)
		}
		at := func(port uint16) netip.AddrPort { return netip.AddrPortFrom(netip.MustParseAddr(address), port) }
		deny("late", "80", 600)
		if !w.f.Admits(at(80), false) {
			t.Error("a rule behind AKS's own closes a load balancer's port")
		}
		deny("early", "80", 200)
		if w.f.Admits(at(80), false) || !w.f.Admits(at(443), false) {
			t.Error("a rule before AKS's own closes port 80, and no other")
		}
		deny("ssh", "22", 201)
		if _, err := w.f.Login("0", timeline.Customer, 0); err == nil || !strings.Contains(err.Error(), "timed out") {
			t.Errorf("login: %v, want a timeout", err)
		}
	})
}
