package policy

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// grip is the time in which something that somebody broke kept a subject down.
type grip struct {
	root     *Fact
	from, to time.Time
}

// shares says whose an outage was when: at each moment it belongs to the oldest
// cause that still holds, and to the provider from when it should have mended it.
func (j *Judge) shares(i api.Incident, root *Fact) ([]Share, error) {
	end := j.end(i)
	if !end.After(i.Start) {
		return nil, nil
	}
	var list []Share
	for _, g := range j.cut(i, root, end) {
		v, err := j.e.apply(j.out(i, g.root), g.root)
		if err != nil {
			return nil, err
		}
		s := Share{Owner: v.Owner, From: g.from, To: g.to, Event: g.root.Seq, Why: g.root.What()}
		list = append(list, s)
		if s.Owner == Provider {
			continue
		}
		late, ok, err := j.overdue(i, g.root)
		if err != nil {
			return nil, err
		}
		if !ok || !late.From.Before(s.To) {
			continue
		}
		last := &list[len(list)-1]
		late.From, late.To = latest(late.From, s.From), s.To
		if last.To = late.From; !last.To.After(last.From) {
			list = list[:len(list)-1]
		}
		list = append(list, late)
	}
	return list, nil
}

// cut cuts the time of an outage into the grips that count, without gaps. After
// the last cause is mended it takes a while until that shows: that time belongs to
// what was mended last.
func (j *Judge) cut(i api.Incident, root *Fact, end time.Time) []grip {
	grips := j.grips(i, root, end)
	edges := []time.Time{i.Start, end}
	for _, g := range grips {
		edges = append(edges, g.from, g.to)
	}
	slices.SortFunc(edges, time.Time.Compare)
	out := []grip{{root: root, from: i.Start, to: i.Start}}
	for n := range len(edges) - 1 {
		from, to := edges[n], edges[n+1]
		if !to.After(from) || from.Before(i.Start) || to.After(end) {
			continue
		}
		last := &out[len(out)-1]
		holds := slices.IndexFunc(grips, func(g grip) bool { return !g.from.After(from) && g.to.After(from) })
		if holds < 0 || grips[holds].root.Seq == last.root.Seq {
			last.to = to
			continue
		}
		out = append(out, grip{root: grips[holds].root, from: from, to: to})
	}
	return slices.DeleteFunc(out, func(g grip) bool { return !g.to.After(g.from) })
}

// grips are what kept the subject of an incident down, the oldest first.
func (j *Judge) grips(i api.Incident, root *Fact, end time.Time) []grip {
	var list []grip
	own := false // what the incident's root has broken is known
	ownEnd := end
	if at, ok := j.putBack(i); ok {
		ownEnd = earliest(at, end)
	}
	for _, x := range j.w.Events {
		f := j.facts[x.Seq]
		if !j.breaks(f) || !concerns(i.Subject, f) || x.Time.Before(i.Start.Add(-seenLate)) || !x.Time.Before(end) {
			continue
		}
		r := j.facts[j.root(x.Seq)]
		if f.Subject == i.Subject && r.Seq == root.Seq && f.Seq != root.Seq {
			ownEnd = earliest(ownEnd, j.overtaken(x, r, end))
			continue // says no more than the incident does
		}
		to := earliest(j.overtaken(x, r, j.mended(x)), end)
		if !to.After(i.Start) {
			continue
		}
		own = own || r.Seq == root.Seq
		list = append(list, grip{root: r, from: latest(x.Time, i.Start), to: to})
	}
	if !own {
		list = append(list, grip{root: root, from: i.Start, to: ownEnd})
	}
	slices.SortStableFunc(list, func(a, b grip) int {
		// Of causes that were there from the beginning the incident's own counts.
		if c := a.from.Compare(b.from); c != 0 {
			return c
		}
		if own := a.root.Seq == root.Seq; own != (b.root.Seq == root.Seq) {
			return map[bool]int{true: -1, false: 1}[own]
		}
		return cmp.Compare(a.root.Seq, b.root.Seq)
	})
	return list
}

// breaks says whether an event says that something broke, and not by way of
// mending it.
func (j *Judge) breaks(f *Fact) bool {
	if f.Act == "nsg-egress" {
		return true
	}
	return f.Verb.Breaks() && !(f.Actor == Provider && j.root(f.Seq) != f.Seq)
}

// concerns says whether what broke can be what keeps a subject down.
func concerns(subject string, f *Fact) bool {
	if f.Subject == subject {
		return true
	}
	node, kind := nodeOf(subject), kindOf(subject)
	switch {
	case f.Act == "nsg-egress", f.Subject == "nodes" && f.Verb == "blocked":
		return subject == "nodes" || kind == "node"
	case subject == "nodes":
		return slices.Contains(vital, f.Kind)
	case node == "" || f.Node != node:
		return false
	case kind == "node":
		return slices.Contains(vital, f.Kind)
	}
	return f.Kind == "node" && f.Verb.Means().PowerLost
}

// vital are the parts without which a node is not Ready.
var vital = []string{"node", "kubelet", "containerd", "azure-cns"}

