package network

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// policed is three machines with pods in two namespaces: web on n1, shop and its client on
// n2, other on n3.
type policed struct {
	*fabric
	pods       []*corev1.Pod
	namespaces []*corev1.Namespace
}

func newPoliced() *policed {
	f := &policed{fabric: newFabric()}
	for _, name := range []string{"default", "other"} {
		f.namespaces = append(f.namespaces, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelMetadataName: name}}})
	}
	f.add("n1", "default", "web", "10.244.1.1")
	f.add("n2", "default", "client", "10.244.2.1")
	f.add("n1", "default", "neighbour", "10.244.1.2")
	f.add("n3", "other", "client", "10.244.3.1")
	s := svc("web", "10.0.1.1", loadBalancer("20.1.1.1"))
	endpoints := slice(s, 8080, ep("10.244.1.1", "n1"))
	dns, dnsSlice := f.dns("n2")
	f.program([]*corev1.Service{s, dns}, endpoints, dnsSlice)
	f.pods = append(f.pods, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "coredns"}, Status: corev1.PodStatus{PodIP: "10.244.9.9"}})
	return f
}

func (f *policed) add(node, namespace, name, ip string) {
	p := f.pod(node, name, ip, 8080)
	p.ports = []int32{8080, 9090}
	p.labels = map[string]string{"app": name}
	x := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: p.labels}}
	x.Spec.Containers = []corev1.Container{{Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}}}}
	x.Status.PodIP = ip
	f.pods = append(f.pods, x)
}

// apply has all machines enforce policies, each the spec of one of namespace default.
func (f *policed) apply(t testing.TB, narrow bool, specs ...string) {
	var list []*networkingv1.NetworkPolicy
	for _, text := range specs {
		p := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "default"}}
		if err := yaml.UnmarshalStrict([]byte(text), &p.Spec); err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	f.policies = BuildPolicies(list, f.pods, f.namespaces, narrow)
}

// verdict is what becomes of a connection: ok, dropped or refused.
func (f *policed) verdict(t *testing.T, from Origin, to string) string {
	conn, err := New(f, 1).Dial(within(t, 10*time.Second), from, to)
	switch {
	case err == nil:
		conn.Close()
		return "ok"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "dropped"
	}
	return err.Error()
}

