package operate

import (
	"context"
	"fmt"
	"strings"
	"time"

	"demarc/controlplane/provider"
	"demarc/sim/addon"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// keepAddons is the loop of the provider's leader that keeps the managed
// add-ons, from when they are installed.
func (m *Management) keepAddons(ctx context.Context, record func(api.Repair) error) {
	select {
	case <-m.Installed:
	case <-ctx.Done():
		return
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := m.Addons.Run(ctx); err != nil && ctx.Err() == nil {
			m.Log.Append(timeline.Event{Actor: timeline.Provider, Verb: "failed to reconcile", Subject: "addons", Message: err.Error()})
		}
	}()
	for {
		select {
		case r := <-m.Repaired:
			m.addonRestored(r, record)
		case <-ended:
			return
		}
	}
}

// addonRestored enters what was done about an add-on.
func (m *Management) addonRestored(r addon.Repair, record func(api.Repair) error) {
	subject := "addon/" + strings.ToLower(r.Kind) + "/" + r.Name
	what := fmt.Sprintf("%s kube-system/%s was %s", r.Kind, r.Name, r.Change)
	if r.Change == addon.Foreign {
		what = fmt.Sprintf("%s kube-system/%s is none of the provider's and claims to be: it has the labels of a managed add-on", r.Kind, r.Name)
	}
	if len(r.What) > 0 {
		what += ": " + strings.Join(r.What, ", ")
	}
	if r.By != "" {
		what += " (by field manager " + r.By + ")"
	}
	if r.Change == addon.Mutated {
		m.Log.Append(timeline.Event{Actor: timeline.Provider, Verb: "accepted", Subject: subject, Message: what})
		return
	}
	// Only the customer's people and the provider can change what is in
	// kube-system, and the provider did not.
	cause := m.changeOf(r)
	switch {
	case r.Change == addon.Deleted && cause.Seq != 0 && cause.Time.Before(r.Broken):
		r.Broken = cause.Time
	case cause.Seq == 0:
		cause = m.Log.Append(timeline.Event{Time: r.Broken, Actor: timeline.Customer, Verb: r.Change, Subject: subject, Message: what})
	}
	m.Ledger.Broke(subject, timeline.Event{Seq: cause.Seq, Actor: timeline.Customer, Message: what}, r.Broken)
	m.Ledger.Noticed(subject, r.Detected)
	repair := api.Repair{
		ID: fmt.Sprintf("addon-%s-%s-%s", strings.ToLower(r.Kind), r.Name, r.Detected.UTC().Format("20060102T150405Z")), Subject: subject,
		Cause: what, Event: cause.Seq, Layer: api.LayerAddon, Broken: r.Broken.UTC(), Detected: r.Detected.UTC(),
		Lost: []string{}, Outcome: api.RepairPending,
		Actions: []api.RepairAction{{Action: "reconcile", At: r.Detected.UTC()}},
	}
	e := timeline.Event{Actor: timeline.Provider, Verb: "restored", Subject: subject, Cause: cause.Seq, Message: what}
	if r.Err != nil {
		repair.Actions[0].Error, repair.Reason = r.Err.Error(), r.Err.Error()
		e.Verb, e.Message = "failed to restore", what+"; the API server refuses: "+r.Err.Error()
	} else {
		repair.Outcome, repair.Healed, repair.Actions[0].Done = api.RepairHealed, r.Restored.UTC(), r.Restored.UTC()
		go m.Ledger.MendWhenWell(m.Context, subject, func(ctx context.Context) error { return m.Addons.Serves(ctx, r.Kind, r.Name) })
	}
	m.Log.Append(e)
	if err := record(repair.Timed()); err != nil && m.Context.Err() == nil {
		m.Log.Append(timeline.Event{Actor: timeline.Provider, Verb: "failed to record", Subject: subject, Message: err.Error()})
	}
}

// changeOf is the customer's event by which an add-on was changed. It can be as
// much older than the change as a request takes on a clock that runs fast; and of
// what was deleted while the provider had no leader only that knows since when it
// is gone.
func (m *Management) changeOf(r addon.Repair) timeline.Event {
	const recent, request = 500, 30 * time.Second
	events, _ := m.Log.Since(m.Log.Last().Seq - recent)
	for i := len(events) - 1; i >= 0; i-- {
		e := events[i]
		if !strings.HasSuffix(e.Subject, "/"+r.Name) || e.Time.After(r.Detected) {
			continue
		}
		if e.Verb == "restored" && e.Actor == timeline.Provider {
			break // whatever was before is mended
		}
		deletion := r.Change == addon.Deleted && e.Verb == "deleted"
		if e.Actor == timeline.Customer && (deletion || !e.Time.Before(r.Broken.Add(-request))) {
			return e
		}
	}
	return timeline.Event{}
}

// leadAddons gives the provider's plane the loop that keeps the add-ons.
func (m *Management) leadAddons(ctx context.Context, l *provider.Leadership) {
	m.Addons.SetLevels(provider.PatchLevels(l.State()))
	m.keepAddons(ctx, func(r api.Repair) error { return l.Apply(ctx, provider.Repairs.Put(r)) })
}
