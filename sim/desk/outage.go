package desk

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/policy"
)

// lately is for how long after its end an incident still explains a symptom, and an
// act of the customer's too.
const lately = 2 * time.Hour

// gather notes all that concerns the case, in the order in which support looks.
func (d *desk) gather() {
	if d.ev.Unseen != "" {
		d.find("kube-apiserver", "the API server does not answer: %s", d.ev.Unseen)
	}
	for _, p := range d.ev.Pods {
		if d.ours(p) && p.Problem != "" {
			d.failing = append(d.failing, p)
			d.find("pod/"+p.Namespace+"/"+p.Name, "%s; image %s", p.Problem, strings.Join(p.Images, ", "))
			if d.node == "" {
				d.node = p.Node
			}
		}
	}
	for _, c := range d.ev.Components {
		if !c.Healthy && managed(d.e, subjectOf(d.component, "")) && sameComponent(d.e, c.Name, subjectOf(d.component, "")) {
			d.find(c.Name, "%s: %s", c.State, c.Message)
		}
	}
	for _, n := range d.ev.Nodes {
		if n.Name != d.node {
			continue
		}
		for _, p := range n.Problems {
			d.find("node/"+n.Name, "%s", p)
		}
		if n.Power != "running" {
			d.find("node/"+n.Name, "the cloud says that the VM is %s", n.Power)
		}
	}
	d.gatherPast()
	d.findLook()
}

// gatherPast notes outages, repairs and what the customer did.
func (d *desk) gatherPast() {
	for _, i := range d.concerning() {
		if d.sees(i) {
			d.find("incident/"+i.ID, "%s%s: %s", i.Subject, lasts(i), i.Cause)
		}
	}
	for _, r := range d.ev.Repairs {
		if d.node != "" && r.Node == d.node && d.ev.Now.Sub(r.Detected) < lately {
			d.find("repair/"+r.ID, "%s by %s: %s", r.Outcome, r.Layer, actions(r))
		}
	}
	for _, a := range d.ev.Acts {
		if d.touches(a.Subject) && a.Verb != "ran" && d.ev.Now.Sub(a.Time) < lately {
			d.find(fmt.Sprintf("event/%d", a.Seq), "the customer %s %s", a.Verb, a.Subject)
		}
	}
}

// lasts says since when an incident is open, or that it is over.
func lasts(i Incident) string {
	if i.open() {
		return " since " + i.Start.Format(time.TimeOnly)
	}
	return " until " + i.End.Format(time.TimeOnly)
}

func actions(r api.Repair) string {
	var words []string
	for _, a := range r.Actions {
		words = append(words, a.Action)
	}
	return cmp.Or(strings.Join(words, ", "), "nothing done yet")
}

// ours says whether the case is about a pod.
func (d *desk) ours(p Pod) bool {
	switch c := d.c; {
	case c.Pod != "":
		return c.Pod == p.Namespace+"/"+p.Name || c.Pod == p.Name && p.Namespace == "default"
	case c.Namespace != "":
		return p.Namespace == c.Namespace
	case c.Chart != "":
		return p.Chart == c.Chart || slices.ContainsFunc(p.Images, func(image string) bool {
			known, ok := partyOfImage(image)
			return ok && known.Name == partyOfChart(c.Chart).Name
		})
	case d.component != "":
		return sameComponent(d.e, p.subject(), subjectOf(d.component, d.c.Node))
	}
	return d.c.Node != "" && p.Node == d.c.Node
}

// sameComponent says whether two subjects belong to one managed component.
func sameComponent(e *policy.Edition, a, b string) bool {
	x, ok := e.Component(a)
	y, ok2 := e.Component(b)
	return ok && ok2 && x.Managed && x.Name == y.Name
}

// touches says whether something that happened to a subject concerns the case.
func (d *desk) touches(subject string) bool {
	if n := nodeOf(subject); n != "" {
		return n == d.node
	}
	if parts := strings.Split(subject, "/"); len(parts) > 2 && len(parts) < 5 {
		ns, name := parts[1], parts[2]
		if d.c.Namespace == ns || d.c.Pod != "" && strings.HasPrefix(d.c.Pod, ns+"/"+name) {
			return true
		}
	}
	return d.component != "" && sameComponent(d.e, subject, subjectOf(d.component, d.c.Node))
}

// concerning are the incidents that concern the case: those that last first, then the
// newest. What the API server stands on concerns a case about the API server.
func (d *desk) concerning() (list []Incident) {
	for _, i := range d.ev.Incidents {
		below := d.component == "kube-apiserver" && kindOf(i.Subject) == "etcd"
		if (below || d.touches(i.Subject)) && (i.open() || d.ev.Now.Sub(i.End) < lately) {
			list = append(list, i)
		}
	}
	slices.SortStableFunc(list, func(a, b Incident) int {
		if a.open() != b.open() {
			if a.open() {
				return -1
			}
			return 1
		}
		return b.Start.Compare(a.Start)
	})
	return list
}

// sees says whether support knows of an incident and its cause.
func (d *desk) sees(i Incident) bool { return !i.hidden() || d.looked(nodeOf(i.Subject)) }

// looked says whether support was on a node, or has found that nobody gets there.
func (d *desk) looked(node string) bool { return d.ev.Look != nil && d.ev.Look.Node == node }

// outage answers by an incident whose cause is seen. One that is over answers only for
// a managed component: a node or a workload may have a new trouble.
func (d *desk) outage() (bool, error) {
	for _, i := range d.concerning() {
		if !d.sees(i) || !i.open() && (nodeOf(i.Subject) != "" || d.node != "") {
			continue
		}
		d.settle(i.Subject, i.Judgement)
		d.say("Incident %s of %s%s.", i.ID, i.Subject, lasts(i))
		d.next(i)
		return true, nil
	}
	return false, nil
}

// next says what comes after the verdict on an incident.
func (d *desk) next(i Incident) {
	node := nodeOf(i.Subject)
	switch {
	case !i.open():
		d.answer.State = api.CaseAnswered
		d.say("It is over.")
	case d.answer.Verdict.Remedy == policy.ByCustomer && !(node != "" && d.covered()):
		d.answer.State, d.answer.Asks = api.CaseWaitsForCustomer, "undo what broke it: "+i.Cause
	case node != "" && (d.answer.Verdict.Remedy == policy.Escalation || !d.underRepair(node)):
		d.offer(node)
	default:
		d.answer.State = api.CaseAnswered
		d.say("The service is at work on it; nothing is needed of you.")
	}
}

// covered says whether the provider does something about what the verdict is on. A
// restart can be had of a covered node even where node repair leaves it alone.
func (d *desk) covered() bool {
	return d.answer.Verdict.Coverage == policy.Covered || d.answer.Verdict.Coverage == policy.BestEffort
}

// offer offers a restart of a node.
func (d *desk) offer(node string) {
	d.answer.State, d.answer.Restarts = api.CaseOffersEscalation, node
	d.answer.Asks = fmt.Sprintf("whether node/%s is to be restarted on your behalf: demarc support escalate %s", node, d.c.ID)
	d.say("Restarting the node may help; the provider does so only when you escalate.")
}

// underRepair says whether a repair of a node is under way.
func (d *desk) underRepair(node string) bool {
	return slices.ContainsFunc(d.ev.Repairs, func(r api.Repair) bool { return r.Node == node && r.Outcome == api.RepairPending })
}
