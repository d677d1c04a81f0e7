// Package desk is the provider's support desk: how it answers what a customer asks,
// from an edition of the support policy and from what can be seen of the cluster.
//
// [Check] refuses a request that cannot be answered, and [Reply] answers a case from
// its [Evidence]: whose the matter is and what support it gets, what that rests on,
// and what comes next. Everything here is a pure function; who collects evidence,
// logs in to a node or keeps the cases is package sim.
//
// An answer is the first of these that has something to say: the cluster is not
// supported; a question that the policy answers by its kind; an outage that concerns
// the case; a node that is not as it should be; what the customer changed of the DNS;
// a bug upstream; a third party's software; the customer's own workloads; and last
// the component by itself.
package desk

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/policy"
	"demarc/sim/timeline"
)

// Help is what users read of the desk.
//
//go:embed desk.md
var Help string

// AnswersAfter is how long after its opening a case is answered: a quarter of what is
// promised, so that the promise is kept with some room.
func AnswersAfter(s api.Severity) time.Duration { return s.InitialResponse() / 4 }

// Answer is what the desk says to a case.
type Answer struct {
	State    string
	Subject  string
	Verdict  api.Verdict
	Findings []api.CaseFinding
	// Text is what is said, and Asks what the customer is asked for.
	Text, Asks string
	// WaitsFor is a node that support must look at, and Restarts one that can be
	// restarted on escalation.
	WaitsFor, Restarts string
	Upstream           *api.KnownIssue
}

// Final says whether there is nothing left to say: the desk closes such a case.
func (a Answer) Final() bool { return a.State == api.CaseClosed }

// Reply answers a case. An error is a mistake in the edition.
func Reply(e *policy.Edition, c api.Case, ev Evidence) (Answer, error) {
	d := &desk{e: e, c: c, ev: ev, node: c.Node, component: componentOf(c)}
	d.gather()
	for _, step := range []func() (bool, error){
		d.unsupported, d.question, d.outage, d.nodes, d.dns, d.upstream, d.thirdParty, d.workload, d.part,
	} {
		if ok, err := step(); ok || err != nil {
			return d.answer, err
		}
	}
	d.answer.State = api.CaseWaitsForCustomer
	d.answer.Asks = "name the component, node, namespace or pod that it is about, and since when"
	d.answer.Text = "Support sees nothing that is wrong."
	d.answer.Verdict.Clauses = []string{}
	return d.answer, nil
}

// desk is one answer in the making.
type desk struct {
	e         *policy.Edition
	c         api.Case
	ev        Evidence
	component string // named or inferred
	node      string // of the case, or of the first pod of it that fails
	failing   []Pod
	answer    Answer
}

// find notes evidence.
func (d *desk) find(source, format string, args ...any) {
	f := api.CaseFinding{Source: source, Says: fmt.Sprintf(format, args...)}
	if !slices.Contains(d.answer.Findings, f) {
		d.answer.Findings = append(d.answer.Findings, f)
	}
}

// settle takes a judgement for the verdict. Where the provider supports its own
// component, the clause that says so is added.
func (d *desk) settle(subject string, v api.Judgement) {
	d.answer.Subject = subject
	d.answer.Verdict = api.Verdict{Owner: v.Owner, Coverage: v.Coverage, Remedy: v.Remedy, Clauses: slices.Clone(v.Clauses), Sentence: v.Sentence}
	c, _ := d.e.Component(subject)
	clause := supports[c.Name]
	if _, ok := d.e.Clause(clause); ok && v.Coverage == policy.Covered && v.Owner == policy.Provider && !slices.Contains(v.Clauses, clause) {
		d.answer.Verdict.Clauses = append(d.answer.Verdict.Clauses, clause)
	}
	d.answer.Text = v.Sentence
}

// matter settles by what the edition says of a subject.
func (d *desk) matter(subject, message string) error {
	v, err := d.e.Matter(timeline.Event{Subject: subject, Message: message})
	if err != nil {
		return err
	}
	d.settle(subject, v)
	return nil
}

// say adds a sentence to the answer.
func (d *desk) say(format string, args ...any) {
	d.answer.Text = strings.TrimSpace(d.answer.Text + " " + fmt.Sprintf(format, args...))
}

// unsupported answers for a cluster that has no support: first the way back.
func (d *desk) unsupported() (bool, error) {
	if d.ev.Support.State != policy.StateUnsupported {
		return false, nil
	}
	v := api.Verdict{Owner: policy.Customer, Coverage: policy.VoidsSupport, Remedy: policy.ByCustomer, Clauses: []string{}}
	var ways, says []string
	for _, r := range d.ev.Support.Reasons {
		if r.State != policy.StateUnsupported {
			continue
		}
		d.find(fmt.Sprintf("event/%d", r.Event), "%s", r.Sentence)
		says, ways = append(says, r.Sentence), append(ways, r.WayBack)
		if !slices.Contains(v.Clauses, r.Clause) {
			v.Clauses = append(v.Clauses, r.Clause)
		}
	}
	v.Sentence = "The cluster is not supported at present: " + strings.Join(says, " ")
	d.answer.Subject, d.answer.Verdict, d.answer.State = "cluster", v, api.CaseWaitsForCustomer
	d.answer.Asks = strings.Join(ways, " ")
	d.answer.Text = v.Sentence + " The way back: " + d.answer.Asks + " The case goes on by itself then."
	return true, nil
}

// question answers what the policy answers by its kind.
func (d *desk) question() (bool, error) {
	switch d.c.Topic {
	case "":
		return false, nil
	case api.TopicNSG:
		return true, d.nsg()
	}
	subject := d.c.Topic
	if subject == api.TopicCustomNetwork {
		subject += "/" + "customer"
	}
	d.answer.State = api.CaseClosed
	return true, d.matter(subject, d.c.Symptom)
}

// nsg answers for the network security group: what misbehaves is the provider's, what
// the customer's rules do is his.
func (d *desk) nsg() error {
	if len(d.ev.Rules) == 0 {
		d.answer.State, d.answer.Asks = api.CaseWaitsForCustomer, "the name of the rule, what was done and the error that came back"
		if err := d.matter("nsg-bug", d.c.Symptom); err != nil {
			return err
		}
		d.say("The group has no rules but the service's own; support takes it on.")
		return nil
	}
	act := timeline.Event{Actor: timeline.Customer, Verb: "changed", Subject: "nsg"}
	for _, a := range slices.Backward(d.ev.Acts) {
		if a.Subject == "nsg" {
			act = a
			break
		}
	}
	act.Seq, act.Cause = 1, 0
	d.answer.State, d.answer.Asks = api.CaseWaitsForCustomer, "take the rule away, and see whether it still happens"
	v, err := d.e.Event(policy.World{Events: []timeline.Event{act}}, 1)
	if err != nil {
		return err
	}
	d.settle("nsg", v)
	return nil
}
