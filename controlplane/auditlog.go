package controlplane

import (
	"os"
	"path/filepath"
	"slices"

	"demarc/sim/disk"

	"k8s.io/apiserver/pkg/apis/audit"
	serveraudit "k8s.io/apiserver/pkg/audit"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// AuditLog is the path of the API servers' audit log. AKS calls that category of
// logs kube-audit.
func (p *Plane) AuditLog() string { return filepath.Join(p.cfg.Logs, "kube-audit.log") }

// Audits says whether the API servers write an audit log: the one that was started
// last was told to, and something has been written since.
func (p *Plane) Audits() bool {
	p.settings.mu.Lock()
	defer p.settings.mu.Unlock()
	return p.settings.audits && sizeOf(p.AuditLog()) != p.settings.logged
}

// sizeOf is a file's size in bytes; 0 if there is none.
func sizeOf(file string) int64 {
	info, err := os.Stat(file)
	if err != nil {
		return 0
	}
	return info.Size()
}

// auditLogPolicy says what is in the log: who asked for what, but not the heartbeats
// of nodes, and not what was sent. AKS's own policy is not published.
const auditLogPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  resources: [{group: coordination.k8s.io, resources: [leases]}]
- level: None
  nonResourceURLs: ["/livez*", "/readyz*", "/healthz*", /metrics]
- level: Metadata
`

// auditFlags are the flags of an API server that audits; none if it is not to.
func (p *Plane) auditFlags() ([]string, error) {
	p.settings.mu.Lock()
	defer p.settings.mu.Unlock()
	p.settings.audits, p.settings.logged = p.settings.wanted.Audit, sizeOf(p.AuditLog())
	if !p.settings.audits {
		return nil, nil
	}
	file := filepath.Join(p.cfg.Dir, "audit-policy.yaml")
	if err := disk.Replace(file, []byte(auditLogPolicy), false); err != nil {
		return nil, err
	}
	return []string{
		"--audit-policy-file=" + file, "--audit-log-path=" + p.AuditLog(),
		"--audit-log-maxsize=50", "--audit-log-maxbackup=1", // megabytes; a laptop's disk is not the cloud's
	}, nil
}

// either audits what one of two policies audits, as the one that wants more does.
type either struct {
	a, b serveraudit.PolicyRuleEvaluator
}

// EvaluatePolicyRule implements [serveraudit.PolicyRuleEvaluator].
func (e either) EvaluatePolicyRule(attrs authorizer.Attributes) serveraudit.RequestAuditConfig {
	a, b := e.a.EvaluatePolicyRule(attrs), e.b.EvaluatePolicyRule(attrs)
	switch {
	case a.Level == audit.LevelNone:
		return b
	case b.Level == audit.LevelNone:
		return a
	case b.Level.GreaterOrEqual(a.Level):
		a.Level = b.Level
	}
	a.OmitStages = slices.DeleteFunc(slices.Clone(a.OmitStages), func(s audit.Stage) bool { return !slices.Contains(b.OmitStages, s) })
	return a
}

// concerns says whether a policy audits what an event tells of. The event may be
// there for another policy.
func concerns(p serveraudit.PolicyRuleEvaluator, e *audit.Event) bool {
	if e.ObjectRef == nil {
		return false
	}
	c := p.EvaluatePolicyRule(authorizer.AttributesRecord{
		User: &user.DefaultInfo{Name: e.User.Username, Groups: e.User.Groups}, Verb: e.Verb, ResourceRequest: true,
		APIGroup: e.ObjectRef.APIGroup, Resource: e.ObjectRef.Resource, Subresource: e.ObjectRef.Subresource,
		Namespace: e.ObjectRef.Namespace, Name: e.ObjectRef.Name,
	})
	return c.Level != audit.LevelNone && !slices.Contains(c.OmitStages, e.Stage)
}
