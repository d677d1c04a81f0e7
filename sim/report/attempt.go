package report

import "time"

// Attempt is something that was tried, or that was due, and has not come about: an upgrade
// that failed, a backup that was missed. It is in the books though nothing was out.
type Attempt struct {
	// What is the act: "failed to upgrade nodepool/nodepool1".
	What string `json:"what"`
	Why  string `json:"why,omitempty"`
	// By is whose act it began with; empty for nobody's.
	By string `json:"by,omitempty"`
	// Event is the number of the last of its events, and At its time. Times counts them.
	Event int64     `json:"event"`
	At    time.Time `json:"at"`
	Times int       `json:"times"`
}

// attempts are those on a timeline, the oldest first. What failed again and again is one.
func attempts(in Input) []Attempt {
	list, seen := []Attempt{}, map[string]int{}
	roots := rootsOf(in)
	for _, e := range in.Events {
		if !e.Verb.Means().Attempt {
			continue
		}
		what := clean(string(e.Verb) + " " + e.Subject)
		n, again := seen[what]
		if !again {
			n = len(list)
			seen[what] = n
			list = append(list, Attempt{What: what})
		}
		a := &list[n]
		a.Why, a.By, a.Event, a.At, a.Times = clean(e.Message), roots[e.Seq], e.Seq, e.Time.UTC(), a.Times+1
	}
	return list
}
