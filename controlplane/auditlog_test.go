package controlplane

import (
	"testing"

	"k8s.io/apiserver/pkg/apis/audit"
	"k8s.io/apiserver/pkg/audit/policy"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"

	authnv1 "k8s.io/api/authentication/v1"
)

// TestAuditLogBesideChanges checks that the log gets what the customer's changes are
// not, and that the changes stay what they are.
func TestAuditLogBesideChanges(t *testing.T) {
	log := policy.NewPolicyRuleEvaluator(&audit.Policy{
		OmitStages: []audit.Stage{audit.StageRequestReceived}, Rules: []audit.PolicyRule{{Level: audit.LevelMetadata}},
	})
	changes := auditPolicy()
	both := either{changes, log}
	for _, tt := range []struct {
		user, verb, resource string
		stage                audit.Stage
		level                audit.Level
		change               bool
	}{
		{customerAdmin.user, "delete", "pods", audit.StageResponseComplete, audit.LevelMetadata, true},
		{customerAdmin.user, "patch", "nodes", audit.StageResponseComplete, audit.LevelRequest, true},
		{customerAdmin.user, "watch", "pods", audit.StageResponseStarted, audit.LevelMetadata, false},
		{customerAdmin.user, "delete", "pods", audit.StageResponseStarted, audit.LevelMetadata, false},
		{customerAdmin.user, "list", "pods", audit.StageResponseComplete, audit.LevelMetadata, false},
		{"system:kube-scheduler", "create", "pods", audit.StageResponseComplete, audit.LevelMetadata, true}, // whose it is, its annotation says
	} {
		c := both.EvaluatePolicyRule(authorizer.AttributesRecord{
			User: &user.DefaultInfo{Name: tt.user}, Verb: tt.verb, ResourceRequest: true, Resource: tt.resource,
		})
		e := &audit.Event{
			User: authnv1.UserInfo{Username: tt.user}, Verb: tt.verb, Stage: tt.stage, ObjectRef: &audit.ObjectReference{Resource: tt.resource},
		}
		if c.Level != tt.level || len(c.OmitStages) != 1 || concerns(changes, e) != tt.change {
			t.Errorf("%+v: audited at %s without %v, a change: %t", tt, c.Level, c.OmitStages, concerns(changes, e))
		}
	}
}

func TestCheckGates(t *testing.T) {
	for _, tt := range []struct {
		gates map[string]bool
		want  string
	}{
		{map[string]bool{"ContainerStopSignals": true, "SchedulerAsyncAPICalls": true}, ""},
		{map[string]bool{"ContainerStopSignal": true}, "unrecognized feature gate: ContainerStopSignal (did you mean ContainerStopSignals?)"},
		{map[string]bool{"AllBeta": false}, "feature gate AllBeta stands for many: name those that are wanted"},
	} {
		_, err := CheckGates(tt.gates)
		if got := errText(err); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.gates, got, tt.want)
		}
	}
	for _, g := range Gates() {
		if !g.Locked {
			continue
		}
		if _, err := CheckGates(map[string]bool{g.Name: !g.Default}); err == nil {
			t.Errorf("%s is locked and was taken", g.Name)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestGatesAreSetBack checks that a gate that was set is passed for ever: it is the
// process's.
func TestGatesAreSetBack(t *testing.T) {
	p := &Plane{}
	if flags := p.settings.gateFlags(); flags != nil {
		t.Errorf("untouched: %v", flags)
	}
	for _, tt := range []struct {
		gates map[string]bool
		want  string
	}{
		{map[string]bool{"ContainerStopSignals": true}, "--feature-gates=ContainerStopSignals=true"},
		{nil, "--feature-gates=ContainerStopSignals=false"},
		{map[string]bool{"SchedulerAsyncAPICalls": true}, "--feature-gates=ContainerStopSignals=false,SchedulerAsyncAPICalls=true"},
	} {
		p.Configure(Settings{FeatureGates: tt.gates})
		if flags := p.settings.gateFlags(); len(flags) != 1 || flags[0] != tt.want {
			t.Errorf("%v: %v, want %s", tt.gates, flags, tt.want)
		}
	}
}
