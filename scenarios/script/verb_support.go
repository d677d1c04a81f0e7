package script

import (
	"context"
	"strings"

	"demarc/sim/api"
	"demarc/sim/desk"
)

// opens are the actions of support that take more than a number.
var opens = []string{"open"}

var verbSupport = Verb{
	Name:    "support",
	Summary: "opens, escalates or closes a case at the provider's support desk",
	Doc: "The desk answers a case of severity A, B or C after 15, 30 or 60 minutes; cases are numbered from 1. Escalating one without an " +
		"answer raises its severity, and one that offers a restart has its node restarted. Checks see cases as cases.",
	Example: "support open 'the API server does not answer' component=kube-apiserver severity=A",
	Args: []Arg{
		actionArg("open", "escalate", "close"),
		{Name: "what", Type: ArgText, Positional: true, Required: true, Doc: "the symptom of a new case, in quotes, or the number of one"},
		{Name: "component", Type: ArgEnum, Values: desk.Components(), Doc: "for open: the part of the service that it is about", of: opens},
		{Name: "node", Type: ArgText, Doc: "for open: the node, as an index from 0, its vmss suffix or its full name", of: opens},
		{Name: "namespace", Type: ArgText, Doc: "for open: the namespace", of: opens},
		{Name: "pod", Type: ArgText, Doc: "for open: the pod, as NAMESPACE/NAME", of: opens},
		{Name: "chart", Type: ArgText, Doc: "for open: the Helm chart or other third party's software", of: opens},
		{Name: "topic", Type: ArgEnum, Values: api.Topics, Doc: "for open: what kind of question it is", of: opens},
		{Name: "severity", Type: ArgEnum, Values: []string{"A", "B", "C"}, Doc: "for open: critical, moderate or minimal impact [C]", of: opens},
	},
	check: checkSupport,
	title: byAction,
	run: func(ctx context.Context, a action) error {
		switch a.text("action") {
		case "open":
			return only(a.customer().OpenCase(ctx, caseRequest(a.call)))
		case "escalate":
			return only(a.customer().EscalateCase(ctx, a.text("what"), api.CaseNote{}))
		}
		return only(a.customer().CloseCase(ctx, a.text("what"), api.CaseNote{}))
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

// checkSupport checks that a new case is about one thing.
func checkSupport(p *parser, c *call) {
	if c.text("action") != "open" {
		return
	}
	if node, ok := c.args["node"]; ok {
		p.checkNodeIndex(strings.TrimPrefix(node.text, "node/"), c.cols["node"])
	}
	if err := desk.Check(caseRequest(c)); err != nil {
		p.problem(c.cols["what"], "", "support open: %v", err)
	}
}
