package desk

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"demarc/sim/api"
	"demarc/sim/policy"
)

// nodes answers for a node that is not as it should be. What cannot be seen from
// outside must be looked at, with the customer's consent.
func (d *desk) nodes() (bool, error) {
	i := slices.IndexFunc(d.ev.Nodes, func(n Node) bool { return n.Name == d.node })
	if i < 0 || len(d.ev.Nodes[i].Problems) == 0 && !d.hiddenOutage() {
		return false, nil
	}
	n := d.ev.Nodes[i]
	subject, problem := "node/"+n.Name, strings.Join(n.Problems, "; ")
	switch {
	case d.looked(n.Name):
		return true, d.seen(subject, problem)
	case d.underRepair(n.Name):
		d.repairing(subject)
		return true, nil
	}
	d.answer.State, d.answer.Subject, d.answer.WaitsFor = api.CaseWaitsForConsent, subject, n.Name
	d.answer.Verdict.Clauses = []string{"support.consent"}
	d.answer.Asks = fmt.Sprintf("consent to look at node/%s: demarc consent grant %s --for 1h --case %s", n.Name, n.Name, d.c.ID)
	d.say("From outside nobody can say why (%s). Support must log in to %s, and does so only with your consent.", cmp.Or(problem, "what runs on it has trouble"), subject)
	return true, nil
}

// repairing answers for a node that is being repaired: whose outage it is nobody can
// say from outside, and it is covered whosever it is.
func (d *desk) repairing(subject string) {
	d.answer.State, d.answer.Subject = api.CaseAnswered, subject
	d.answer.Verdict = api.Verdict{
		Coverage: policy.Covered, Remedy: policy.Automatic, Clauses: []string{"nodes.self-healing", "node.components"},
		Sentence: subject + " is not as it should be, and node repair is at work on it.",
	}
	d.answer.Text = d.answer.Verdict.Sentence + " Nothing is needed of you, and support need not look."
}

// hiddenOutage says whether something on the case's node is out for a reason that is
// not seen.
func (d *desk) hiddenOutage() bool {
	return slices.ContainsFunc(d.concerning(), func(i Incident) bool { return i.open() && !d.sees(i) && nodeOf(i.Subject) == d.node })
}

// seen answers by what was seen on a node, when no incident explains it.
func (d *desk) seen(subject, problem string) error {
	if err := d.matter(subject, problem); err != nil {
		return err
	}
	d.offer(d.node)
	return nil
}

// findLook notes what was seen on a node.
func (d *desk) findLook() {
	l := d.ev.Look
	if l == nil {
		return
	}
	source := "node/" + l.Node
	if l.Failed != "" {
		d.find(source, "support cannot get in: %s", l.Failed)
		return
	}
	for _, u := range l.Units {
		d.find(source+": systemctl status "+u.Name, "%s", u.Active)
	}
	if l.Disk >= 0 {
		d.find(source+": df /", "the disk is %d%% full", l.Disk)
	}
}

// dns answers for name resolution that the customer has changed himself.
func (d *desk) dns() (bool, error) {
	if !sameComponent(d.e, subjectOf(d.component, ""), "deployment/kube-system/coredns") && d.component != "coredns" {
		return false, nil
	}
	switch {
	case len(d.ev.NetworkPolicies) > 0:
		for _, p := range d.ev.NetworkPolicies {
			d.find("networkpolicy/"+p, "it allows the pods it selects no packets to port 53 of the DNS")
		}
		d.answer.State, d.answer.Asks = api.CaseWaitsForCustomer, "allow egress to kube-system, UDP and TCP port 53, in that NetworkPolicy"
		return true, d.matter("networkpolicy/"+d.ev.NetworkPolicies[0], "it keeps pods from the DNS")
	case len(d.ev.CustomDNS) > 0:
		const custom = "configmap/kube-system/coredns-custom"
		d.find(custom, "it holds the customer's own configuration: %s", strings.Join(d.ev.CustomDNS, ", "))
		d.answer.State, d.answer.Asks = api.CaseWaitsForCustomer, "empty coredns-custom, restart CoreDNS, and see whether it still happens"
		return true, d.matter(custom, "CoreDNS reads "+strings.Join(d.ev.CustomDNS, ", "))
	}
	return false, nil
}

// upstream answers with a bug that is known. One that the cluster's version has fixed
// is only told of.
func (d *desk) upstream() (bool, error) {
	list, err := issues()
	if err != nil {
		return false, err
	}
	words := d.c.Symptom
	for _, p := range d.failing {
		words += "\n" + p.Problem
	}
	for _, k := range list {
		version := d.ev.Versions[k.Project]
		switch {
		case !k.symptom.MatchString(words):
		case k.fixedIn(version):
			d.find(k.Issue, "not this bug: %s has it fixed since %s, and the cluster has %s", k.Project, k.Fixed, version)
		default:
			d.find(k.Issue, "%s; affects %s; the cluster has %s %s", k.Title, k.Affects, k.Project, version)
			if err := d.matter("upstream/"+k.ID, k.Title); err != nil {
				return false, err
			}
			issue := k.KnownIssue
			d.answer.State, d.answer.Upstream = api.CaseLinked, &issue
			d.say("%s Workaround: %s %s", k.Why, k.Workaround, k.Timeline)
			return true, nil
		}
	}
	return false, nil
}

// thirdParty answers for software that neither the provider nor the customer made.
func (d *desk) thirdParty() (bool, error) {
	var found party
	if d.c.Chart != "" {
		found = partyOfChart(d.c.Chart)
	}
	for _, p := range d.failing {
		for _, image := range p.Images {
			if x, ok := partyOfImage(image); ok && found.Name == "" && !managed(d.e, p.subject()) {
				found = x
			}
		}
	}
	if found.Name == "" {
		return false, nil
	}
	d.answer.State = api.CaseAnswered
	err := d.matter(found.matter(), d.c.Symptom)
	switch {
	case d.answer.Verdict.Coverage == policy.BestEffort:
		d.answer.State, d.answer.Asks = api.CaseWaitsForCustomer, "which documented example was followed, and how it failed"
	case len(d.failing) > 0: // and their nodes are well, or this would not be the answer
		d.say("Its makers help with it; the node below it support has looked at from outside and found well.")
	default:
		d.say("Its makers help with it.")
	}
	return true, err
}

// workload answers for pods: the provider's or the customer's own.
func (d *desk) workload() (bool, error) {
	if len(d.failing) == 0 || d.component != "" {
		return false, nil
	}
	p := d.failing[0]
	d.answer.State = api.CaseAnswered
	err := d.matter(p.subject(), p.Problem)
	if managed(d.e, p.subject()) {
		d.say("Support takes it on.")
	}
	return true, err
}

// part answers for a managed component. If nothing is wrong with it, that is said in
// place of the edition's sentence, which is about an outage.
func (d *desk) part() (bool, error) {
	subject := subjectOf(d.component, d.c.Node)
	if d.component == "" || !managed(d.e, subject) {
		return false, nil
	}
	d.answer.State = api.CaseAnswered
	err := d.matter(subject, d.c.Symptom)
	if len(d.failing) == 0 {
		d.answer.Verdict.Sentence = subject + " is managed, and so the provider's to keep working; nothing is wrong with it at present."
		d.answer.Text = d.answer.Verdict.Sentence
	}
	d.say("Support takes it on.")
	return true, err
}
