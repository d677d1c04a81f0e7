package policy

import (
	"fmt"
	"slices"
	"strings"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// Event judges the event with a sequence number. The error says that there is
// none, and which there are.
func (e *Edition) Event(w World, seq int64) (Judgement, error) { return e.Judge(w).Event(seq) }

// Incident judges the incident of that ID. The error says that there is none, and
// which there are.
func (e *Edition) Incident(w World, id string) (Judgement, error) { return e.Judge(w).Incident(id) }

// Matter judges what a customer asks support about: the subject of a component
// such as kubelet/NODE or container/NAMESPACE/POD/NAME, or one of third-party/NAME,
// closed-source/NAME, multi-cloud, how-to, advice, custom-network/NAME, nsg-bug,
// cloud/NAME and upstream/NAME. Of the event its subject, message and detail count.
func (e *Edition) Matter(x timeline.Event) (Judgement, error) {
	c, ok := e.Component(x.Subject)
	if !ok {
		return Judgement{}, e.unknownComponent(x.Subject)
	}
	x.Actor, x.Verb = timeline.Node, isOut
	f := e.fact(x)
	f.Party = party(x, c)
	return e.apply(f, f)
}

// Event judges the event with a sequence number: see [Edition.Event].
func (j *Judge) Event(seq int64) (Judgement, error) {
	f, ok := j.facts[seq]
	if !ok {
		return Judgement{}, j.unknownEvent(seq)
	}
	v, err := j.e.apply(f, j.facts[j.root(seq)])
	v.Chain = j.chain(seq)
	return v, err
}

// Incident judges the incident of that ID: see [Edition.Incident].
func (j *Judge) Incident(id string) (Judgement, error) {
	i, ok := j.incident(id)
	if !ok {
		return Judgement{}, j.unknownIncident(id)
	}
	root := j.rootOf(i)
	v, err := j.e.apply(j.out(i, root), root)
	if err != nil {
		return v, err
	}
	v = j.observed(i, root, v)
	v.Chain = j.chain(i.Event)
	if v.Shares, err = j.shares(i, root); err != nil {
		return v, err
	}
	v.Sentence += prolonged(v.Shares)
	return v, nil
}

// Contract judges all incidents, and whether the cluster is supported.
func (j *Judge) Contract() (api.Contract, error) {
	k := api.Contract{Edition: j.e.ID, Incidents: []api.JudgedIncident{}}
	for _, i := range j.w.Incidents {
		v, err := j.Incident(i.ID)
		if err != nil {
			return k, fmt.Errorf("judge incident %s: %w", i.ID, err)
		}
		k.Incidents = append(k.Incidents, api.JudgedIncident{Incident: i, Judgement: v})
	}
	var err error
	k.Support, err = j.Support()
	return k, err
}

// isOut is the verb of what [Judge.out] makes.
const isOut timeline.Verb = "is out"

// out is that an incident's subject is out, whatever the event was about.
func (j *Judge) out(i api.Incident, root *Fact) *Fact {
	return j.e.fact(timeline.Event{Seq: i.Event, Actor: timeline.Actor(root.Actor), Verb: isOut, Subject: i.Subject, Message: i.Cause})
}

// rootOf is the root of an incident. If the timeline does not have it, what the
// incident itself says is taken for it.
func (j *Judge) rootOf(i api.Incident) *Fact {
	if f, ok := j.facts[j.root(i.Event)]; ok {
		return f
	}
	return j.e.fact(timeline.Event{Seq: i.Event, Actor: i.Owner, Verb: "failed", Subject: i.Subject, Message: i.Cause})
}

// apply judges by the first rule that holds.
func (e *Edition) apply(event, root *Fact) (Judgement, error) {
	facts := map[string]any{"event": event, "root": root}
	for _, r := range e.Rules {
		ok, err := r.when.holds(facts)
		if err != nil {
			return Judgement{}, fmt.Errorf("rule %s of edition %s: %w", r.ID, e.ID, err)
		}
		if !ok {
			continue
		}
		text, err := r.sentence.say(event, root)
		if err != nil {
			return Judgement{}, fmt.Errorf("rule %s of edition %s: %w", r.ID, e.ID, err)
		}
		return Judgement{
			Owner: r.Owner, Coverage: r.Coverage, Remedy: r.Remedy, Clauses: slices.Clone(r.Clauses), Rule: r.ID, Sentence: text, Chain: []int64{},
		}, nil
	}
	return Judgement{}, fmt.Errorf("no rule of edition %s judges %s", e.ID, event.Subject)
}

func (j *Judge) unknownEvent(seq int64) error {
	n := len(j.w.Events)
	if n == 0 {
		return fmt.Errorf("there is no event %d: the timeline is empty", seq)
	}
	return fmt.Errorf("there is no event %d: the timeline has %d to %d", seq, j.w.Events[0].Seq, j.w.Events[n-1].Seq)
}

func (j *Judge) unknownIncident(id string) error {
	if len(j.w.Incidents) == 0 {
		return fmt.Errorf("there is no incident %q: there has been none so far", id)
	}
	const shown = 10
	ids := each(j.w.Incidents, func(i api.Incident) string { return i.ID })
	if len(ids) > shown {
		ids = append(ids[:1:1], "…", ids[len(ids)-1])
	}
	return fmt.Errorf("there is no incident %q: want one of %s", id, strings.Join(ids, ", "))
}

func (e *Edition) unknownComponent(name string) error {
	return fmt.Errorf("no component %q%s: want one of %s, or a subject of the timeline", name, didYouMean(name, e.names()), strings.Join(e.componentNames(), ", "))
}
