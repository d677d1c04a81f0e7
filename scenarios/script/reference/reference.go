// Package reference is the manual of the scenarios' language, made from its
// registries.
package reference

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"demarc/scenarios/script"
	"demarc/scenarios/script/celtype"
	"demarc/scenarios/script/check"
	"demarc/scenarios/script/parse"
	"demarc/sim/fault"

	"github.com/google/cel-go/cel"
)

// grammar is the part of the reference that does not come from a registry.
const grammar = `A scenario is a txtar file: the script, then the sections that it names, each behind a line
"-- NAME --". The first line is a comment with the title, and the comment that follows it the
description. Comments between steps are the narrative that a drill prints. Words are separated by
blanks; 'quotes' or "quotes" hold blanks.

cluster NAME=VALUE …      what cluster it needs; at most once, before every step
clause ID …               which clauses of the support contract it shows

at T ACTION               does something at T, counted from the moment the cluster is ready
at T refuse ACTION [containing='TEXT']
                          does something that must fail, with TEXT in the error
at T EXPECTATION          looks at that moment
within D EXPECTATION      it becomes true no later than D from now; the script goes on as soon as it is
after A within D EXPECTATION
                          it becomes true no earlier than A and no later than A+D from now; if it is true
                          at any moment before A, it has failed
when EXPECTATION [within D]
                          waits for the moment at which it is true, which must come within D from now, or
                          10m; what the next lines do with "then" happens at that moment
then ACTION               does something as soon as the step before it is over; like "at", with refuse and
then after D ACTION       EXPECTATION too; with "after" D later
throughout D EXPECTATION  it is true at every moment from now until D from now
throughout EXPECTATION until T
                          it is true at every moment from now until T, counted from the moment the cluster
                          is ready, while the next lines act; the script fails as soon as it is not
finally EXPECTATION       looks when everything is over, even after a failure

EXPECTATION is one of
  expect SECTION          objects as in the section are there: every document matches an object
  absent SECTION          no document of the section matches any object
  check 'CEL'             a CEL expression is true; check NAME.cel takes it from a section
  ssh …, logs …           the command can be run, and its output and exit code are as the arguments
                          exit= and prints= say; it is run again every 5s
What a command of "at" or "then" printed is for a check to judge if as=NAME keeps it:
outputs.NAME.exit == 0 && outputs.NAME.stdout.contains('ready'). After "when", and in
"throughout … until", expect and check can be left out: 'CEL', SECTION, or NAME for the section NAME.cel.

That moment is two seconds after a whole minute of the cluster's clock: what works in whole
periods, as monitors, probes and backups do, comes at the same times of each run.

Windows open at the current time: when the step before them is over. An "at" may not lie before
the latest end of the windows before it, of which a "throughout … until" is none. Durations are written with a unit: 500ms, 90s, 10m, 2h,
1d12h. Expectations are looked at whenever something changes in what they name, and at each whole
second.

Objects match in part: maps by the fields that are given, lists whose items have type, key, name,
containerPort or port by that, other lists exactly; null matches a field that is not there.
Without metadata.name any object of the kind in the namespace (default, if none is given) can
match. $(node/0) in a section, a check or a command is the full name of a node; where an action
takes a node it is node/0, node 0, nodepool1/0 or, behind node/, its vmss suffix or full name. While the API server cannot
be reached, nothing matches: "within" goes on waiting, "throughout" has failed. So has a check on
Kubernetes objects and on gates; checks on traffic, containers, machines, components, incidents,
backups, restores, replicas, watches, features, support and the timeline see the truth at all
times.

What a scenario names must be there: an action that is not refused is about an object that a
manifest has which was applied before, of what Kubernetes makes of one, of the namespace
kube-system, or of the cluster, if the scenario applies any manifest at all; about a pool and nodes
that the cluster has. An expectation may be about an object that somebody makes while the scenario
is played, unless its name is nearly that of another. The values of fields of which there are few,
in checks and in manifests, and the annotations of demarc.dev are known too.
`

// traffics explains how traffic is counted.
const traffics = `Traffic is counted from the beginning in "at" and "finally", and from the opening of the window in
"within", "when" and "throughout": of requests that were sent since then and have ended. An expectation on
traffic of which nothing was sent in its window does not hold.
`