func TestPolicies(t *testing.T) {
	client := Origin{Node: "n2", Address: mustAddr("10.244.2.1")}
	neighbour := Origin{Node: "n1", Address: mustAddr("10.244.1.2")}
	stranger := Origin{Node: "n3", Address: mustAddr("10.244.3.1"), Namespace: "other"}
	web := Origin{Node: "n1", Address: mustAddr("10.244.1.1")}
	const pod, service, balancer = "10.244.1.1:8080", "10.0.1.1:80", "20.1.1.1:80"
	const denyIngress, denyEgress = "{podSelector: {}, policyTypes: [Ingress]}", "{podSelector: {}, policyTypes: [Egress]}"
	ingress := func(rule string) string {
		return "{podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress], ingress: [" + rule + "]}"
	}
	egress := func(rule string) string {
		return "{podSelector: {matchLabels: {app: client}}, policyTypes: [Egress], egress: [" + rule + "]}"
	}
	for _, tt := range []struct {
		about    string
		policies []string
		narrow   bool
		from     Origin
		to, want string
	}{
		{"no policy", nil, false, client, service, "ok"},
		{"denied by default", []string{denyIngress}, false, client, pod, "dropped"},
		{"after DNAT", []string{denyIngress}, false, client, service, "dropped"},
		{"a closed port, too", []string{denyIngress}, false, client, "10.244.1.1:1", "dropped"},
		{"a closed port that is allowed", []string{ingress("{}")}, false, client, "10.244.1.1:1", "refused"},
		{"from the internet", []string{denyIngress}, false, Origin{}, balancer, "dropped"},
		{"the internet, allowed by everybody", []string{ingress("{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}")}, false, Origin{}, balancer, "ok"},
		{"from its own node", []string{denyIngress}, false, Origin{Node: "n1"}, pod, "ok"},
		{"from another node", []string{denyIngress}, false, Origin{Node: "n2"}, pod, "dropped"},
		{"itself", []string{denyIngress, denyEgress}, false, web, service, "ok"},
		{"itself by loopback", []string{denyIngress, denyEgress}, false, web, "127.0.0.1:8080", "ok"},
		{"the other direction is free", []string{denyIngress}, false, web, "10.244.3.1:8080", "ok"},
		{"of another namespace", []string{denyIngress, denyEgress}, false, stranger, "10.244.3.1:8080", "ok"},
		{"egress", []string{denyEgress}, false, client, pod, "dropped"},
		{"egress to its own node", []string{denyEgress}, false, client, "10.224.0.5:22", "refused"},
		{"egress to another node", []string{denyEgress}, false, client, "10.224.0.6:22", "dropped"},
		{"egress to a name", []string{denyEgress}, false, client, "web:80", "dropped"},
		{"the name alone", []string{egress("{ports: [{port: 53, protocol: UDP}]}")}, false, client, "web:80", "dropped"},
		{"DNS by TCP is no use", []string{egress("{ports: [{port: 53}]}")}, false, client, "web:80", "dropped"},
		{"by the name and on", []string{egress("{ports: [{port: 53, protocol: UDP}]}, {to: [{podSelector: {matchLabels: {app: web}}}]}")}, false, client, "web:80", "ok"},
		{"pods by label", []string{ingress("{from: [{podSelector: {matchLabels: {app: client}}}]}")}, false, client, service, "ok"},
		{"other pods", []string{ingress("{from: [{podSelector: {matchLabels: {app: client}}}]}")}, false, neighbour, service, "dropped"},
		{"pods of another namespace have that label, too", []string{ingress("{from: [{podSelector: {matchLabels: {app: client}}}]}")}, false, stranger, service, "dropped"},
		{"a namespace", []string{ingress("{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: other}}}]}")}, false, stranger, service, "ok"},
		{"not its own", []string{ingress("{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: other}}}]}")}, false, client, service, "dropped"},
		{"a namespace and a label", []string{ingress("{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: client}}}]}")}, false, stranger, service, "ok"},
		{"policies add up", []string{denyIngress, ingress("{from: [{podSelector: {}}]}")}, false, client, service, "ok"},
		{"the port of the pod counts", []string{ingress("{ports: [{port: 8080}]}")}, false, client, service, "ok"},
		{"that of the Service does not", []string{ingress("{ports: [{port: 80}]}")}, false, client, service, "dropped"},
		{"another port", []string{ingress("{ports: [{port: 8080}]}")}, false, client, "10.244.1.1:9090", "dropped"},
		{"a range", []string{ingress("{ports: [{port: 8000, endPort: 9090}]}")}, false, client, "10.244.1.1:9090", "ok"},
		{"out of range", []string{ingress("{ports: [{port: 8000, endPort: 9089}]}")}, false, client, "10.244.1.1:9090", "dropped"},
		{"a name of a port", []string{ingress("{ports: [{port: http}]}")}, false, client, service, "ok"},
		{"of another", []string{ingress("{ports: [{port: http}]}")}, false, client, "10.244.1.1:9090", "dropped"},
		{"a name of a port of the peer's", []string{egress("{ports: [{port: http}]}")}, false, client, service, "ok"},
		{"the other protocol", []string{ingress("{ports: [{port: 8080, protocol: UDP}]}")}, false, client, service, "dropped"},
		{"a block", []string{ingress("{from: [{ipBlock: {cidr: 10.244.2.0/24}}]}")}, false, client, service, "ok"},
		{"but for", []string{ingress("{from: [{ipBlock: {cidr: 10.244.0.0/16, except: [10.244.2.0/24]}}]}")}, false, client, service, "dropped"},
		{"a block has the nodes", []string{ingress("{from: [{ipBlock: {cidr: 10.224.0.0/16}}]}")}, false, Origin{Node: "n3"}, service, "ok"},
		{"with Cilium no pods", []string{ingress("{from: [{ipBlock: {cidr: 10.244.2.0/24}}]}")}, true, client, service, "dropped"},
		{"and no nodes", []string{ingress("{from: [{ipBlock: {cidr: 10.224.0.0/16}}]}")}, true, Origin{Node: "n3"}, service, "dropped"},
		{"a port of another node", []string{egress("{to: [{ipBlock: {cidr: 10.224.0.6/32}}]}")}, false, client, "10.224.0.6:30080", "ok"},
		{"masqueraded, it comes from there", []string{ingress("{from: [{podSelector: {matchLabels: {app: client}}}]}")}, false, client, "10.224.0.6:30080", "dropped"},
		{"but for the pod's own node", []string{ingress("{from: [{podSelector: {matchLabels: {app: client}}}]}")}, false, client, "10.224.0.4:30080", "ok"},
		{"types by default", []string{"{podSelector: {matchLabels: {app: client}}, egress: [{ports: [{port: 1}]}]}"}, false, client, service, "dropped"},
		{"ingress is one always", []string{"{podSelector: {matchLabels: {app: web}}}"}, false, client, service, "dropped"},
	} {
		t.Run(tt.about, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newPoliced()
				f.apply(t, tt.narrow, tt.policies...)
				got := f.verdict(t, tt.from, tt.to)
				if got != tt.want {
					t.Errorf("got %s, want %s", got, tt.want)
				}
			})
		})
	}
}

