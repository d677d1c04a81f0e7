package policy

import (
	"fmt"
	"strings"
	"time"
)

// partyNames are the owners of an outage as those who broke or prolonged it.
var partyNames = map[string]string{Provider: "the provider", Customer: "the customer", Upstream: "upstream", Shared: "nobody alone"}

// prolonged says of an outage that is several owners', one after the other, who broke it
// and who prolonged it, how long each, and why; it is empty if it is one owner's.
func prolonged(shares []Share) string {
	var owners []string
	first, lasted := map[string]Share{}, map[string]time.Duration{}
	for _, s := range shares {
		if _, known := first[s.Owner]; !known {
			owners, first[s.Owner] = append(owners, s.Owner), s
		}
		lasted[s.Owner] += s.To.Sub(s.From)
	}
	if len(owners) < 2 {
		return ""
	}
	text := fmt.Sprintf(" Broken by %s (%s)", partyNames[owners[0]], span(lasted[owners[0]]))
	for _, o := range owners[1:] {
		text += fmt.Sprintf(" and prolonged by %s (%s, from %s on): %s", partyNames[o], span(lasted[o]), stamp(first[o].From), strings.TrimSuffix(first[o].Why, "."))
	}
	return text + "."
}
