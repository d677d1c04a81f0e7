package desk

import (
	"strings"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/policy"
	"demarc/sim/timeline"

	"github.com/google/go-cmp/cmp"
)

var now = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// editions are those by which every case here is answered.
var editions = []string{"2019-04", "2026-08"}

// incident is one of a subject that began ten minutes ago by an event, judged by an
// edition.
func incident(t *testing.T, e *policy.Edition, subject string, root timeline.Event, ended bool) Incident {
	t.Helper()
	root.Seq, root.Time = 1, now.Add(-10*time.Minute)
	i := api.Incident{ID: "i1", Subject: subject, Cause: root.Message, Event: 1, Start: root.Time}
	if ended {
		i.End = now.Add(-5 * time.Minute)
	}
	v, err := e.Incident(policy.World{Events: []timeline.Event{root}, Incidents: []api.Incident{i}, Now: now}, "i1")
	if err != nil {
		t.Fatal(err)
	}
	return Incident{JudgedIncident: api.JudgedIncident{Incident: i, Judgement: v}, Root: root}
}

// scene is what an incident of a test comes from.
type scene struct {
	subject string
	root    timeline.Event
	ended   bool
}

var (
	filled  = scene{subject: "disk/n1", root: timeline.Event{Actor: timeline.Customer, Verb: "ran", Subject: "node/n1", Message: "azureuser ran: fallocate -l 90G /x"}}
	stopped = scene{subject: "node/n1", root: timeline.Event{Actor: timeline.Customer, Verb: "ran", Subject: "node/n1", Message: "azureuser ran: sudo systemctl stop kubelet"}}
	noPower = scene{subject: "node/n1", root: timeline.Event{Actor: timeline.Platform, Verb: "powered-off", Subject: "node/n1", Message: "lost its power"}}
	noAPI   = scene{subject: "kube-apiserver", root: timeline.Event{Actor: timeline.Provider, Verb: "crashed", Subject: "kube-apiserver", Message: "crash"}}
	deleted = scene{subject: "addon/deployment/coredns", ended: true, root: timeline.Event{Actor: timeline.Customer, Verb: "deleted", Subject: "deployment/kube-system/coredns", Message: "the customer deleted it"}}
)

// Parts of evidence.
var (
	well     = []Node{{Name: "n1", Power: "running"}}
	pressed  = []Node{{Name: "n1", Power: "running", Problems: []string{"DiskPressure is True: kubelet has disk pressure"}}}
	lost     = []Node{{Name: "n1", Power: "running", Problems: []string{"Ready is Unknown: Kubelet stopped posting node status."}}}
	atWork   = []api.Repair{{ID: "r1", Node: "n1", Layer: api.LayerAutoRepair, Outcome: api.RepairPending, Detected: now, Actions: []api.RepairAction{{Action: "reboot"}}}}
	lookedAt = &Look{Node: "n1", At: now, Disk: 97, Units: []Unit{{"kubelet", "active (running)"}}}
	noWay    = &Look{Node: "n1", At: now, Disk: -1, Failed: "ssh: connect to host n1 port 22: Connection timed out"}
	versions = map[string]string{"kubernetes": "v1.37.2", "kernel": "5.15.0-1092-azure", "containerd": "1.7.28-1"}
)

func failing(ns, name, image, problem string) Pod {
	return Pod{Namespace: ns, Name: name, Node: "n1", Images: []string{image}, Problem: problem}
}

