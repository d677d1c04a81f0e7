package policy

import (
	"slices"
	"time"

	"demarc/sim/timeline"
)

// mended is when what an event has broken works again, or now if it does not. Of a
// part of a node its incident knows best. A node may be down for several reasons:
// its incident tells only when the last of them was gone.
func (j *Judge) mended(x timeline.Event) time.Time {
	ended, known := j.ended(x)
	if known && nodeOf(x.Subject) != "" && kindOf(x.Subject) != "node" {
		return ended
	}
	f := j.facts[x.Seq]
	for _, later := range j.w.Events[j.at[x.Seq]+1:] {
		if !later.Time.After(j.w.Now) && j.cures(f, j.facts[later.Seq]) {
			return later.Time
		}
	}
	if known {
		return ended
	}
	return j.w.Now
}

// overtaken is when another cause took away the machine on which an event has broken
// a part: a boot starts whatever was only stopped. It is end if none did, or if the
// part was still broken after the boot.
func (j *Judge) overtaken(x timeline.Event, root *Fact, end time.Time) time.Time {
	f := j.facts[x.Seq]
	if f.Node == "" || f.Kind == "node" {
		return end
	}
	for _, i := range j.w.Incidents {
		cause, ok := j.facts[i.Event]
		within := i.Subject == "node/"+f.Node && i.Start.After(x.Time) && i.Start.Before(end) && !j.end(i).Before(end)
		if ok && within && j.root(i.Event) != root.Seq && cause.Kind == "node" && cause.Verb.Means().PowerLost {
			return i.Start
		}
	}
	return end
}

// ended is the end of the incident that an event has led to, of the same subject.
func (j *Judge) ended(x timeline.Event) (time.Time, bool) {
	root := j.root(x.Seq)
	for _, i := range j.w.Incidents {
		began := !i.Start.After(x.Time.Add(seenLate)) && (i.End.IsZero() || i.End.After(x.Time))
		if i.Subject == x.Subject && began && j.root(i.Event) == root {
			return j.end(i), true
		}
	}
	return time.Time{}, false
}

// seenLate is how long after something broke its outage may be seen to begin: a
// node is not NotReady before its lease is out.
const seenLate = 2 * time.Minute

// cures says whether a later event mends what f has broken.
func (j *Judge) cures(f, later *Fact) bool {
	if f.Kind == "nsg" {
		return later.Kind == "nsg" && later.Rule == f.Rule
	}
	m := later.Verb.Means()
	undone := m.Effect == timeline.Mends
	if by := f.Verb.Means().UndoneBy; by != nil {
		undone = slices.Contains(by, later.Verb)
	}
	if later.Subject == f.Subject && undone || later.Subject == "all" && later.Verb == "healed" {
		return true
	}
	// A node that is Ready again, or has a new system, has all its parts.
	if f.Node == "" || f.Node != later.Node || later.Kind != "node" || f.Kind == "node" {
		return false
	}
	return m.Anew && later.Act != "iaas"
}
