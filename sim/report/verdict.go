package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// verdict is the whole in two or three sentences: what was out and whose, how it
// was healed and what was lost, and whether the cluster is supported.
func verdict(r Report) []string {
	list := []string{availability(r)}
	if r.StoppedMinutes > 0 {
		list = append(list, "For "+spanOf(r.StoppedMinutes)+" of it the customer had the cluster stopped: that is no outage.")
	}
	if s := healing(r); s != "" {
		list = append(list, s)
	}
	if s := standing(r); s != "" {
		list = append(list, s)
	}
	return list
}

func availability(r Report) string {
	var parts []string
	if r.APIServer.Minutes.Total > 0 {
		parts = append(parts, ofAPIServer(r.APIServer))
	}
	if n := len(r.Outages); n > 0 {
		worst := slices.MaxFunc(r.Outages, func(a, b Outage) int { return cmp.Compare(a.Minutes.Total, b.Minutes.Total) })
		text := fmt.Sprintf("%s was out for %s (%s)", worst.Subject, spanOf(worst.Minutes.Total), split(worst.Minutes))
		if n > 1 {
			things := "other things"
			if len(parts) == 0 {
				things = "things"
			}
			text = fmt.Sprintf("%d %s were out, the longest of them %s for %s (%s)", n, things, worst.Subject, spanOf(worst.Minutes.Total), split(worst.Minutes))
		}
		parts = append(parts, text)
	}
	said := "nothing was out"
	if len(parts) > 0 {
		said = strings.Join(parts, ", and ")
	}
	if r.Sent > 0 {
		said += fmt.Sprintf("; %d of %d requests failed", r.Failed, r.Sent)
		if by := r.FailedBy.Text(); by != "" {
			said += " (" + by + ")"
		}
	}
	return "In " + spanOf(r.To.Sub(r.From).Minutes()) + " " + said + "."
}

// split says whose minutes of an outage were.
func split(m Minutes) string {
	var parts []string
	for _, owner := range Owners {
		if n := m.of(owner); n > 0 {
			parts = append(parts, spanOf(n)+" "+possessive(owner))
		}
	}
	return strings.Join(parts, ", ")
}

// Text says whose requests failed: "4 the provider's, 2 the customer's"; empty if none did.
func (r Requests) Text() string {
	var parts []string
	for _, x := range []struct {
		n     int64
		owner string
	}{{r.Provider, OwnerProvider}, {r.Shared, OwnerShared}, {r.Customer, OwnerCustomer}} {
		if x.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", x.n, possessive(x.owner)))
		}
	}
	return strings.Join(parts, ", ")
}

func possessive(owner string) string {
	if owner == OwnerShared {
		return "nobody's alone"
	}
	return "the " + owner + "'s"
}

func healing(r Report) string {
	var said []string
	if n := len(r.Incidents); n > 0 {
		open := 0
		var slowest Incident
		for _, i := range r.Incidents {
			if i.End.IsZero() {
				open++
			} else if i.HealedAfterSeconds > slowest.HealedAfterSeconds {
				slowest = i
			}
		}
		said = append(said, count(n, "incident", "incidents")+", of which "+count(n-open, "is", "are")+" over")
		if slowest.ID != "" {
			said = append(said, fmt.Sprintf("the slowest to heal, %s of %s, took %s", slowest.ID, slowest.Subject, spanOf(slowest.HealedAfterSeconds/60)))
			if both := slowest.prolonged(); both != "" {
				said[len(said)-1] += ", " + both
			}
		}
	}
	if n := len(r.Lost); n > 0 {
		text := count(n, "thing was", "things were") + " lost for good"
		worst := slices.MaxFunc(r.Lost, func(a, b Loss) int { return cmp.Compare(a.RPOSeconds, b.RPOSeconds) })
		if rpo := worst.RPOSeconds; rpo > 0 {
			text += ", with " + spanOf(rpo/60) + " of the API server's past"
		}
		said = append(said, text)
	} else if len(r.Incidents) > 0 {
		said = append(said, "nothing is known to be lost")
	}
	if len(said) == 0 {
		return ""
	}
	return "There " + isWas(len(r.Incidents)) + strings.Join(said, "; ") + "."
}

// isWas begins a sentence about a number of incidents.
func isWas(n int) string {
	switch n {
	case 0:
		return "was no incident; "
	case 1:
		return "was "
	}
	return "were "
}

func standing(r Report) string {
	s := r.Support
	switch {
	case s.State == "":
		return ""
	case s.State == supported:
		away := s.Minutes[atRisk] + s.Minutes[unsupported]
		if away == 0 {
			return "The cluster was supported all the time."
		}
		return "The cluster is supported again, after " + spanOf(away) + " in which it was not plainly so."
	case len(s.Reasons) == 0:
		return "The cluster is " + stateText(s.State) + "."
	}
	x := s.Reasons[0]
	text := "The cluster is " + stateText(s.State) + ": " + reasonText(x, strings.TrimSuffix(x.Sentence, "."))
	if x.WayBack != "" {
		text += "; the way back: " + strings.TrimSuffix(x.WayBack, ".")
	}
	return text + "."
}

func stateText(state string) string {
	if state == atRisk {
		return "supported, but at risk"
	}
	return state
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// spanOf writes minutes as people say them: 45s, 12m, 1h30m, 3d4h.
func spanOf(minutes float64) string {
	d := time.Duration(minutes * float64(time.Minute)).Round(time.Second)
	if d == 0 && minutes > 0 {
		return "less than 1s"
	}
	if d >= 24*time.Hour {
		d = d.Round(time.Hour)
		return strings.TrimSuffix(fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour), "d0h") + days(d)
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// days is the unit of whole days, which has been cut off with the hours.
func days(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return "d"
	}
	return ""
}
