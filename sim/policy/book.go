package policy

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// World is what happened in a cluster. It must not be changed while it is judged.
type World struct {
	// Events are the whole timeline.
	Events    []timeline.Event
	Incidents []api.Incident
	Repairs   []api.Repair
	Consents  []api.Consent
	// Now is until when outages that are not over have lasted; the time of the
	// newest event if zero.
	Now time.Time
}

// Judge judges one world by one edition. It is made once and asked often; its
// methods may be called from any goroutine.
type Judge struct {
	e     *Edition
	w     World
	at    map[int64]int   // index in w.Events by sequence number
	roots map[int64]int64 // where the chain of causes of each event begins
	facts map[int64]*Fact
	plane plane
}

// Judge prepares a world for judgement. It takes time and memory that grow with
// the number of events.
func (e *Edition) Judge(w World) *Judge {
	n := len(w.Events)
	j := &Judge{e: e, w: w, at: make(map[int64]int, n), roots: make(map[int64]int64, n), facts: make(map[int64]*Fact, n)}
	bySeq := func(a, b timeline.Event) int { return cmp.Compare(a.Seq, b.Seq) }
	if !slices.IsSortedFunc(w.Events, bySeq) {
		j.w.Events = slices.SortedFunc(slices.Values(w.Events), bySeq)
	}
	components := map[string]Component{} // by subject: to find one takes time
	for i, x := range j.w.Events {
		c, ok := components[x.Subject]
		if !ok {
			c, _ = e.Component(x.Subject)
			components[x.Subject] = c
		}
		j.at[x.Seq] = i
		if x.Time.After(j.w.Now) && w.Now.IsZero() {
			j.w.Now = x.Time
		}
		j.facts[x.Seq] = newFact(x, c)
		j.roots[x.Seq] = x.Seq
		if root, ok := j.roots[x.Cause]; ok && x.Cause < x.Seq {
			j.roots[x.Seq] = root
		}
	}
	j.addSizes()
	j.addTags()
	j.addScripts()
	j.addConsents()
	j.addHarm()
	j.plane = j.planeOf()
	return j
}

// event returns the event with a sequence number.
func (j *Judge) event(seq int64) (timeline.Event, bool) {
	i, ok := j.at[seq]
	if !ok {
		return timeline.Event{}, false
	}
	return j.w.Events[i], true
}

// chain is the event with a sequence number, what caused it, and so on to the
// root. A cause that is unknown, or that does not come before what it caused, is
// none: so every chain ends.
func (j *Judge) chain(seq int64) (chain []int64) {
	for x, ok := j.event(seq); ok; x, ok = j.event(x.Cause) {
		chain = append(chain, x.Seq)
		if x.Cause >= x.Seq {
			break
		}
	}
	return chain
}

// root is the sequence number of the event in which a chain begins; 0 if there is
// no event of that number.
func (j *Judge) root(seq int64) int64 { return j.roots[seq] }

// addSizes finds which VMs got their first size back.
func (j *Judge) addSizes() {
	first := map[string]string{}
	for _, x := range j.w.Events {
		f := j.facts[x.Seq]
		if f.To == "" {
			continue
		}
		if first[f.Subject] == "" {
			first[f.Subject] = f.From
		}
		f.Restores = f.To == first[f.Subject]
		f.From = first[f.Subject]
	}
}

// addTags finds which changes of tags only put them back: a tag of the system's
// that has another value again, or one of the customer's that is removed.
func (j *Judge) addTags() {
	changed := map[string]string{} // values by subject and tag
	for _, x := range j.w.Events {
		if x.Detail == nil || len(x.Detail.Tags) == 0 {
			continue
		}
		f := j.facts[x.Seq]
		f.Restores = true
		for name, value := range x.Detail.Tags {
			key := x.Subject + " " + name
			was, ok := changed[key]
			if ok && systemTag(name) == (value != "") && value != was {
				delete(changed, key)
				continue
			}
			changed[key], f.Restores = value, false
		}
	}
}

// addScripts finds what scripts that somebody ran on nodes have done.
func (j *Judge) addScripts() {
	for _, x := range j.w.Events {
		ran, ok := j.facts[x.Cause]
		if x.Detail == nil || !ok || !ran.Shell || ran.Act == "package" {
			continue
		}
		switch {
		case len(x.Detail.Packages) > 0:
			ran.Act = "package"
		case x.Detail.Down == timeline.Rebooted:
			ran.Act = "reboot"
		case x.Detail.Down == timeline.PoweredOff && ran.Act != "reboot":
			ran.Act = "power"
		}
	}
}

// addConsents finds which of the provider's doings on nodes the customer had
// agreed to.
func (j *Judge) addConsents() {
	for _, x := range j.w.Events {
		if f := j.facts[x.Seq]; f.Node != "" && x.Actor == timeline.Provider {
			f.Consented = slices.ContainsFunc(j.w.Consents, func(c api.Consent) bool { return inForce(c, f.Node, x.Time) }) || j.granted(f.Node, x)
		}
	}
}

// inForce says whether a consent lets support in to a node at a time.
func inForce(c api.Consent, node string, at time.Time) bool {
	return (c.Node == "*" || c.Node == node) && !at.Before(c.Granted) && at.Before(c.Expires) && (c.Revoked.IsZero() || at.Before(c.Revoked))
}

// granted says whether the timeline has a consent to an event: the last word about
// it was that it was granted or used.
func (j *Judge) granted(node string, x timeline.Event) bool {
	if len(j.w.Consents) > 0 {
		return false // these tell it better
	}
	for _, before := range slices.Backward(j.w.Events[:j.at[x.Seq]]) {
		if f := j.facts[before.Seq]; f.Act == "consent" && (f.Node == node || f.Kind == "nodes") {
			return f.Verb == "granted consent" || f.Verb == "used consent"
		}
	}
	return false
}

// addHarm finds what broke something else.
func (j *Judge) addHarm() {
	for _, x := range j.w.Events {
		means := x.Actor == timeline.Node || x.Actor == timeline.Kubernetes
		tells := means && x.Verb.Breaks() || x.Actor == timeline.Provider && x.Verb == "noticed"
		if root := j.root(x.Seq); root != x.Seq && tells {
			j.facts[root].Harmful = true
		}
	}
	for _, i := range j.w.Incidents {
		if root := j.root(i.Event); root != 0 {
			j.facts[root].Harmful = true
		}
	}
}

// incident returns the incident of that ID.
func (j *Judge) incident(id string) (api.Incident, bool) {
	return find(j.w.Incidents, func(i api.Incident) bool { return i.ID == id })
}

// end is when an incident ended, or now.
func (j *Judge) end(i api.Incident) time.Time {
	if i.End.IsZero() {
		return j.w.Now
	}
	return i.End
}

// covers443 says whether a port, a range of ports or * has port 443 in it.
func covers443(ports string) bool {
	const https = 443
	if ports == "*" {
		return true
	}
	low, high, ok := strings.Cut(strings.TrimSpace(ports), "-")
	a, err := strconv.Atoi(low)
	b, err2 := a, error(nil)
	if ok {
		b, err2 = strconv.Atoi(high)
	}
	return cmp.Or(err, err2) == nil && a <= https && https <= b
}
