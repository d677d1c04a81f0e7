package policy

import (
	"path"
	"slices"
	"strings"
)

// Component returns the component that a subject of the timeline belongs to, or
// that has that name; ok is false if there is none.
func (e *Edition) Component(subject string) (c Component, ok bool) {
	return find(e.Components, func(c Component) bool { return c.Name == subject || matchAny(c.Patterns, subject) })
}

// matchAny says whether a subject fits one of the patterns.
func matchAny(patterns []string, subject string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return match(p, subject) })
}

// match says whether a subject fits a pattern, in which * is anything within a
// word and /** at the end whatever follows.
func match(pattern, subject string) bool {
	if head, ok := strings.CutSuffix(pattern, "/**"); ok {
		words, parts := strings.Count(head, "/")+1, strings.Split(subject, "/")
		if len(parts) <= words {
			return false
		}
		pattern, subject = head, strings.Join(parts[:words], "/")
	}
	ok, err := path.Match(pattern, subject)
	return ok && err == nil
}

// nodeParts are the kinds of subjects that are a node or a part of one, whose name
// follows.
var nodeParts = []string{
	"node", "kubelet", "kubelet-monitor", "containerd", "containerd-monitor", "azure-cns", "node-problem-detector", "walinuxagent",
	"kube-proxy", "tunnel", "disk", "memory",
}

// nodeOf is the name of the node that a subject is or is a part of, or empty.
func nodeOf(subject string) string {
	kind, name, ok := strings.Cut(subject, "/")
	if !ok || strings.Contains(name, "/") || !slices.Contains(nodeParts, kind) {
		return ""
	}
	return name
}

// kindOf is the first word of a subject.
func kindOf(subject string) string {
	kind, _, _ := strings.Cut(subject, "/")
	return kind
}
