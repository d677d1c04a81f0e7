package run

import (
	"context"
	"fmt"
	"strings"

	"demarc/scenarios/script"
	"demarc/sim/api"
)

// action is a call that is carried out in a run.
type action struct {
	*run
	*script.Call
	node string // full name of the node that an ArgNode names
}

// handler is how the calls of a verb are carried out.
type handler struct {
	// do returns when its request is answered. Errors begin with the title; without
	// one they name themselves what could not be done.
	do    func(a action, ctx context.Context) error
	title func(a action) string
}

// handlers are those of the language's own verbs. Faults are all injected.
var handlers = map[string]handler{
	"apply":    {do: action.apply},
	"delete":   {do: action.delete},
	"scale":    {do: action.scale},
	"patch":    {do: action.patch},
	"restart":  {do: action.restart},
	"label":    {do: action.label},
	"annotate": {do: action.annotate},

	"cordon":         {do: action.cordon},
	"uncordon":       {do: action.uncordon},
	"drain":          {do: action.drain},
	"ssh":            {action.ssh, byNode},
	"consent":        {action.consent, byAction},
	"revoke-consent": {action.revokeConsent, byAction},
	"escalate":       {action.escalate, byAction},
	"iaas":           {action.iaas, byNode},
	"iaas-lb":        {action.iaasLB, func(a action) string { return byAction(a) + " " + a.Text("rule") }},
	"iaas-route":     {action.iaasRoute, byNode},
	"iaas-disk":      {action.iaasDisk, func(a action) string { return byAction(a) + " " + a.Text("disk") }},
	"iaas-share":     {action.iaasShare, func(a action) string { return byAction(a) + " " + a.Text("share") }},
	"nsg":            {action.nsg, func(a action) string { return byAction(a) + " " + a.NSGRule().Name }},

	"traffic":      {action.traffic, byName},
	"stop-traffic": {action.stopTraffic, byName},
	"watch":        {action.watch, byName},
	"logs":         {do: action.logs},

	"backup":   {action.backup, byAction},
	"support":  {action.support, byAction},
	"aks":      {action.aks, byAction},
	"nodepool": {action.nodepool, func(a action) string { return byAction(a) + " " + a.Text("pool") }},
	"os-patch": {action.osPatch, byAction},
	"cve":      {action.cve, byAction},
	"feature":  {action.feature, byAction},
	"update":   {action.update, byAction},

	"maintenance": {action.maintenance, byAction},
}

var injection = handler{action.inject, func(a action) string { return a.Fault.Verb + " " + a.Fault.Target }}

func handlerOf(v *script.Verb) handler {
	if v.Fault {
		return injection
	}
	return handlers[v.Name]
}

// Titles of errors: the verb, and what it is about.
func byAction(a action) string { return strings.TrimSpace(a.Verb.Name + " " + a.Text("action")) }
func byName(a action) string   { return a.Verb.Name + " " + a.Text("name") }
func byNode(a action) string   { return byAction(a) + " node/" + a.node }

// do carries out a call.
func (r *run) do(ctx context.Context, c *script.Call) error {
	a := action{run: r, Call: c}
	for _, arg := range c.Verb.Args {
		if arg.Type != script.ArgNode {
			continue
		}
		var ok bool
		ref := strings.TrimPrefix(c.Text(arg.Name), "node/")
		if a.node, ok = r.world.NodeName(ref); !ok {
			return fmt.Errorf("there is no node %s", ref)
		}
	}
	h := handlerOf(c.Verb)
	err := h.do(a, ctx)
	if err != nil && h.title != nil {
		return fmt.Errorf("%s: %w", h.title(a), err)
	}
	return err
}

// customer asks the management API on the customer's behalf, and by on that of whom
// the call names.
func (a action) customer() *api.Actions { return a.world.As(api.RoleCustomer) }
func (a action) by() *api.Actions       { return a.world.As(api.Role(a.Text("by"))) }

// only is the error of a request whose answer nobody needs.
func only[T any](_ T, err error) error { return err }
