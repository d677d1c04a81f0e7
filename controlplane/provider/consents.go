package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/timeline"
)

// Bounds of a consent's duration.
const (
	minConsent = time.Minute
	maxConsent = 7 * 24 * time.Hour
)

// everyNode is a consent's node if it is for all of them.
const everyNode = "*"

// ErrUnknownConsent says that there is no consent of that ID.
var ErrUnknownConsent error = api.Errorf(http.StatusNotFound, "there is no such consent")

// NoConsent is the code of the error that support has no consent for a node. Its people
// cannot log in to nodes, run commands there or read logs before the customer has
// explicitly approved it (Microsoft, "Support policies for Azure Kubernetes Service",
// 2019-04-01, on shared responsibility).
const NoConsent = "ConsentRequired"

// noConsent is that error; last is the consent for the node that was valid last, if there
// was one.
func noConsent(node string, last api.Consent) error {
	was := "there never was one"
	switch {
	case last.ID == "":
	case !last.Revoked.IsZero():
		was = fmt.Sprintf("the last one, %s, was revoked at %s", last.ID, last.Revoked.UTC().Format(time.RFC3339))
	default:
		was = fmt.Sprintf("the last one, %s, expired at %s", last.ID, last.Expires.UTC().Format(time.RFC3339))
	}
	err := api.Errorf(http.StatusForbidden, "support cannot log in to node %s, run commands on it or read its logs without the customer's explicit, "+
		"unexpired consent: %s; the customer grants one with: demarc consent grant %s --for 1h", node, was, node)
	err.Code = NoConsent
	return err
}

// Grant puts the customer's consent in the log, for one node or for "*", and for
// a duration of 1 minute to 7 days. It returns when it is valid.
func (o *Operator) Grant(ctx context.Context, r *Replicas, node, forCase string, d time.Duration) (api.Consent, error) {
	switch {
	case node == "":
		return api.Consent{}, errors.New(`a consent names a node, or "*" for every node`)
	case d < minConsent || d > maxConsent:
		return api.Consent{}, fmt.Errorf("a consent for %s: it can last from 1 minute to 7 days (168h)", d)
	}
	o.asking.Lock()
	defer o.asking.Unlock()
	now := time.Now().UTC()
	c := api.Consent{ID: newID("c", r.State().Consents, now), Node: node, Case: forCase, Granted: now, Expires: now.Add(d)}
	if err := r.Apply(ctx, Consents.Put(c)); err != nil {
		return c, err
	}
	message := fmt.Sprintf("%s: support may log in, run commands and read logs until %s", c.ID, c.Expires.Format(time.RFC3339))
	if forCase != "" {
		message += ", for case " + forCase
	}
	o.asked(ctx, 0, "granted consent", consentSubject(c), message)
	return c, nil
}

func consentSubject(c api.Consent) string {
	if c.Node == everyNode {
		return allNodes
	}
	return nodeSubject(c.Node)
}

// Revoke ends a consent at once. The error is [ErrUnknownConsent], or says that
// the consent had ended before.
func (o *Operator) Revoke(ctx context.Context, r *Replicas, id string) error {
	o.asking.Lock()
	defer o.asking.Unlock()
	now := time.Now().UTC()
	c, ok := r.State().Consents[id]
	switch {
	case !ok:
		return fmt.Errorf("%w: %q; demarc consent list lists them", ErrUnknownConsent, id)
	case !c.Revoked.IsZero():
		return fmt.Errorf("consent %s was revoked at %s already", id, c.Revoked.UTC().Format(time.RFC3339))
	case !valid(c, now):
		return fmt.Errorf("consent %s expired at %s already", id, c.Expires.UTC().Format(time.RFC3339))
	}
	c.Revoked = now
	if err := r.Apply(ctx, Consents.Put(c)); err != nil {
		return err
	}
	o.asked(ctx, 0, "revoked consent", consentSubject(c), c.ID)
	return nil
}

// Consents are all consents, those that have ended too, oldest first.
func (o *Operator) Consents(r *Replicas) []api.Consent { return Consents.List(r.State()) }

// UseConsent lets support do something on a node: what says what. The use is in
// the log before it returns. Without a consent the error has the code [NoConsent], and
// support must not do it; nor with any other error.
func (o *Operator) UseConsent(ctx context.Context, r *Replicas, node, what string) (api.Consent, error) {
	o.asking.Lock()
	defer o.asking.Unlock()
	if _, err := o.endExpired(ctx, r.Apply, r.State().Consents); err != nil {
		return api.Consent{}, err
	}
	c, ok := consentFor(r.State().Consents, node, time.Now())
	if !ok {
		return api.Consent{}, noConsent(node, c)
	}
	c.Uses++
	if err := r.Apply(ctx, Consents.Put(c)); err != nil {
		return api.Consent{}, err
	}
	o.note("used consent", nodeSubject(node), fmt.Sprintf("%s: %s", c.ID, what))
	return c, nil
}

// consentFor is a consent for a node that is valid, rather for it alone than for
// every node; or, if there is none, the one that was valid last.
func consentFor(records map[string]api.Consent, node string, now time.Time) (c api.Consent, ok bool) {
	list := slices.DeleteFunc(Consents.sorted(records), func(c api.Consent) bool { return c.Node != node && c.Node != everyNode })
	if len(list) == 0 {
		return c, false
	}
	c = slices.MaxFunc(list, func(a, b api.Consent) int {
		return cmp.Or(number(valid(a, now))-number(valid(b, now)),
			number(valid(a, now) && a.Node == node)-number(valid(b, now) && b.Node == node), ended(a).Compare(ended(b)))
	})
	return c, valid(c, now)
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// valid says whether a consent is in force. One that was seen to have expired is not,
// even if the clock has gone back since.
func valid(c api.Consent, now time.Time) bool { return c.Expired.IsZero() && now.Before(ended(c)) }

// ended is when a consent ends, or has ended.
func ended(c api.Consent) time.Time { return cmp.Or(c.Revoked, c.Expires) }

// expireConsents notes when consents expire: at that time, or at the next whole
// minute if it did not know of them before.
func (o *Operator) expireConsents(ctx context.Context, l *Leadership) {
	for {
		o.asking.Lock()
		next, err := o.endExpired(ctx, l.Apply, l.State().Consents)
		o.asking.Unlock()
		if err != nil || !clock.Sleep(ctx, time.Until(next)) {
			return
		}
	}
}

// endExpired puts in the log what has expired since it was looked for last, and says when
// to look again. The caller holds asking.
func (o *Operator) endExpired(ctx context.Context, apply func(context.Context, ...Command) error, records map[string]api.Consent) (next time.Time, err error) {
	expired, next := expiry(records, time.Now())
	for _, c := range expired {
		c.Expired = time.Now().UTC()
		if err := apply(ctx, Consents.Put(c)); err != nil {
			return next, err
		}
		// Nothing led to it but time: not what its node suffers from.
		o.cfg.Note(timeline.Event{Actor: timeline.Provider, Verb: "consent expired", Subject: consentSubject(c), Message: c.ID})
	}
	return next, nil
}

// expiry is what has expired and was not noted yet, and when to look again: at
// the next whole minute, or earlier if a consent expires.
func expiry(records map[string]api.Consent, now time.Time) (expired []api.Consent, next time.Time) {
	next = now.Add(clock.UntilTick(now, lookPeriod))
	for _, c := range Consents.sorted(records) {
		switch {
		case !c.Revoked.IsZero() || !c.Expired.IsZero():
		case !valid(c, now):
			expired = append(expired, c)
		case c.Expires.Before(next):
			next = c.Expires
		}
	}
	return expired, next
}
