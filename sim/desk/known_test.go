package desk

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/sim/api"
)

// TestRegisters fails if an entry of a register is not whole, or is there twice.
func TestRegisters(t *testing.T) {
	list, err := issues()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, k := range list {
		u, err := url.Parse(k.Issue)
		if err != nil || u.Host != "github.com" || !strings.Contains(u.Path, "/issues/") {
			t.Errorf("%s: issue %q, %v", k.ID, k.Issue, err)
		}
		if seen[k.ID] || k.Title == "" || k.Affects == "" || k.Why == "" || k.Workaround == "" || k.Timeline == "" || k.Symptom == "" {
			t.Errorf("%+v is not whole, or there twice", k)
		}
		if !slices.Contains([]string{"kubernetes", "containerd", "kernel"}, k.Project) {
			t.Errorf("%s: project %q", k.ID, k.Project)
		}
		seen[k.ID] = true
	}
	if len(list) == 0 {
		t.Error("no issues")
	}
	all, err := parties()
	if err != nil || len(all) == 0 {
		t.Fatalf("parties: %v, %v", all, err)
	}
	for _, p := range all {
		if seen[p.Name] || len(p.Images) == 0 || len(p.Charts) == 0 {
			t.Errorf("%+v is not whole, or there twice", p)
		}
		seen[p.Name] = true
	}
}

func TestPartyOfImage(t *testing.T) {
	for image, want := range map[string]string{
		"docker.io/istio/pilot:1.27.0": "third-party/istio", "istio/proxyv2": "third-party/istio", "cr.l5d.io/linkerd/proxy:edge": "third-party/linkerd",
		"quay.io/jetstack/cert-manager-controller:v1.18": "third-party/cert-manager", "ghcr.io/kubereboot/kured:1.19": "third-party/kured",
		"registry.k8s.io/ingress-nginx/controller@sha256:ab": "third-party/ingress-nginx", "gcr.io/datadog/agent:7": "closed-source/datadog",
		"localhost:5000/shop": "", "nginx:1.29": "", "registry.example/istioless:1": "",
	} {
		got := ""
		if p, ok := partyOfImage(image); ok {
			got = p.matter()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", image, got, want)
		}
	}
}

func TestOlder(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"4.15.0-1041-azure", "5.4", true}, {"5.4.0-1", "5.4", false}, {"5.15.0-1092-azure", "5.4", false}, {"v1.14.9", "1.15", true}, {"v1.37.2", "1.15", false}, {"1.9", "1.15", true},
	} {
		if got := older(tt.a, tt.b); got != tt.want {
			t.Errorf("%s before %s: %v", tt.a, tt.b, got)
		}
	}
}

func TestCheck(t *testing.T) {
	for want, r := range map[string]api.CaseRequest{
		"needs a symptom":          {Symptom: " "},
		"about one thing":          {Symptom: "x", CaseAbout: api.CaseAbout{Pod: "a", Topic: api.TopicAdvice}},
		"severity \"X\"":           {Symptom: "x", Severity: "X"},
		"did you mean advice?":     {Symptom: "x", CaseAbout: api.CaseAbout{Topic: "advise"}},
		"did you mean kube-proxy?": {Symptom: "x", CaseAbout: api.CaseAbout{Component: "kube-prox"}},
	} {
		if err := Check(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %s", r, err, want)
		}
	}
	if err := Check(api.CaseRequest{Symptom: "x", CaseAbout: api.CaseAbout{Component: "kubelet", Node: "n1"}, Severity: api.SeverityB}); err != nil {
		t.Error(err)
	}
}

// TestAnswersAfter keeps what is promised, and the worse sooner.
func TestAnswersAfter(t *testing.T) {
	last := time.Duration(0)
	for _, s := range api.Severities {
		d := AnswersAfter(s)
		if d <= last || d >= s.InitialResponse() {
			t.Errorf("severity %s: %s of %s", s, d, s.InitialResponse())
		}
		last = d
	}
	if d := AnswersAfter(api.SeverityA); d != 15*time.Minute {
		t.Errorf("severity A: %s", d)
	}
}
