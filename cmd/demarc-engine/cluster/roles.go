package cluster

import (
	"cmp"
	"errors"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// may refuses a role what it may not ask of the management API, and puts that on the
// timeline. The pattern is that of a route.
func (c *Cluster) may(by api.Role, pattern string) error {
	route, _ := api.FindRoute(pattern) // every pattern is in the table: a test looks
	return c.noteRefused(by, route.Subject, route.Check(by))
}

// noteRefused puts a refusal on the timeline and hands the error on.
func (c *Cluster) noteRefused(by api.Role, subject string, err error) error {
	var refused *api.Refusal
	if errors.As(err, &refused) {
		c.refusals.Append(timeline.Event{Actor: by.Actor(), Verb: "was refused", Subject: cmp.Or(subject, string(refused.Owner)), Message: refused.Action})
	}
	return err
}
