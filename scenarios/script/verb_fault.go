package script

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"demarc/sim/fault"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// faultVerb makes a verb of a kind of fault.
func faultVerb(k fault.Kind) Verb {
	v := Verb{
		Name: k.Verb, Summary: k.Summary, Doc: k.Doc, Example: k.Example, Fault: true, Check: checkFault,
	}
	v.Args = append(v.Args, Arg{Name: "target", Type: ArgTarget, Positional: true, Required: true, Doc: targetDoc(k)})
	for _, a := range append(k.Args, fault.By()) {
		arg := Arg{Name: a.Name, Type: ArgText, Default: a.Default, Values: a.Values, Doc: a.Doc}
		switch a.Type {
		case fault.Duration:
			arg.Type = ArgDuration
		case fault.Int:
			arg.Type = ArgInt
		case fault.Enum:
			arg.Type = ArgEnum
		}
		arg.Required = a.Required
		if len(a.Only) > 0 {
			// Filled in by fault.Parse, for the right targets.
			arg.Default, arg.Doc = "", fmt.Sprintf("%s [%s]", a.Doc, a.Default)
		}
		v.Args = append(v.Args, arg)
	}
	return v
}

// targetDoc lists what a kind can strike. COMPONENT stands for all of them.
func targetDoc(k fault.Kind) string {
	forms := k.TargetForms()
	if len(k.Components) == 0 {
		forms = nil
		for _, t := range k.Targets {
			forms = append(forms, string(t))
		}
	}
	if len(forms) == 1 {
		return forms[0]
	}
	return "one of " + strings.Join(forms, ", ")
}

// checkFault lets the registry of faults check the words.
func checkFault(k Checker, c *Call) {
	args := map[string]string{}
	for name, w := range c.Args {
		if name != "target" {
			args[name] = w.Text
		}
	}
	spec, err := fault.Parse(c.Verb.Name, c.Text("target"), args)
	if e := (*fault.Error)(nil); errors.As(err, &e) {
		k.Problem(faultColumn(c, e), e.Suggestion, "%s", e.Message)
		return
	}
	c.Fault = spec
	t, err := fault.ParseTarget(spec.Target)
	if err != nil {
		return
	}
	target := c.Args["target"]
	switch {
	case t.Node != "":
		k.NodeIndex(t.Node, target.Col+len(target.Text)-len(t.Node))
	case t.Name != "":
		k.Exists(struckKinds[t.Kind], t.Namespace, t.Name, target.Col+strings.LastIndex(target.Text, t.Name))
	case t.Instance != "":
		checkInstance(k, c, t, target.Col)
	}
}

// struckKinds are the kinds of the objects that targets with a name are.
var struckKinds = map[fault.TargetKind]schema.GroupVersionKind{
	fault.Container: {Version: "v1", Kind: "Pod"}, fault.Pod: {Version: "v1", Kind: "Pod"},
	fault.Deployment: {Group: "apps", Version: "v1", Kind: "Deployment"},
	fault.Namespace:  {Version: "v1", Kind: "Namespace"}, fault.ServiceAccount: {Version: "v1", Kind: "ServiceAccount"},
}

// checkInstance checks that the cluster has the instance of a component, and
// that a member of etcd that is cut off has others.
func checkInstance(k Checker, c *Call, t fault.Target, col int) {
	n, property := k.Cluster().APIServers, "api-servers"
	if t.Component == "etcd" {
		n, property = k.Cluster().EtcdMembers, "etcd-members"
	}
	index, err := strconv.Atoi(t.Instance)
	switch {
	case n == 1 && c.Verb.Name == "partition" && t.Component == "etcd":
		k.Problem(col, "", "%s has no other members to be cut off from: that needs cluster etcd-members=3", t)
	case n == 1:
		k.Problem(col, t.Component, "the cluster has only one %s: write %[1]s, or cluster %s=3", t.Component, property)
	case err != nil || index >= n:
		k.Problem(col, "", "there is no %s: the cluster has %s=%d, from %s/0 to %[4]s/%[5]d", t, property, n, t.Component, n-1)
	}
}

// faultColumn is the column of the word that is wrong.
func faultColumn(c *Call, e *fault.Error) int {
	switch {
	case e.Part == fault.PartTarget && e.Word == c.Text("target"):
		return c.Cols["target"]
	case e.Part == fault.PartArgValue:
		return c.Cols[e.Arg]
	case e.Part == fault.PartArgName && c.Cols[e.Arg] > 0:
		return c.Cols[e.Arg] - len(e.Arg) - 1
	}
	return c.Words[0].Col
}