// A pod that is too new for the policies is isolated from its first moment, and allowed
// what it is a peer of when they are made again.
func TestAPodThatIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPoliced()
		f.apply(t, false, "{podSelector: {matchLabels: {app: new}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {app: client}}}]}]}",
			"{podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {app: new}}}]}]}")
		f.add("n3", "default", "new", "10.244.3.9")
		fresh := Origin{Node: "n3", Address: mustAddr("10.244.3.9")}
		if got := f.verdict(t, Origin{Node: "n1", Address: mustAddr("10.244.1.2")}, "10.244.3.9:8080"); got != "dropped" {
			t.Errorf("to it: got %s", got)
		}
		if got := f.verdict(t, fresh, "10.244.1.1:8080"); got != "dropped" {
			t.Errorf("from it, before: got %s", got)
		}
		f.apply(t, false, "{podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {app: new}}}]}]}")
		if got := f.verdict(t, fresh, "10.244.1.1:8080"); got != "ok" {
			t.Errorf("from it: got %s", got)
		}
	})
}

// What is open stays open, and datagrams have no connection.
func TestPoliciesAndWhatIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPoliced()
		n := New(f, 1)
		from := Origin{Node: "n2", Address: mustAddr("10.244.2.1")}
		conn, err := n.Dial(t.Context(), from, "10.0.1.1:80")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		send := func() string {
			b, err := n.Exchange(from, mustAddrPort("10.244.1.1:8080"), nil)
			return fmt.Sprint(string(b) != "", err)
		}
		if got := send(); got != "true <nil>" {
			t.Errorf("a datagram before: %s", got)
		}
		f.apply(t, false, "{podSelector: {}, policyTypes: [Ingress]}")
		if pod, _, err := exchange(conn, false); err != nil || pod != "default/web" {
			t.Errorf("by the open connection: got %s, %v", pod, err)
		}
		if got := send(); got != "false <nil>" {
			t.Errorf("a datagram after: %s", got)
		}
	})
}

// allowedBy is what the documents say of NetworkPolicies, for one direction, by going
// through the objects: the oracle of TestPoliciesAgainstTheDocuments.
func allowedBy(list []*networkingv1.NetworkPolicy, f *policed, from, to *corev1.Pod, port int32) bool {
	isolated, allowed := false, false
	for _, p := range list {
		s, _ := metav1.LabelSelectorAsSelector(&p.Spec.PodSelector)
		if p.Namespace != to.Namespace || !s.Matches(set(to.Labels)) {
			continue
		}
		isolated = true
		for _, r := range p.Spec.Ingress {
			ports := len(r.Ports) == 0
			for _, x := range r.Ports {
				last := x.Port.IntVal
				if x.EndPort != nil {
					last = *x.EndPort
				}
				ports = ports || x.Port.IntVal <= port && port <= last
			}
			peers := len(r.From) == 0
			for _, x := range r.From {
				switch {
				case x.IPBlock != nil:
					_, cidr, _ := net.ParseCIDR(x.IPBlock.CIDR)
					in := cidr.Contains(net.ParseIP(from.Status.PodIP))
					for _, e := range x.IPBlock.Except {
						_, cidr, _ := net.ParseCIDR(e)
						in = in && !cidr.Contains(net.ParseIP(from.Status.PodIP))
					}
					peers = peers || in
				default:
					in := from.Namespace == p.Namespace
					if x.NamespaceSelector != nil {
						s, _ := metav1.LabelSelectorAsSelector(x.NamespaceSelector)
						in = s.Matches(set(map[string]string{corev1.LabelMetadataName: from.Namespace}))
					}
					if x.PodSelector != nil {
						s, _ := metav1.LabelSelectorAsSelector(x.PodSelector)
						in = in && s.Matches(set(from.Labels))
					}
					peers = peers || in
				}
			}
			allowed = allowed || ports && peers
		}
	}
	return !isolated || allowed
}

