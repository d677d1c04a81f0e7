package policy

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// States of support.
const (
	StateSupported   = api.Supported
	StateAtRisk      = api.AtRisk
	StateUnsupported = api.Unsupported
)

// severity orders the states.
var severity = map[string]int{StateSupported: 0, StateAtRisk: 1, StateUnsupported: 2}

// Support says whether the cluster is supported, why not, and how it was.
func (e *Edition) Support(w World) (Supportability, error) { return e.Judge(w).Support() }

// Support says whether the cluster is supported: see [Edition.Support].
func (j *Judge) Support() (Supportability, error) {
	var all []Reason
	for _, x := range j.w.Events {
		for _, c := range j.e.Conditions {
			r, ok, err := j.reason(c, x)
			if err != nil {
				return Supportability{}, fmt.Errorf("condition %s of edition %s: %w", c.ID, j.e.ID, err)
			}
			if ok {
				all = append(all, r)
				break
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Reason) int { return cmp.Compare(severity[b.State], severity[a.State]) })
	s := Supportability{State: StateSupported, Reasons: []Reason{}, History: j.history(all)}
	for _, r := range all {
		if r.To.IsZero() && !r.From.After(j.w.Now) {
			s.Reasons = append(s.Reasons, r)
		}
	}
	if len(s.Reasons) > 0 {
		s.State = s.Reasons[0].State
	}
	return s, nil
}

// reason is the reason that an event gives by a condition, if it does.
func (j *Judge) reason(c Condition, x timeline.Event) (Reason, bool, error) {
	f := j.facts[x.Seq]
	ok, err := c.when.holds(map[string]any{"event": f})
	if !ok || err != nil {
		return Reason{}, false, err
	}
	r := Reason{State: c.State, Event: x.Seq, Clause: c.Clause, From: x.Time}
	if r.Sentence, err = c.sentence.say(f, f); err != nil {
		return r, false, err
	}
	if r.WayBack, err = c.wayBack.say(f, f); err != nil {
		return r, false, err
	}
	for _, later := range j.w.Events[j.at[x.Seq]+1:] {
		if !touches(f, j.facts[later.Seq]) {
			continue
		}
		over, err := c.until.holds(map[string]any{"event": f, "later": j.facts[later.Seq]})
		if err != nil {
			return r, false, err
		}
		if over {
			r.To = later.Time
			break
		}
	}
	if c.Healed {
		if healed := j.healed(x.Seq); !healed.IsZero() && (r.To.IsZero() || healed.Before(r.To)) {
			r.To = latest(healed, r.From)
		}
	}
	if r.To.After(j.w.Now) {
		r.To = time.Time{}
	}
	return r, true, nil
}

// touches says whether a later event can undo what an event did: see
// [Condition.Until].
func touches(f, later *Fact) bool {
	return later.Subject == f.Subject || f.Node != "" && (later.Node == f.Node || later.Kind == "nodepool")
}

// healed is when the last outage that an event is the root of was over or, if it
// has caused none, when the last thing that it has broken worked again; zero if it
// has broken nothing, or not all is well.
func (j *Judge) healed(seq int64) (last time.Time) {
	for _, i := range j.w.Incidents {
		if j.root(i.Event) != seq {
			continue
		}
		if i.End.IsZero() {
			return time.Time{}
		}
		last = latest(last, i.End)
	}
	if !last.IsZero() {
		return last
	}
	for _, x := range j.w.Events[j.at[seq]+1:] {
		if j.root(x.Seq) != seq || !j.breaks(j.facts[x.Seq]) {
			continue
		}
		mended := j.mended(x)
		if !mended.Before(j.w.Now) {
			return time.Time{}
		}
		last = latest(last, mended)
	}
	return last
}

// history cuts the time at the beginnings and ends of reasons.
func (j *Judge) history(all []Reason) []Period {
	list := []Period{}
	if len(j.w.Events) == 0 {
		return list
	}
	start := j.w.Events[0].Time
	edges := []time.Time{start, j.w.Now}
	for _, r := range all {
		edges = append(edges, r.From)
		if !r.To.IsZero() {
			edges = append(edges, r.To)
		}
	}
	slices.SortFunc(edges, time.Time.Compare)
	for n := range len(edges) - 1 {
		from, to := edges[n], edges[n+1]
		if from.Before(start) || !to.After(from) || to.After(j.w.Now) {
			continue
		}
		p := Period{From: from, To: to, State: StateSupported, Reasons: []Reason{}}
		for _, r := range all {
			if !r.From.After(from) && (r.To.IsZero() || r.To.After(from)) {
				p.Reasons = append(p.Reasons, r)
				if severity[r.State] > severity[p.State] {
					p.State = r.State
				}
			}
		}
		same := func(a, b Reason) bool { return a.Event == b.Event && a.Clause == b.Clause }
		if k := len(list) - 1; k >= 0 && list[k].State == p.State && slices.EqualFunc(list[k].Reasons, p.Reasons, same) {
			list[k].To = to
			continue
		}
		list = append(list, p)
	}
	return list
}
