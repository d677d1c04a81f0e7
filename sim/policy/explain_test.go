package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"demarc/sim/timeline"
)

// lines are the text of an explanation: its title and its four lines.
func lines(x Explanation) string {
	return strings.Join([]string{x.Title, "whose: " + x.Whose, "why: " + x.Why, "mends: " + x.Mends, "clause: " + strings.Join(x.Clause, "\nclause: ")}, "\n")
}

func TestExplain(t *testing.T) {
	for _, tt := range []struct {
		edition, what, kind, name string
		want                      []string // parts of the text
	}{
		{"2019-04", "3", "event", "3", []string{"Event #3, 2026-01-05 08:10:00: node failed containerd/a", "whose: the customer's; covered by support",
			"mends: the service, by itself: node repair begins ten minutes after NotReady and is through within about an hour (begun by 2026-01-05 08:23:00, through by 2026-01-05 09:20:00, nodes.self-healing)"}},
		{"2019-04", "EVENT 3", "event", "3", nil},
		{"2019-04", "i1", "incident", "i1", []string{
			"Incident i1: node/a was out for 46m, from 2026-01-05 08:10:00 to 2026-01-05 08:56:00\n",
			"whose: the customer's 13m, then the provider's 33m; covered by support\n",
			"Broken by the customer (13m) and prolonged by the provider (33m, from 2026-01-05 08:23:00 on): node repair begins ten minutes after NotReady",
			"begun by 2026-01-05 08:23:00", "; it was over after 46m\n",
			`clause: nodes.self-healing: `, `, promise, "Node maintenance and access (Knotenwartung und -zugriff)"]`,
		}},
		{"2026-08", "incident i1", "incident", "i1", []string{"best effort of support", `[2026-08, exclusion, "Customising nodes"]`}},
		{"2019-04", "etcd.backup", "clause", "etcd.backup", []string{"Clause etcd.backup of edition 2019-04, about all data in etcd\nwhose: the provider's: a promise", "30 minutes", "Support coverage (Supportabdeckung für Azure Kubernetes Service)", "Supportrichtlinien"}},
		{"2019-04", "nodes.self-healing", "clause", "nodes.self-healing", []string{"mends: node repair begins", "(begun within 13m, through within 1h10m, nodes.self-healing); the service, by itself (by "}},
		{"2026-08", "clause features.alpha-beta", "clause", "features.alpha-beta", []string{"the customer's: an exclusion", "alpha ones are not"}},
		{"2019-04", "kubelet/a", "component", "kubelet/a", []string{"kubelet/a, the kubelet of a node: belongs to the component kubelet", "whose: the provider's and managed", "mends: if it fails by itself: the service", "clause: node.components"}},
		{"2019-04", "component etcd", "component", "etcd", []string{"etcd, the store behind the API server\nwhose: the provider's and managed", "restarts a component of the control plane within a minute (begun within 1m, control-plane.managed)"}},
		{"2019-04", "nsg", "component", "nsg", []string{"whose: shared by provider and customer\n"}},
		{"2026-08", "nsg", "component", "nsg", []string{"whose: the customer's\n"}},
	} {
		got, err := edition(t, tt.edition).Explain(delayed, tt.what)
		if err != nil {
			t.Errorf("%s: %v", tt.what, err)
			continue
		}
		if got.Kind != tt.kind || got.Name != tt.name || len(got.Clauses) == 0 || len(got.Clauses) != len(got.Clause) || got.Chain == nil {
			t.Errorf("%s: got %s %s with %d clauses, %d of them in words", tt.what, got.Kind, got.Name, len(got.Clauses), len(got.Clause))
		}
		for _, part := range tt.want {
			if text := lines(got); !strings.Contains(text, part) {
				t.Errorf("%s: no %q in\n%s", tt.what, part, text)
			}
		}
	}
}

// TestExplainChain checks that an explanation has the causes from the root down, and below
// the judged event what came of it, the rest of which is counted.
func TestExplainChain(t *testing.T) {
	events := []timeline.Event{
		ev("0s", timeline.Customer, "ran", "node/a", 0, "rm"),
		ev("1m", timeline.Customer, "ran", "node/b", 0, "something else"),
		ev("2m", timeline.Node, "failed", "containerd/a", 1, ""),
		ev("3m", timeline.Node, "failed", "node/a", 3, ""),
		ev("4m", timeline.Node, "failed", "node/b", 2, ""),
		ev("5m", timeline.Provider, "noticed", "node/a", 3, ""),
	}
	for range treeSize {
		events = append(events, ev("6m", timeline.Kubernetes, "evicted", "pod/default/x", 4, ""))
	}
	x, err := edition(t, "2019-04").Explain(world(events...), "3")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range x.Chain[:6] {
		got = append(got, fmt.Sprint(l.Seq, " at depth ", l.Depth, map[bool]string{true: ", judged"}[l.Judged]))
	}
	want := []string{"1 at depth 0", "3 at depth 1, judged", "4 at depth 2", "7 at depth 3", "8 at depth 3", "9 at depth 3"}
	if !slices.Equal(got, want) || len(x.Chain) != treeSize+2 || x.More != 2 {
		t.Errorf("got %q, %d in all and %d more, want %q", got, len(x.Chain), x.More, want)
	}
}