// overdue is the share of the provider from when it should have mended what
// another has broken; ok is false if it was in time.
func (j *Judge) overdue(i api.Incident, root *Fact) (first Share, ok bool, err error) {
	i = j.since(i, root)
	for _, d := range j.e.Duties {
		if !matchAny(d.Of, i.Subject) {
			continue
		}
		owed, err := d.when.holds(map[string]any{"root": root})
		if err != nil {
			return Share{}, false, fmt.Errorf("duty %s of edition %s: %w", d.ID, j.e.ID, err)
		}
		if !owed {
			continue
		}
		for _, s := range []Share{j.actsLate(d, i), j.healsLate(d, i)} {
			if !s.From.IsZero() && (!ok || s.From.Before(first.From)) {
				s.Owner, s.Clause = Provider, d.Clause
				first, ok = s, true
			}
		}
	}
	return first, ok, nil
}

// since is the outage that an outage is a part of: what is done about a node, late
// though it may be, takes down more of it. It is owed since the first of them.
func (j *Judge) since(i api.Incident, root *Fact) api.Incident {
	first := i
	for _, o := range j.w.Incidents {
		same := nodeOf(o.Subject) != "" && nodeOf(o.Subject) == nodeOf(i.Subject) && j.root(o.Event) == root.Seq
		if same && o.Start.Before(first.Start) && !j.end(o).Before(i.Start) {
			first = o
		}
	}
	return first
}

// actsLate is from when an action of a duty was due that was not taken since who
// takes it was down.
func (j *Judge) actsLate(d Duty, i api.Incident) Share {
	if d.Act == 0 {
		return Share{}
	}
	due := i.Start.Add(d.Act)
	for _, at := range j.actions(i) {
		if at.After(due) {
			break
		}
		if d.Step == 0 {
			return Share{}
		}
		due = at.Add(d.Step)
	}
	w, ok := j.plane.down(d.Healers, due)
	if !ok && slices.Contains(d.Healers, healerMonitors) {
		w, ok = j.monitorsDown(nodeOf(i.Subject), due)
	}
	if !ok || j.excused(i, due) {
		return Share{}
	}
	return Share{From: due, Event: w.event, Why: fmt.Sprintf("%s: nothing was done by then, since %s", d.Says, w.why)}
}

// healsLate is from when a duty should have been through.
func (j *Judge) healsLate(d Duty, i api.Incident) Share {
	if gaveUp, ok := j.gaveUp(i); ok && d.Step > 0 && !j.excused(i, gaveUp.Time) {
		return Share{From: gaveUp.Time, Event: gaveUp.Seq, Why: d.Says + ": the provider gave up"}
	}
	due := i.Start.Add(d.Heal)
	if d.Heal == 0 || !j.end(i).After(due.Add(d.Slack)) || j.excused(i, due) {
		return Share{}
	}
	if at, ok := j.putBack(i); ok && !at.After(due.Add(d.Slack)) {
		return Share{}
	}
	return Share{From: due, Event: i.Event, Why: d.Says + ": it was not through by then"}
}

// putBack is when the provider put back what was gone or changed. What keeps it from
// serving after that is another cause.
func (j *Judge) putBack(i api.Incident) (at time.Time, ok bool) {
	x, ok := find(j.w.Events, func(x timeline.Event) bool {
		return x.Actor == timeline.Provider && x.Verb == "restored" && x.Subject == i.Subject && !x.Time.Before(i.Start)
	})
	return x.Time, ok
}

// actions are when the provider did something about an outage, in order.
func (j *Judge) actions(i api.Incident) (list []time.Time) {
	node := nodeOf(i.Subject)
	concern := func(subject string) bool {
		return subject == i.Subject || node != "" && nodeOf(subject) == node
	}
	for _, r := range j.w.Repairs {
		for _, a := range r.Actions {
			if concern(r.Subject) && r.Layer != api.LayerNode && !a.At.Before(i.Start) {
				list = append(list, a.At)
			}
		}
	}
	for _, x := range j.w.Events {
		if x.Actor == timeline.Provider && concern(x.Subject) && x.Verb.Means().Repair && !x.Time.Before(i.Start) {
			list = append(list, x.Time)
		}
	}
	slices.SortFunc(list, time.Time.Compare)
	return list
}

// gaveUp is the event by which the provider gave up on an outage.
func (j *Judge) gaveUp(i api.Incident) (timeline.Event, bool) {
	node := nodeOf(i.Subject)
	return find(j.w.Events, func(x timeline.Event) bool {
		return x.Verb == "gave up on" && node != "" && nodeOf(x.Subject) == node && x.Time.After(i.Start) && x.Time.Before(j.end(i))
	})
}

// excused says whether the provider need not have mended an outage by a time: it does
// not repair such nodes, or the customer kept it from doing so.
func (j *Judge) excused(i api.Incident, at time.Time) bool {
	node := nodeOf(i.Subject)
	return node != "" && slices.ContainsFunc(j.w.Events, func(x timeline.Event) bool {
		f := j.facts[x.Seq]
		switch {
		case x.Time.After(at):
			return false
		case f.Act == "nsg-egress" && f.Party == Customer && j.mended(x).After(at):
			return true
		case x.Time.Before(i.Start):
			return false
		}
		return x.Verb == "does not repair" && f.Node == node || x.Verb == "noticed" && x.Subject == "nodes"
	})
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
