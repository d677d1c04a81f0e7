package api

import (
	"fmt"
	"net/http"
	"slices"

	"demarc/sim/fault"
	"demarc/sim/timeline"
)

// Role is on whose behalf a client of the management API speaks. Each has a token
// of its own.
type Role string

// Roles.
const (
	RoleCustomer Role = "customer"
	RoleProvider Role = "provider"
	// RoleDirector leads drills: it may do what each of the others may, and break
	// everything in anybody's name.
	RoleDirector Role = "director"
)

// Who may do something. The first of them is whose it is.
var (
	// Roles are all of them: what each may do is shared.
	Roles     = []Role{RoleCustomer, RoleProvider, RoleDirector}
	customers = []Role{RoleCustomer, RoleDirector}
	providers = []Role{RoleProvider, RoleDirector}
	directors = []Role{RoleDirector}
)

// Actor is who acts on the timeline when the role does something and nobody else is
// named: the director plays the customer.
func (r Role) Actor() timeline.Actor {
	if r == RoleProvider {
		return timeline.Provider
	}
	return timeline.Customer
}

// injectors are who may break what, and mend it.
var injectors = map[fault.TargetKind][]Role{
	fault.Node: Roles, fault.Nodes: Roles, fault.Zone: providers, fault.Outside: providers, fault.Kubelet: Roles,
	fault.Container: customers, fault.Pod: customers, fault.Deployment: customers, fault.CustomerAccess: customers,
	fault.Namespace: customers, fault.ServiceAccount: customers,
	fault.Component: providers, fault.ControlPlane: providers,
	fault.Provider: providers, fault.Replica: providers, fault.BackupStore: providers, fault.Backup: providers,
	fault.Cloud: providers, fault.CloudDisks: providers, fault.CloudBalancers: providers, fault.CloudDNS: providers,
	fault.All: directors,
}

// Injectors are the roles that may inject a fault into such a target, or mend it.
func Injectors(target fault.TargetKind) []Role { return injectors[target] }

// CheckFault refuses a fault that a role may not inject: into what is another's, or
// in another's name. The error is an [Error]; action is what it refuses.
func CheckFault(r Role, spec fault.Spec, target fault.TargetKind) (action string, err error) {
	hint := fmt.Sprintf("demarc --as %s fault inject %s", RoleDirector, spec)
	switch whose := Injectors(target); {
	case r == RoleDirector:
		return "", nil
	case !slices.Contains(whose, r):
		action = spec.Verb + " " + spec.Target
		return action, refusal(r, action, whose[0], "", hint)
	case spec.By != r.Actor():
		action = "act as the " + string(spec.By)
		return action, refusal(r, action, RoleDirector, "", hint+" by="+string(spec.By))
	}
	return "", nil
}

// refusal says that a role may not do something, whose that is, why, and what to do
// instead.
func refusal(role Role, action string, owner Role, because, hint string) *Error {
	if because != "" {
		because = " (" + because + ")"
	}
	e := Errorf(http.StatusForbidden, "the %s may not %s: that is the %s's%s", role, action, owner, because)
	e.Hint = hint
	return e
}