// Write writes the language's reference, made from its registries.
func Write(w io.Writer) error {
	d := &docWriter{w: w}
	d.print("SCENARIOS\n\n%s\n", grammar)
	d.print("CLUSTER\n")
	d.args(parse.ClusterArgs())
	for _, part := range []struct {
		title string
		fault bool
	}{{"ACTIONS", false}, {"FAULTS AND REPAIRS", true}} {
		d.print("\n%s\n", part.title)
		if part.fault {
			d.print("%s", wrap("Each takes by=: "+fault.By().Doc+".", ""))
			d.print("%s", wrap("COMPONENT is one of "+strings.Join(fault.Components(), ", ")+
				"; in a cluster with several, etcd/N and kube-apiserver/N are one of them, counted from 0. REPLICA is 0, 1, 2 or leader; "+
				"a backup's ID is the time of its slot, or latest.", ""))
		}
		for _, v := range script.Verbs() {
			if v.Fault == part.fault {
				d.verb(v)
			}
		}
	}
	d.print("\nCHECKS\n")
	d.checks()
	return d.err
}

// WriteChecks writes what checks can name: variables, their types and fields.
func WriteChecks(w io.Writer) error {
	d := &docWriter{w: w}
	d.checks()
	return d.err
}

func (d *docWriter) checks() {
	d.print("Checks are CEL (cel.dev) with the libraries of Kubernetes. Fields have the names that they have\n"+
		"in the JSON of the management API. Times are seconds since the cluster was ready, 0 for what has\n"+
		"not happened; durations are seconds.\n%s\n", traffics)
	var names []string
	for _, v := range check.Variables() {
		if v.Doc == "" {
			names = append(names, v.Name)
			continue
		}
		d.print("  %-11s %s\n%s", v.Name, typeText(celtype.Of(v.Type)), wrap(v.Doc, "      "))
	}
	d.print("  object('apps/v1', 'Deployment', 'default', 'shop')\n      one Kubernetes object, or null\n")
	slices.Sort(names)
	d.print("%s      lists of Kubernetes objects, of all namespaces\n\nTypes, with the fields that are not text:\n", wrap(strings.Join(names, ", "), "  "))
	types, err := check.Types()
	if err != nil {
		d.err = err
		return
	}
	for _, t := range types.Structs {
		fields := script.Convert(celtype.JSONFields(t), func(f celtype.Field) string {
			if of := celtype.Of(f.Type); of != cel.StringType {
				return f.CELName() + " (" + typeText(of) + ")"
			}
			return f.CELName()
		})
		d.print("  %s\n%s", celtype.Name(t), wrap(strings.Join(fields, ", "), "      "))
	}
	d.print("\nFields that have one of a few values; another one in a check is a mistake, as it is in those of\n" +
		"Kubernetes' own, such as the phase of a pod:\n")
	for _, t := range types.Structs {
		for _, f := range celtype.JSONFields(t) {
			if f.Values != nil {
				d.print("  %s.%s\n%s", celtype.Name(t), f.CELName(), wrap(strings.Join(f.Values, ", "), "      "))
			}
		}
	}
}

// typeText writes a type of CEL in words.
func typeText(t *cel.Type) string {
	switch t.Kind() {
	case cel.ListKind:
		return "list of " + typeText(t.Parameters()[0])
	case cel.MapKind:
		return "map of " + typeText(t.Parameters()[1])
	case cel.StringKind:
		return "text"
	case cel.DoubleKind:
		return "number"
	case cel.DynKind:
		return "anything"
	}
	return t.String()
}

// docWriter prints until the first error.
type docWriter struct {
	w   io.Writer
	err error
}

func (d *docWriter) print(format string, args ...any) {
	if d.err == nil {
		_, d.err = fmt.Fprintf(d.w, format, args...)
	}
}

func (d *docWriter) verb(v script.Verb) {
	d.print("\n  %s\n      %s\n", v.Usage(), v.Summary)
	if v.Doc != "" {
		d.print("%s", wrap(v.Doc, "      "))
	}
	args := v.Args
	if v.Fault {
		args = slices.DeleteFunc(slices.Clone(args), func(a script.Arg) bool { return a.Name == fault.By().Name }) // said once for all
	}
	d.args(args)
	d.print("      Example: at 10m %s\n", v.Example)
}

func (d *docWriter) args(args []script.Arg) {
	for _, a := range args {
		notes := ""
		if len(a.Values) > 0 {
			notes = " (" + strings.Join(a.Values, ", ") + ")"
		}
		if a.Default != "" {
			notes += " [" + a.Default + "]"
		}
		doc := wrap(a.Doc+notes, strings.Repeat(" ", 21))
		d.print("        %-12s %s", a.Name, doc[21:])
	}
}

// docWidth is how long the reference's lines may be.
const docWidth = 100

// wrap breaks a text into lines that begin with indent.
func wrap(text, indent string) string {
	var sb strings.Builder
	line := indent
	for i, w := range strings.Fields(text) {
		if i > 0 && len(line)+1+len(w) > docWidth {
			sb.WriteString(line + "\n")
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += w
	}
	return sb.String() + line + "\n"
}
