package desk

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"demarc/controlplane/provider"
	"demarc/sim/api"
	"demarc/sim/desk"
	"demarc/sim/policy"
	"demarc/sim/timeline"
)

// deskLooks is how often the desk looks whether something that it waits for has
// happened which no entry of the log tells of.
const deskLooks = time.Minute

// Lead is the loop of the provider's leader that works on support cases. All that
// it goes by is in the log, so that the next leader goes on where it ends. It reads what
// tells of changes: the leader's own replica may be behind that for a moment.
func (d *Desk) Lead(ctx context.Context, l *provider.Leadership) {
	select {
	case <-d.Installed:
	case <-ctx.Done():
		return
	}
	for {
		changed := d.Replicas.Changed()
		next, err := d.workOnAll(ctx, l)
		if err != nil && ctx.Err() == nil {
			d.Log.Append(timeline.Event{Actor: timeline.Provider, Verb: "failed to answer", Subject: "cases", Message: err.Error()})
			changed = nil // not at once again
		}
		timer := time.NewTimer(next)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// workOnAll does what is due, and says when something may be due again.
func (d *Desk) workOnAll(ctx context.Context, l *provider.Leadership) (next time.Duration, err error) {
	next = 24 * time.Hour
	for _, x := range d.Cases() {
		wait, err := d.workOn(ctx, l, x)
		if err != nil {
			return deskLooks, fmt.Errorf("case %s: %w", x.ID, err)
		}
		if wait > 0 {
			next = min(next, wait)
		}
	}
	return next, nil
}

// workOn does what is due for one case, and says how long to wait before the next look
// at it; 0 if only the log will tell.
func (d *Desk) workOn(ctx context.Context, l *provider.Leadership, x api.Case) (time.Duration, error) {
	switch {
	case x.State == api.CaseOpened:
		if wait := time.Until(x.Opened.Add(desk.AnswersAfter(x.Severity))); wait > 0 {
			return wait, nil
		}
		return 0, d.answer(ctx, l, x, nil)
	case x.State == api.CaseWaitsForConsent && d.consented(x):
		look, err := d.lookAt(ctx, x.WaitsFor)
		if look == nil || err != nil { // the consent has ended meanwhile
			return deskLooks, err
		}
		return 0, d.answer(ctx, l, x, look)
	case x.State == api.CaseWaitsForCustomer && x.Verdict.Coverage == policy.VoidsSupport:
		k, err := d.Contract(x.Edition)
		if err != nil || k.Support.State == policy.StateUnsupported {
			return deskLooks, err
		}
		return 0, d.answer(ctx, l, x, nil)
	case x.State == api.CaseEscalated:
		return 0, d.change(x, func() error { return d.followRestart(ctx, l, x) })
	}
	return 0, nil
}

// change changes a case as the desk has found that it must be. If the customer has
// changed it since the desk has read it, nothing is done: the log tells the desk of that,
// and it looks again.
func (d *Desk) change(x api.Case, do func() error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	same := func(now api.Case) bool { return reflect.DeepEqual(now, x) }
	if !slices.ContainsFunc(d.Cases(), same) {
		return nil
	}
	return do()
}

// answer answers a case from what is seen now. What takes its time comes first, so
// that no customer waits for it.
func (d *Desk) answer(ctx context.Context, l *provider.Leadership, x api.Case, look *desk.Look) error {
	e, err := policy.Lookup(cmp.Or(x.Edition, d.Edition))
	if err != nil {
		return err
	}
	ev, err := d.evidence(ctx, x)
	if err != nil {
		return err
	}
	ev.Look = look
	asked := x
	if look != nil {
		asked.Looked = look.At
	}
	a, err := desk.Reply(e, asked, ev)
	if err != nil {
		return err
	}
	return d.change(x, func() error { return d.putAnswer(ctx, l, asked, a) })
}

// putAnswer enters what the desk answers; the caller holds the cases.
func (d *Desk) putAnswer(ctx context.Context, l *provider.Leadership, x api.Case, a desk.Answer) error {
	x.State, x.Subject, x.Verdict, x.Asks, x.WaitsFor, x.Restarts, x.Upstream = a.State, a.Subject, a.Verdict, a.Asks, a.WaitsFor, a.Restarts, a.Upstream
	x.Findings = slices.Concat([]api.CaseFinding{}, a.Findings)
	x.Answered = time.Now().UTC()
	text := a.Text
	if a.Asks != "" {
		text += " Support asks you: " + a.Asks + "."
	}
	x = said(x, api.RoleProvider, text)
	if a.Final() {
		x.State = api.CaseAnswered
	}
	if err := put(ctx, l.Apply, x); err != nil {
		return err
	}
	d.note(ctx, timeline.Provider, "answered", x, x.State+": "+text)
	if !a.Final() {
		return nil
	}
	_, err := d.close(ctx, l.Apply, x, api.RoleProvider, "The question is answered.")
	return err
}

// consented says whether the customer lets support look at the node that a case waits
// for: by a consent that is in force and names the case.
func (d *Desk) consented(x api.Case) bool {
	now := time.Now()
	return slices.ContainsFunc(d.Operator.Consents(d.Replicas), func(g api.Consent) bool {
		return x.Names(g.Case) && (g.Node == x.WaitsFor || g.Node == "*") && g.Revoked.IsZero() && now.Before(g.Expires)
	})
}

// followRestart goes on when the restart that a case asked for is over.
func (d *Desk) followRestart(ctx context.Context, l *provider.Leadership, x api.Case) error {
	r, ok := d.Replicas.State().Repairs[x.Repair]
	switch {
	case ok && r.Outcome == api.RepairPending:
		return nil
	case ok && r.Outcome == api.RepairHealed:
		_, err := d.close(ctx, l.Apply, x, api.RoleProvider, "node/"+x.Restarts+" was restarted and is Ready.")
		return err
	}
	x.State = api.CaseAnswered
	x = said(x, api.RoleProvider, "The restart of node/"+x.Restarts+" did not succeed: "+r.Reason+".")
	if err := put(ctx, l.Apply, x); err != nil {
		return err
	}
	d.note(ctx, timeline.Provider, "answered", x, "the restart did not succeed: "+r.Reason)
	return nil
}
