package script

import (
	"context"
	"fmt"
	"strings"

	"demarc/sim/api"
	"demarc/sim/desk"
)

// caseActions are what a customer can do with support cases.
var caseActions = []string{"open", "escalate", "close"}

var verbSupport = Verb{
	Name:    "support",
	Summary: "opens, escalates or closes a case at the provider's support desk",
	Doc: "The desk answers a case of severity A, B or C after 15, 30 or 60 minutes; cases are numbered from 1. Escalating one without an " +
		"answer raises its severity, and one that offers a restart has its node restarted. Checks see cases as cases.",
	Example: "support open 'the API server does not answer' component=kube-apiserver severity=A",
	Args: []Arg{
		{Name: "action", Type: ArgEnum, Positional: true, Required: true, Values: caseActions, Doc: "what to do"},
		{Name: "what", Type: ArgText, Positional: true, Required: true, Doc: "the symptom of a new case, in quotes, or the number of one"},
		{Name: "component", Type: ArgEnum, Values: desk.Components(), Doc: "for open: the part of the service that it is about"},
		{Name: "node", Type: ArgText, Doc: "for open: the node, as an index from 0, its vmss suffix or its full name"},
		{Name: "namespace", Type: ArgText, Doc: "for open: the namespace"},
		{Name: "pod", Type: ArgText, Doc: "for open: the pod, as NAMESPACE/NAME"},
		{Name: "chart", Type: ArgText, Doc: "for open: the Helm chart or other third party's software"},
		{Name: "topic", Type: ArgEnum, Values: api.Topics, Doc: "for open: what kind of question it is"},
		{Name: "severity", Type: ArgEnum, Values: []string{"A", "B", "C"}, Doc: "for open: critical, moderate or minimal impact [C]"},
	},
	check: checkSupport,
	run: func(ctx context.Context, r *run, c *call) (err error) {
		switch action := c.text("action"); action {
		case "open":
			_, err = r.world.As(api.RoleCustomer).OpenCase(ctx, caseRequest(c))
		case "escalate":
			_, err = r.world.As(api.RoleCustomer).EscalateCase(ctx, c.text("what"), api.CaseNote{})
		default:
			_, err = r.world.As(api.RoleCustomer).CloseCase(ctx, c.text("what"), api.CaseNote{})
		}
		if err != nil {
			return fmt.Errorf("support %s: %w", c.text("action"), err)
		}
		return nil
	},
}

func caseRequest(c *call) api.CaseRequest {
	return api.CaseRequest{
		Symptom: c.text("what"), Severity: api.Severity(c.text("severity")),
		CaseAbout: api.CaseAbout{
			Component: c.text("component"), Node: strings.TrimPrefix(c.text("node"), "node/"), Namespace: c.text("namespace"),
			Pod: c.text("pod"), Chart: c.text("chart"), Topic: c.text("topic"),
		},
	}
}

// checkSupport checks that a new case is about one thing, and that the others take
// nothing but a number.
func checkSupport(p *parser, c *call) {
	if action := c.text("action"); action != "open" {
		for name := range c.args {
			if name != "action" && name != "what" {
				p.problem(c.cols[name], "", "support %s takes no %s=", action, name)
			}
		}
		return
	}
	if node, ok := c.args["node"]; ok {
		p.checkNodeIndex(strings.TrimPrefix(node.text, "node/"), c.cols["node"])
	}
	if err := desk.Check(caseRequest(c)); err != nil {
		p.problem(c.cols["what"], "", "support open: %v", err)
	}
}
