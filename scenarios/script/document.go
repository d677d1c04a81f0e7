package script

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"demarc/sim/fault"
)

// grammar is the part of the reference that does not come from a registry.
const grammar = `A scenario is a txtar file: the script, then the sections that it names, each behind a line "-- NAME --".
The first line is a comment with the title, and the comment that follows it the description. Comments between
steps are the narrative that a drill prints. Words are separated by blanks; 'quotes' or "quotes" hold blanks.

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
throughout D EXPECTATION  it is true at every moment from now until D from now
finally EXPECTATION       looks when everything is over, even after a failure

EXPECTATION is one of
  expect SECTION          objects as in the section are there: every document matches an object
  absent SECTION          no document of the section matches any object
  check 'CEL'             a CEL expression is true; check NAME.cel takes it from a section

Windows open at the current time: when the step before them is over. An "at" may not lie before the latest
end of the windows before it. Durations are written with a unit: 500ms, 90s, 10m, 2h, 1d12h. Expectations are
looked at whenever something changes in what they name, and at each whole second.

Objects match in part: maps by the fields that are given, lists whose items have type, key, name, containerPort
or port by that, other lists exactly; null matches a field that is not there. Without metadata.name any object of
the kind in the namespace (default, if none is given) can match. $(node/0) in a section or a check is the full
name of a node. While the API server cannot be reached, nothing matches: "within" goes on waiting, "throughout"
has failed. So has a check on Kubernetes objects and on gates; checks on traffic, containers, machines, components, incidents,
backups, restores, replicas, watches, features, support and the timeline see the truth at all times.
`

// traffics explains how traffic is counted.
const traffics = `Traffic is counted from the beginning in "at" and "finally", and from the opening of the window in "within" and
"throughout": of requests that were sent since then and have ended. An expectation on traffic of which nothing was
sent in its window does not hold.
`

// celDocs say what the variables of checks are.
var celDocs = []struct{ name, doc string }{
	{"traffic", "map: name -> Traffic; traffic.shop.success is from 0.0 to 1.0"},
	{"components", "map: name -> Component, such as components['kube-apiserver'].healthy, or components['etcd/0'] of several"},
	{"machines", "list of Machine: the worker machines as they are, whatever the API server believes"},
	{"containers", "list of Container, as the nodes' runtimes know them"},
	{"timeline", "list of Event, the oldest first; times are seconds since the cluster was ready"},
	{"incidents", "list of Incident; end is 0 and open true while one lasts; owner, coverage (covered, best-effort, not-covered, voids-support), remedy (automatic, escalation, customer, none), clauses, rule, sentence and chain (events, back to the root) are its judgement by the cluster's edition, and shares say whose it was from when to when"},
	{"support", "Support: state is supported, at-risk or unsupported; reasons are why, the worst first, past is how it was from the first event to now"},
	{"backups", "list of Backup: the provider's catalogue, the oldest first"},
	{"repairs", "list of Repair, of nodes and of managed add-ons, the oldest first; detectedAfter and healedAfter are seconds from broken, healed is 0 while one lasts, actions are names such as restart, reboot or reimage, and lost is what is gone for good"},
	{"cases", "list of Case at the support desk, the oldest first; state is opened, answered, waiting for consent, waiting for customer, escalation offered, escalated, linked upstream or closed; findings are SOURCE: TEXT, said is the conversation, and issue the URL of a bug upstream"},
	{"restores", "list of Restore, the oldest first; rpo and rto are seconds, end is 0 while one lasts, and skipped has the IDs of newer backups that were bad"},
	{"replicas", "list of Replica: the provider's plane; state is leader, follower, candidate or stopped"},
	{"features", "list of Feature: the preview features of the edition; state is NotRegistered, Registering, Registered, Unregistering or Unregistered, registered is since when it is Registered and 0 if it is not, and inForce says that the cluster has what it changes"},
	{"gates", "list of Gate: Kubernetes' feature gates; stage is alpha, beta, stable or deprecated, and enabled what the API server's metrics tell"},
	{"watches", "map: name -> Watch; backwards counts how often a version was lower than one that the client had seen: the past came back"},
	{"now", "seconds since the cluster was ready"},
	{"object('apps/v1', 'Deployment', 'default', 'shop')", "one Kubernetes object, or null"},
}

// Document writes the language's reference, made from its registries.
func Document(w io.Writer) error {
	d := &docWriter{w: w}
	d.print("SCENARIOS\n\n%s\n", grammar)
	d.print("CLUSTER\n")
	d.args(clusterArgs())
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
		for _, v := range Verbs() {
			if v.Fault == part.fault {
				d.verb(v)
			}
		}
	}
	d.print("\nCHECKS\nChecks are CEL (cel.dev) with the libraries of Kubernetes.\n%s\n", traffics)
	for _, v := range celDocs {
		d.print("  %s\n%s", v.name, wrap(v.doc, "      "))
	}
	lists := make([]string, 0, len(celLists))
	for name := range celLists {
		lists = append(lists, name)
	}
	slices.Sort(lists)
	d.print("%s      lists of Kubernetes objects, of all namespaces\n\nTypes:\n", wrap(strings.Join(lists, ", "), "  "))
	for _, t := range celTypes {
		fields := make([]string, 0, t.NumField())
		for i := range t.NumField() {
			fields = append(fields, t.Field(i).Tag.Get("cel"))
		}
		d.print("  %-10s %s\n", strings.TrimPrefix(t.Name(), "cel"), strings.Join(fields, ", "))
	}
	return d.err
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

func (d *docWriter) verb(v Verb) {
	d.print("\n  %s\n      %s\n", v.Usage(), v.Summary)
	if v.Doc != "" {
		d.print("%s", wrap(v.Doc, "      "))
	}
	args := v.Args
	if v.Fault {
		args = slices.DeleteFunc(slices.Clone(args), func(a Arg) bool { return a.Name == fault.By().Name }) // said once for all
	}
	d.args(args)
	d.print("      Example: at 10m %s\n", v.Example)
}

func (d *docWriter) args(args []Arg) {
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
const docWidth = 112

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