type set map[string]string

func (s set) Has(k string) bool              { _, ok := s[k]; return ok }
func (s set) Get(k string) string            { return s[k] }
func (s set) Lookup(k string) (string, bool) { v, ok := s[k]; return v, ok }

// Whatever the policies, what is compiled of them decides as the objects themselves do.
func TestPoliciesAgainstTheDocuments(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	one := func(words ...string) string { return words[random.IntN(len(words))] }
	for range 300 {
		f := newPoliced()
		var list []*networkingv1.NetworkPolicy
		for range 1 + random.IntN(4) {
			p := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: one("default", "other")}}
			text := fmt.Sprintf("{podSelector: %s, policyTypes: [Ingress], ingress: [%s]}", one("{}", "{matchLabels: {app: web}}", "{matchExpressions: [{key: app, operator: NotIn, values: [client]}]}"),
				one("", "{}", "{from: ["+one("{podSelector: {matchLabels: {app: client}}}", "{namespaceSelector: {}}", "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: other}}, podSelector: {}}",
					"{ipBlock: {cidr: 10.244.0.0/16, except: ["+one("10.244.2.0/24", "10.244.3.1/32")+"]}}")+"], ports: ["+one("", "{port: 8080}", "{port: 1, endPort: 8080}")+"]}"))
			if err := yaml.UnmarshalStrict([]byte(text), &p.Spec); err != nil {
				t.Fatal(err)
			}
			list = append(list, p)
		}
		f.policies = BuildPolicies(list, f.pods, f.namespaces, false)
		n := New(f, 1)
		for _, from := range f.pods {
			for _, to := range f.pods {
				if from == to || to.Namespace == "kube-system" {
					continue
				}
				for _, port := range []int32{8080, 9090} {
					c := client{node: f.fabric.pods[mustAddr(from.Status.PodIP)].node, address: mustAddr(from.Status.PodIP)}
					_, err := n.way(socket{AddrPort: netip.AddrPortFrom(mustAddr(to.Status.PodIP), uint16(port))}, c)
					if got, want := err == nil, allowedBy(list, f, from, to, port); got != want {
						t.Fatalf("from %s/%s to %s/%s port %d: got %t, want %t, by %+v", from.Namespace, from.Name, to.Namespace, to.Name, port, got, want, f.policies)
					}
				}
			}
		}
	}
}

// BenchmarkPolicies is a request of a client that a hundred policies are about.
func BenchmarkPolicies(b *testing.B) {
	for _, n := range []int{0, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := newPoliced()
			var specs []string
			for i := range n {
				specs = append(specs, fmt.Sprintf("{podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{ports: [{port: %d}]}], egress: [{to: [{podSelector: {matchLabels: {app: x%d}}}]}]}", 20000+i, i))
			}
			if n > 0 {
				specs[n-1] = "{podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{from: [{podSelector: {}}]}], egress: [{}]}"
			}
			f.apply(b, false, specs...)
			net := New(f, 1)
			for b.Loop() {
				conn, err := net.Dial(b.Context(), Origin{Node: "n2", Address: mustAddr("10.244.2.1")}, "web.default.svc.cluster.local:80")
				if err != nil {
					b.Fatal(err)
				}
				if _, _, err := exchange(conn, true); err != nil {
					b.Fatal(err)
				}
				conn.Close()
			}
		})
	}
}
