package policy

import (
	"slices"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// observed puts the remedy of an outage of a node or of a full etcd right by what became of
// it: rules say what is promised, and the service may do more or less.
func (j *Judge) observed(i api.Incident, root *Fact, v Judgement) Judgement {
	if v.Owner == Customer && v.Remedy == Automatic && j.awaitsDeletes(i) {
		v.Remedy = ByCustomer
		v.Sentence += " But what fills it is live, and only the customer can delete that."
	}
	node := nodeOf(i.Subject)
	if node == "" {
		return v
	}
	healed := j.autoRepaired(i, root)
	switch v.Remedy {
	case Escalation:
		if healed {
			v.Remedy = Automatic
			v.Sentence += " This time node auto-repair did it without being asked."
		}
	case Automatic:
		if healed {
			break
		}
		if _, ok := j.gaveUp(i); ok {
			v.Remedy = Escalation
			v.Sentence += " But node auto-repair gave up on it, and the rest is the provider's when the customer escalates."
		} else if why, ok := j.leftAlone(i); ok {
			v.Remedy = map[bool]string{true: ByCustomer, false: Escalation}[v.Owner == Customer]
			v.Sentence += " But node auto-repair leaves it alone: " + why + "."
		}
	}
	return v
}

// awaitsDeletes says whether an outage is that of a full etcd in which compacting makes no
// room.
func (j *Judge) awaitsDeletes(i api.Incident) bool {
	_, ok := find(j.w.Events, func(x timeline.Event) bool {
		return x.Verb == "awaits deletes" && x.Subject == i.Subject && !x.Time.Before(i.Start) && !x.Time.After(j.end(i))
	})
	return ok
}

// autoRepaired says whether node auto-repair has ended an outage, and not somebody
// who undid what had caused it.
func (j *Judge) autoRepaired(i api.Incident, root *Fact) bool {
	repaired := slices.ContainsFunc(j.w.Repairs, func(r api.Repair) bool {
		return r.Layer == api.LayerAutoRepair && r.Node == nodeOf(i.Subject) && r.Outcome == api.RepairHealed && len(r.Actions) > 0 &&
			!r.Healed.Before(i.Start) && !r.Broken.After(j.end(i))
	})
	if !repaired {
		return false
	}
	from, ok := j.at[root.Seq]
	return !ok || !slices.ContainsFunc(j.w.Events[from+1:], func(x timeline.Event) bool {
		undone := x.Actor != timeline.Provider && x.Actor != timeline.Node && x.Actor != timeline.Kubernetes
		return undone && !x.Time.Before(i.Start) && !x.Time.After(j.end(i)) && j.cures(root, j.facts[x.Seq])
	})
}

// leftAlone is why node auto-repair does not repair the node of an outage.
func (j *Judge) leftAlone(i api.Incident) (why string, ok bool) {
	x, ok := find(j.w.Events, func(x timeline.Event) bool {
		return x.Verb == "does not repair" && nodeOf(x.Subject) == nodeOf(i.Subject) && !x.Time.Before(i.Start) && !x.Time.After(j.end(i))
	})
	return x.Message, ok
}