// TestExplainNames checks that what people call the parts of a cluster is known, and
// leads to the same component in every edition that has it.
func TestExplainNames(t *testing.T) {
	if len(allNames()) == 0 {
		t.Fatal("the table of names cannot be read")
	}
	seen := map[string]string{}
	for _, n := range allNames() {
		for _, name := range n.Names {
			if other, ok := seen[name]; ok {
				t.Errorf("%s is the name of %s and of %s", name, other, n.Subject)
			}
			seen[name] = n.Subject
			for _, id := range both {
				e := edition(t, id)
				c, ok := e.Component(n.Subject)
				if x, err := e.Explain(World{}, name); !ok || err != nil || x.Kind != "component" || name != c.Name && !strings.Contains(x.Title, c.Name) {
					t.Errorf("edition %s: %s is %+v, %v, want of %q", id, name, x, err, c.Name)
				}
			}
		}
	}
	for what, component := range map[string]string{
		"containerd": "container-runtime", "CoreDNS": "cluster-dns", "coredns-7d4f9c-x2x": "cluster-dns", "konnectivity-agent": "tunnel", "node": "nodes",
		"aks-nodepool1-60523587-vmss000000": "nodes", "Pods": "workloads", "webhook": "workloads", "ingress": "workloads", "disk": "nodes", "kube-proxy": "kube-proxy",
		"load balancer": "cloud-provider", "component webhook": "workloads", "deployment/kube-system/coredns": "cluster-dns", "node-agents": "node-agents",
	} {
		e := edition(t, "2019-04")
		want, _ := find(e.Components, func(c Component) bool { return c.Name == component })
		if x, err := e.Explain(World{}, what); err != nil || x.Clauses[0].ID != want.Clause || what != component && !strings.Contains(x.Title, component) {
			t.Errorf("%s: got %q, %v, want of %s by %s", what, x.Title, err, component, want.Clause)
		}
	}
}

func TestExplainUnknown(t *testing.T) {
	for what, want := range map[string]string{
		"":                         "explain what?",
		"99":                       "there is no event 99: the timeline has 1 to 6",
		"event one":                `named by its number on the timeline, not "one"`,
		"i7":                       `there is no incident "i7": want one of i1`,
		"etcd.bakup":               "(did you mean etcd.backup?)",
		"clause node.self-healing": "(did you mean nodes.self-healing?)",
		"clause iaas.system-tags":  "edition 2026-08 has it",
		"component kublet":         "(did you mean kubelet?)",
		"evnt 3":                   "(did you mean event?)",
		"nothing":                  `knows neither a clause nor a component "nothing"; demarc policy components lists`,
		"containered":              "(did you mean containerd?)",
		"component ingres":         "(did you mean ingress?)",
	} {
		if _, err := edition(t, "2019-04").Explain(delayed, what); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v\nwant %s", what, err, want)
		}
	}
}

func TestDiff(t *testing.T) {
	a, b := edition(t, "2019-04"), edition(t, "2026-08")
	var texts []string
	for _, c := range Diff(a, b) {
		texts = append(texts, c.Text)
	}
	for _, want := range []string{
		"+ clause etcd.no-rollback: exclusion (provider): ",
		"+ clause iaas.system-tags: exclusion (customer): ",
		"- clause nodes.restart-on-escalation: duty (shared): ",
		"- clause network.egress-lockdown: exclusion (customer): ",
		"~ clause features.alpha-beta\n    was: Only stable features are supported; ",
		"~ clause nodes.reboot-by-customer: owner customer -> shared; now: ",
		"~ component nsg: owner shared -> customer",
		"+ component node-pools: customer",
		"+ rule iaas-system-tag: customer, ",
	} {
		if !slices.ContainsFunc(texts, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("no change %q in\n%s", want, strings.Join(texts, "\n"))
		}
	}
	if same := Diff(a, a); len(same) != 0 {
		t.Errorf("an edition differs from itself: %+v", same)
	}
	if there, back := Diff(a, b), Diff(b, a); len(there) != len(back) {
		t.Errorf("%d changes there, %d back", len(there), len(back))
	}
}
