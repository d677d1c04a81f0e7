package desk

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"demarc/sim/api"
	"demarc/sim/fault"
	"demarc/sim/policy"
)

// names are what customers call parts of the service, and the subject that each is on
// the timeline. Parts of a node want its name behind them.
var names = map[string]string{
	"kube-apiserver": "kube-apiserver", "api-server": "kube-apiserver", "etcd": "etcd", "control-plane": "control-plane",
	"kube-scheduler": "kube-scheduler", "kube-controller-manager": "kube-controller-manager", "backups": "backups",
	"coredns": "deployment/kube-system/coredns", "dns": "deployment/kube-system/coredns", "kube-dns": "deployment/kube-system/coredns",
	"kube-proxy": "daemonset/kube-system/kube-proxy", "konnectivity": "deployment/kube-system/konnectivity-agent",
	"tunnel": "deployment/kube-system/konnectivity-agent", "metrics-server": "deployment/kube-system/metrics-server",
	"kubelet": "kubelet/", "containerd": "containerd/", "node": "node/", "nodes": "nodes",
	"load-balancer": "cloud/load-balancer", "volumes": "cloud/volumes",
}

// Components are the names of components that a case can be about.
func Components() []string { return slices.Sorted(maps.Keys(names)) }

// inferred finds a component in the words of a customer who names none.
var inferred = []struct {
	words     *regexp.Regexp
	component string
}{
	{regexp.MustCompile(`(?i)\bdns\b|\bresolv|\blookup|name resolution|no such host`), "coredns"},
	{regexp.MustCompile(`(?i)\betcd\b`), "etcd"},
	{regexp.MustCompile(`(?i)\bkubectl\b|\bapi[- ]?server\b|control[- ]plane`), "kube-apiserver"},
	{regexp.MustCompile(`(?i)\bkube-proxy\b`), "kube-proxy"},
	{regexp.MustCompile(`(?i)load[- ]balancer`), "load-balancer"},
}

// componentOf is the component that a case is about, named or inferred; empty for none.
func componentOf(c api.Case) string {
	if c.Component != "" || c.Topic != "" || c.Chart != "" {
		return c.Component
	}
	for _, x := range inferred {
		if x.words.MatchString(c.Symptom) {
			return x.component
		}
	}
	return ""
}

// subjectOf is a component as the timeline names it.
func subjectOf(component, node string) string {
	s, ok := names[component]
	if !ok {
		return component
	}
	if strings.HasSuffix(s, "/") {
		if node == "" {
			return "nodes"
		}
		return s + node
	}
	return s
}

// Check says what is wrong with a request, in words for whoever made it.
func Check(r api.CaseRequest) error {
	set := 0
	for _, s := range []string{r.Namespace, r.Pod, r.Chart, r.Topic, r.Component + r.Node} {
		if s != "" {
			set++
		}
	}
	switch {
	case strings.TrimSpace(r.Symptom) == "":
		return fmt.Errorf("a case needs a symptom: what do you see, and since when?")
	case set > 1:
		return fmt.Errorf("a case is about one thing: name a component, a node, a namespace, a pod, a chart or a topic")
	case r.Severity != "" && !slices.Contains(api.Severities, r.Severity):
		return fmt.Errorf("severity %q: want A (critical), B (moderate) or C (minimal impact)", r.Severity)
	case r.Topic != "" && !slices.Contains(api.Topics, r.Topic):
		return fmt.Errorf("no topic %q%s: want one of %s", r.Topic, didYouMean(r.Topic, api.Topics), strings.Join(api.Topics, ", "))
	case r.Component != "" && names[r.Component] == "":
		return fmt.Errorf("no component %q%s: want one of %s", r.Component, didYouMean(r.Component, Components()), strings.Join(Components(), ", "))
	}
	return nil
}

func didYouMean(word string, candidates []string) string {
	if s := fault.Suggest(word, candidates); s != "" {
		return fmt.Sprintf(" (did you mean %s?)", s)
	}
	return ""
}

// supports are the clauses by which support is given for components, beside those by
// which the provider runs them.
var supports = map[string]string{
	"kube-apiserver": "support.control-plane", "etcd": "support.control-plane", "control-plane": "support.control-plane",
	"provider-plane": "support.control-plane", "add-ons": "support.control-plane",
	"cluster-dns": "support.network", "kube-proxy": "support.network", "tunnel": "support.network", "nsg-bugs": "support.network",
	"cloud-provider": "support.cloud-integration",
}

// managed says whether a subject is the provider's to run.
func managed(e *policy.Edition, subject string) bool {
	c, ok := e.Component(subject)
	return ok && c.Managed
}

// nodeOf is the node that a subject is or is a part of; empty if it is none.
func nodeOf(subject string) string {
	kind, name, _ := strings.Cut(subject, "/")
	if strings.Contains(name, "/") || !slices.Contains(nodeParts, kind) {
		return ""
	}
	return name
}

// nodeParts are the kinds of subjects that are a node or a part of one.
var nodeParts = []string{
	"node", "kubelet", "kubelet-monitor", "containerd", "containerd-monitor", "azure-cns", "node-problem-detector", "walinuxagent",
	"kube-proxy", "tunnel", "disk", "memory",
}

// kindOf is the first word of a subject.
func kindOf(subject string) string {
	kind, _, _ := strings.Cut(subject, "/")
	return kind
}