// TestReply answers cases, by both editions alike unless a second answer is given.
func TestReply(t *testing.T) {
	const loop = "container c waits: CrashLoopBackOff"
	unsupported := api.Supportability{State: policy.StateUnsupported, Reasons: []api.Reason{
		{State: policy.StateUnsupported, Event: 7, Clause: "network.egress-443", Sentence: "Port 443 is blocked.", WayBack: "Delete rule x."},
		{State: policy.StateAtRisk, Event: 8, Clause: "features.preview", Sentence: "A preview.", WayBack: "Unregister it."},
	}}
	pod := func(ns, image string) []Pod { return []Pod{failing(ns, "p-1", image, loop)} }
	for _, tt := range []struct {
		name  string
		about api.CaseAbout
		says  string // symptom
		ev    Evidence
		scene *scene
		want  []string // state, subject, owner, coverage, remedy
		finds string
	}{
		{"how-to", api.CaseAbout{Topic: api.TopicHowTo}, "how?", Evidence{}, nil, []string{"closed how-to customer not-covered customer"}, ""},
		{"advice", api.CaseAbout{Topic: api.TopicAdvice}, "worth it?", Evidence{}, nil, []string{"closed advice provider covered none"}, ""},
		{"several clouds", api.CaseAbout{Topic: api.TopicMultiCloud}, "x", Evidence{}, nil, []string{"closed multi-cloud customer not-covered customer"}, ""},
		{"own network", api.CaseAbout{Topic: api.TopicCustomNetwork}, "x", Evidence{}, nil, []string{"closed custom-network/customer customer not-covered customer"}, ""},
		{"security group", api.CaseAbout{Topic: api.TopicNSG}, "x", Evidence{}, nil, []string{"waiting for customer nsg-bug provider covered escalation"}, ""},
		{"security group with a rule", api.CaseAbout{Topic: api.TopicNSG}, "x", Evidence{Rules: []api.NSGRule{{Name: "r"}}}, nil, []string{"waiting for customer nsg customer not-covered customer"}, ""},
		{"unsupported, before anything else", api.CaseAbout{Topic: api.TopicAdvice}, "x", Evidence{Support: unsupported}, nil,
			[]string{"waiting for customer cluster customer voids-support customer"}, "event/7: Port 443 is blocked."},
		{"at risk is supported", api.CaseAbout{Topic: api.TopicAdvice}, "x", Evidence{Support: api.Supportability{State: policy.StateAtRisk}}, nil, []string{"closed advice provider covered none"}, ""},

		{"a mesh", api.CaseAbout{Namespace: "mesh"}, "x", Evidence{Nodes: well, Pods: pod("mesh", "docker.io/istio/pilot:1.27.0")}, nil,
			[]string{"answered third-party/istio customer not-covered customer"}, "pod/mesh/p-1: " + loop + "; image docker.io/istio/pilot:1.27.0"},
		{"a scanner", api.CaseAbout{Namespace: "scan"}, "x", Evidence{Nodes: well, Pods: pod("scan", "registry.twistlock.com/twistlock/defender:34")}, nil,
			[]string{"answered closed-source/prisma-cloud customer not-covered customer"}, ""},
		{"the customer's own", api.CaseAbout{Namespace: "shop"}, "x", Evidence{Nodes: well, Pods: pod("shop", "nginx:1.29")}, nil,
			[]string{"answered container/shop/p-1/ customer not-covered customer"}, ""},
		{"another namespace's", api.CaseAbout{Namespace: "shop"}, "x", Evidence{Nodes: well, Pods: pod("mesh", "istio/pilot")}, nil, []string{"waiting for customer    "}, ""},
		{"one pod", api.CaseAbout{Pod: "shop/p-1"}, "x", Evidence{Nodes: well, Pods: pod("shop", "nginx")}, nil, []string{"answered container/shop/p-1/ customer not-covered customer"}, ""},
		{"a managed pod", api.CaseAbout{Component: "metrics-server"}, "x", Evidence{Nodes: well, Pods: []Pod{failing("kube-system", "metrics-server-1", "mcr/metrics-server", loop)}}, nil,
			[]string{"answered deployment/kube-system/metrics-server provider covered automatic"}, "pod/kube-system/metrics-server-1: " + loop + "; image mcr/metrics-server"},
		{"Helm", api.CaseAbout{Chart: "helm"}, "x", Evidence{}, nil, []string{"waiting for customer third-party/helm customer best-effort customer"}, ""},
		{"Kured", api.CaseAbout{Chart: "kured"}, "x", Evidence{}, nil, []string{"waiting for customer third-party/kured customer best-effort customer"}, ""},
		{"an unknown chart", api.CaseAbout{Chart: "whatever"}, "x", Evidence{}, nil, []string{"answered third-party/whatever customer not-covered customer"}, ""},

		{"an outage of the API server", api.CaseAbout{}, "kubectl: connection refused", Evidence{Unseen: "refused"}, &noAPI,
			[]string{"answered kube-apiserver provider covered automatic"}, "kube-apiserver: the API server does not answer: refused"},
		{"of another component", api.CaseAbout{Component: "kube-proxy"}, "x", Evidence{}, &noAPI, []string{"answered daemonset/kube-system/kube-proxy provider covered automatic"}, ""},
		{"deleted by the customer, and back", api.CaseAbout{Component: "coredns"}, "x", Evidence{}, &deleted,
			[]string{"answered addon/deployment/coredns customer covered automatic"}, "incident/i1: addon/deployment/coredns until 08:55:00: the customer deleted it"},

		{"DNS", api.CaseAbout{Component: "coredns"}, "x", Evidence{}, nil, []string{"answered deployment/kube-system/coredns provider covered automatic"}, ""},
		{"DNS by its symptom", api.CaseAbout{Namespace: "shop"}, "no such host", Evidence{}, nil, []string{"answered deployment/kube-system/coredns provider covered automatic"}, ""},
		{"coredns-custom", api.CaseAbout{Component: "dns"}, "x", Evidence{CustomDNS: []string{"corp.server"}}, nil,
			[]string{"waiting for customer configmap/kube-system/coredns-custom customer covered customer"}, "configmap/kube-system/coredns-custom: it holds the customer's own configuration: corp.server"},
		{"NetworkPolicy", api.CaseAbout{Namespace: "shop"}, "name resolution fails", Evidence{NetworkPolicies: []string{"shop/closed"}}, nil,
			[]string{"waiting for customer networkpolicy/shop/closed customer not-covered customer"}, ""},
		{"neither matters to others", api.CaseAbout{Component: "etcd"}, "x", Evidence{NetworkPolicies: []string{"shop/closed"}, CustomDNS: []string{"a.server"}}, nil,
			[]string{"answered etcd provider covered automatic"}, ""},

		{"a node under pressure", api.CaseAbout{Node: "n1"}, "x", Evidence{Nodes: pressed}, &filled, []string{"waiting for consent node/n1   "}, "node/n1: DiskPressure is True: kubelet has disk pressure"},
		{"looked at", api.CaseAbout{Node: "n1"}, "x", Evidence{Nodes: pressed, Look: lookedAt}, &filled,
			[]string{"waiting for customer disk/n1 customer not-covered customer"}, "node/n1: df /: the disk is 97% full"},
		{"a node that is lost", api.CaseAbout{Node: "n1"}, "x", Evidence{Nodes: lost}, &stopped, []string{"waiting for consent node/n1   "}, ""},
		{"lost without an incident", api.CaseAbout{Node: "n1"}, "x", Evidence{Nodes: lost}, nil, []string{"waiting for consent node/n1   "}, ""},
		{"and nobody gets in", api.CaseAbout{Node: "n1"}, "x", Evidence{Nodes: lost, Look: noWay}, nil,
			[]string{"escalation offered node/n1 provider covered automatic"}, "node/n1: support cannot get in: ssh: connect to host n1 port 22: Connection timed out"},
		{"being repaired", api.CaseAbout{Node: "n1"}, "x", Evidence{Nodes: lost, Repairs: atWork}, &stopped,
			[]string{"answered node/n1  covered automatic"}, "repair/r1: pending by auto-repair: reboot"},
		{"stopped by the customer", api.CaseAbout{Node: "n1"}, "x", Evidence{Nodes: lost, Look: lookedAt}, &stopped,
			[]string{"escalation offered node/n1 customer covered automatic", "escalation offered node/n1 customer best-effort automatic"}, ""},
		{"without power, which the cloud tells", api.CaseAbout{Node: "n1"}, "x", Evidence{Nodes: lost}, &noPower,
			[]string{"escalation offered node/n1 provider covered escalation", "escalation offered node/n1 provider covered automatic"}, ""},
		{"pods of a lost node", api.CaseAbout{Namespace: "mesh"}, "x", Evidence{Nodes: lost, Pods: pod("mesh", "istio/pilot")}, &noPower,
			[]string{"escalation offered node/n1 provider covered escalation", "escalation offered node/n1 provider covered automatic"}, ""},
		{"a node that is well", api.CaseAbout{Node: "n1"}, "x", Evidence{Nodes: well}, nil, []string{"waiting for customer    "}, ""},

		{"five seconds", api.CaseAbout{}, "some DNS lookups take 5 seconds", Evidence{Versions: versions}, nil, []string{"linked upstream upstream/dns-5s-delay upstream covered none"}, ""},
		{"five pods", api.CaseAbout{}, "DNS fails in 5 pods", Evidence{Versions: versions}, nil, []string{"answered deployment/kube-system/coredns provider covered automatic"}, ""},
		{"a message of a container", api.CaseAbout{Namespace: "shop"}, "pods do not start", Evidence{Versions: versions, Nodes: well,
			Pods: []Pod{failing("shop", "p", "nginx", "CreateContainerError: failed to reserve container name x")}}, nil,
			[]string{"linked upstream upstream/container-name-reserved upstream covered none"}, ""},
		{"fixed in the cluster's kernel", api.CaseAbout{Component: "kubelet", Node: "n1"}, "throttled", Evidence{Versions: versions, Nodes: well}, nil,
			[]string{"answered kubelet/n1 provider covered automatic"}, "https://github.com/kubernetes/kubernetes/issues/67577: not this bug: kernel has it fixed since 5.4, and the cluster has 5.15.0-1092-azure"},
		{"not fixed in an older one", api.CaseAbout{Component: "kubelet", Node: "n1"}, "throttled", Evidence{Versions: map[string]string{"kernel": "4.15.0-1041-azure"}, Nodes: well}, nil,
			[]string{"linked upstream upstream/cfs-throttling upstream covered none"}, ""},
		{"nothing to see", api.CaseAbout{}, "it is slow", Evidence{}, nil, []string{"waiting for customer    "}, ""},
	} {
		for n, id := range editions {
			t.Run(tt.name+"/"+id, func(t *testing.T) {
				e, err := policy.Lookup(id)
				if err != nil {
					t.Fatal(err)
				}
				ev := tt.ev
				ev.Now = now
				if s := tt.scene; s != nil {
					ev.Incidents = []Incident{incident(t, e, s.subject, s.root, s.ended)}
				}
				a, err := Reply(e, api.Case{ID: "1", CaseAbout: tt.about, Symptom: tt.says}, ev)
				if err != nil {
					t.Fatal(err)
				}
				got := strings.Join([]string{a.State, a.Subject, a.Verdict.Owner, a.Verdict.Coverage, a.Verdict.Remedy}, " ")
				if diff := cmp.Diff(tt.want[min(n, len(tt.want)-1)], got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				checkAnswer(t, e, a, tt.finds)
			})
		}
	}
}

// checkAnswer checks what holds of every answer.
func checkAnswer(t *testing.T, e *policy.Edition, a Answer, finds string) {
	t.Helper()
	var seen []string
	for _, f := range a.Findings {
		seen = append(seen, f.Source+": "+f.Says)
	}
	if finds != "" && !strings.Contains(strings.Join(seen, "\n")+"\n", finds+"\n") {
		t.Errorf("findings %q\nwant %s", seen, finds)
	}
	if a.Text == "" || a.Verdict.Clauses == nil {
		t.Errorf("answer %+v", a)
	}
	for _, id := range a.Verdict.Clauses {
		if _, ok := e.Clause(id); !ok {
			t.Errorf("edition %s has no clause %s", e.ID, id)
		}
	}
	if strings.HasPrefix(a.State, "waiting") != (a.Asks != "") && a.State != api.CaseOffersEscalation {
		t.Errorf("state %s asks %q", a.State, a.Asks)
	}
	if (a.State == api.CaseWaitsForConsent) != (a.WaitsFor != "") || (a.State == api.CaseOffersEscalation) != (a.Restarts != "") {
		t.Errorf("state %s waits for %q and restarts %q", a.State, a.WaitsFor, a.Restarts)
	}
}

// TestHiddenCausesAreNotTold fails if what only somebody on the node can know is told
// before support was there.
func TestHiddenCausesAreNotTold(t *testing.T) {
	e, err := policy.Lookup("2019-04")
	if err != nil {
		t.Fatal(err)
	}
	ev := Evidence{
		Now: now, Nodes: pressed, Incidents: []Incident{incident(t, e, filled.subject, filled.root, false)},
		Acts: []timeline.Event{{Seq: 1, Time: now.Add(-time.Minute), Actor: timeline.Customer, Verb: "ran", Subject: "node/n1", Message: filled.root.Message}},
	}
	a, err := Reply(e, api.Case{ID: "1", CaseAbout: api.CaseAbout{Node: "n1"}, Symptom: "x"}, ev)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Findings {
		if strings.Contains(f.Says, "fallocate") || strings.HasPrefix(f.Source, "incident/") {
			t.Errorf("told: %+v", f)
		}
	}
	if strings.Contains(a.Text, "fallocate") {
		t.Errorf("told: %s", a.Text)
	}
}

// TestSupportClauses names the clause of support beside those of operation.
func TestSupportClauses(t *testing.T) {
	for component, want := range map[string]string{
		"kube-apiserver": "support.control-plane", "etcd": "support.control-plane", "metrics-server": "support.control-plane",
		"coredns": "support.network", "kube-proxy": "support.network", "load-balancer": "support.cloud-integration",
	} {
		for _, id := range editions {
			e, err := policy.Lookup(id)
			if err != nil {
				t.Fatal(err)
			}
			a, err := Reply(e, api.Case{ID: "1", CaseAbout: api.CaseAbout{Component: component}, Symptom: "x"}, Evidence{Now: now})
			if err != nil || !strings.Contains(strings.Join(a.Verdict.Clauses, " "), want) {
				t.Errorf("%s by %s: %+v, %v: want %s", component, id, a.Verdict, err, want)
			}
		}
	}
}
