package api

import (
	"errors"
	"strings"
	"testing"

	"demarc/sim/fault"
	"demarc/sim/timeline"
)

// TestFaultsOfRoles checks who may break what, and in whose name.
func TestFaultsOfRoles(t *testing.T) {
	customer, provider, platform := timeline.Customer, timeline.Provider, timeline.Platform
	for _, tt := range []struct {
		role   Role
		fault  string
		by     timeline.Actor
		refuse string // what the refusal says; empty for none
	}{
		{RoleCustomer, "power-off node/0", customer, ""},
		{RoleCustomer, "crash kubelet/0", customer, ""},
		{RoleCustomer, "crash pod/web/a", customer, ""},
		{RoleCustomer, "partition customer", customer, ""},
		{RoleCustomer, "crash kubelet/0", provider, "the customer may not act as the provider: that is the director's"},
		{RoleCustomer, "cut node/0", platform, "may not act as the platform"},
		{RoleCustomer, "crash etcd", customer, "the customer may not crash etcd: that is the provider's"},
		{RoleCustomer, "crash etcd", provider, "may not crash etcd"},
		{RoleCustomer, "stop control-plane", customer, "may not stop control-plane"},
		{RoleCustomer, "corrupt backup/latest", provider, "may not corrupt backup/latest: that is the provider's"},
		{RoleCustomer, "wipe etcd/0", customer, "may not wipe etcd/0"},
		{RoleCustomer, "fill backup-store", customer, "may not fill backup-store"},
		{RoleCustomer, "crash provider/leader", customer, "may not crash provider/leader"},
		{RoleCustomer, "heal all", customer, "may not heal all: that is the director's"},
		{RoleProvider, "crash etcd", provider, ""},
		{RoleProvider, "corrupt backup/latest", provider, ""},
		{RoleProvider, "cut node/0", provider, ""},
		{RoleProvider, "cut node/0", customer, "the provider may not act as the customer"},
		{RoleProvider, "crash pod/web/a", provider, "may not crash pod/web/a: that is the customer's"},
		{RoleDirector, "crash etcd", customer, ""},
		{RoleDirector, "corrupt backup/latest", platform, ""},
		{RoleDirector, "heal all", provider, ""},
	} {
		verb, target, _ := strings.Cut(tt.fault, " ")
		x, err := fault.ParseTarget(target)
		if err != nil {
			t.Fatal(err)
		}
		_, err = CheckFault(tt.role, fault.Spec{Verb: verb, Target: target, By: tt.by}, x.Kind)
		var refused *Error
		if tt.refuse == "" && err != nil || tt.refuse != "" && (!errors.As(err, &refused) || !strings.Contains(err.Error(), tt.refuse)) {
			t.Errorf("%s: %s by=%s: got %v, want %q", tt.role, tt.fault, tt.by, err, tt.refuse)
		}
		if refused != nil && !strings.HasPrefix(refused.Hint, "demarc --as director fault inject "+tt.fault) {
			t.Errorf("%s: got the hint %q", tt.fault, refused.Hint)
		}
	}
}

// TestTablesAreWhole checks that every kind of target and every refusal has its words.
func TestTablesAreWhole(t *testing.T) {
	for _, k := range fault.Kinds() {
		for _, target := range k.Targets {
			if len(Injectors(target)) == 0 {
				t.Errorf("nobody may strike %s", target)
			}
		}
	}
	for _, r := range Routes() {
		if len(r.Roles) == 0 || len(r.Roles) < len(Roles) && r.Action == "" {
			t.Errorf("%s: %+v", r.Pattern(), r)
		}
	}
}
