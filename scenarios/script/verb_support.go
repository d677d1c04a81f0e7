package script

import (
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
		{Name: "component", Type: ArgEnum, Values: desk.Components(), Doc: "for open: the part of the service that it is about", Of: opens},
		{Name: "node", Type: ArgText, Doc: "for open: the node, as an index from 0, its vmss suffix or its full name", Of: opens},
		{Name: "namespace", Type: ArgText, Doc: "for open: the namespace", Of: opens},
		{Name: "pod", Type: ArgText, Doc: "for open: the pod, as NAMESPACE/NAME", Of: opens},
		{Name: "chart", Type: ArgText, Doc: "for open: the Helm chart or other third party's software", Of: opens},
		{Name: "topic", Type: ArgEnum, Values: api.Topics, Doc: "for open: what kind of question it is", Of: opens},
		{Name: "severity", Type: ArgEnum, Values: []string{"A", "B", "C"}, Doc: "for open: critical, moderate or minimal impact [C]", Of: opens},
	},
	Check: checkSupport,
}

// Case is the support case that a call opens.
func (c *Call) Case() api.CaseRequest {
	return api.CaseRequest{
		Symptom: c.Text("what"), Severity: api.Severity(c.Text("severity")),
		CaseAbout: api.CaseAbout{
			Component: c.Text("component"), Node: strings.TrimPrefix(c.Text("node"), "node/"), Namespace: c.Text("namespace"),
			Pod: c.Text("pod"), Chart: c.Text("chart"), Topic: c.Text("topic"),
		},
	}
}

// checkSupport checks that a new case is about one thing.
func checkSupport(k Checker, c *Call) {
	if c.Text("action") != "open" {
		return
	}
	if node, ok := c.Args["node"]; ok {
		k.NodeIndex(strings.TrimPrefix(node.Text, "node/"), c.Cols["node"])
	}
	if err := desk.Check(c.Case()); err != nil {
		k.Problem(c.Cols["what"], "", "support open: %v", err)
	}
}
