package operate

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"strings"
	"sync"
	"time"

	"demarc/controlplane/provider"
	"demarc/sim/addon"
	"demarc/sim/api"
	"demarc/sim/clock"
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
	var enforcing sync.WaitGroup
	defer enforcing.Wait()
	enforcing.Go(func() { m.Addons.Enforce(ctx, m.enforced) })
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

// enforced enters that a customer's webhooks are kept from the namespaces of AKS.
func (m *Management) enforced(subject string) {
	at := time.Now()
	clock.Sleep(m.Context, time.Second) // who wrote them is on the timeline when the API server's audit tells
	m.Log.Append(timeline.Event{
		Time: at, Actor: timeline.Provider, Verb: "edited", Subject: subject,
		Message: "the Admissions Enforcer excludes kube-system and AKS's other namespaces from the webhooks of " + subject,
	})
}

// addonRestored enters what was done about an add-on.
func (m *Management) addonRestored(r addon.Repair, record func(api.Repair) error) {
	subject, what := outOf(r), told(r)
	if r.Change == addon.Mutated {
		m.Log.Append(timeline.Event{Actor: timeline.Provider, Verb: "accepted", Subject: subject, Message: what})
		return
	}
	cause := m.broke(&r)
	repair := api.Repair{
		ID: fmt.Sprintf("addon-%s-%s-%s", strings.ToLower(r.Kind), r.Name, r.Detected.UTC().Format("20060102T150405Z")), Subject: subject,
		Cause: what, Event: cause.Seq, Layer: api.LayerAddon, Broken: r.Broken.UTC(), Detected: r.Detected.UTC(),
		Lost: []string{}, Outcome: api.RepairPending,
		Actions: []api.RepairAction{{Action: "reconcile", At: r.Detected.UTC()}},
	}
	e := timeline.Event{Actor: timeline.Provider, Verb: "restored", Subject: subject, Cause: cause.Seq, Message: what}
	if r.Err != nil {
		repair.Actions[0].Error, repair.Reason = r.Err.Error(), r.Err.Error()
		e.Verb, e.Message = "failed to restore", what+"; it cannot be put back: "+r.Err.Error()
	} else {
		repair.Outcome, repair.Healed, repair.Actions[0].Done = api.RepairHealed, r.Restored.UTC(), r.Restored.UTC()
		go m.mendAddon(r)
	}
	m.Log.Append(e)
	if err := record(repair.Timed()); err != nil && m.Context.Err() == nil {
		m.Log.Append(timeline.Event{Actor: timeline.Provider, Verb: "failed to record", Subject: subject, Message: err.Error()})
	}
}

// outOf is what is out when an object is not as it should be: the component that needs it,
// or else the add-on.
func outOf(r addon.Repair) string {
	return cmp.Or(r.Needs, "addon/"+strings.ToLower(r.Kind)+"/"+r.Name)
}

// changed is what was changed, as the timeline has it.
func changed(r addon.Repair) string {
	if r.Needs != "" {
		return path.Join(strings.ToLower(r.Kind), r.Namespace, r.Name)
	}
	return outOf(r)
}

// told is what happened to an object, in words.
func told(r addon.Repair) string {
	name := path.Join(r.Namespace, r.Name)
	what := fmt.Sprintf("%s %s was %s", r.Kind, name, r.Change)
	if r.Change == addon.Foreign {
		what = fmt.Sprintf("%s %s is none of the provider's and claims to be: it has the labels of a managed add-on", r.Kind, name)
	}
	if r.Needs != "" {
		what += ", without which " + r.Needs + " may not do its work"
	}
	if len(r.What) > 0 {
		what += ": " + strings.Join(r.What, ", ")
	}
	if r.By != "" {
		what += " (by field manager " + r.By + ")"
	}
	return what
}

// broke enters the outage that a change has led to, and returns the event of the change.
// Only the customer's people and the provider can change what is in kube-system, and the
// provider did not.
func (m *Management) broke(r *addon.Repair) timeline.Event {
	cause := m.changeOf(*r)
	switch {
	case r.Change == addon.Deleted && cause.Seq != 0 && cause.Time.Before(r.Broken):
		r.Broken = cause.Time
	case cause.Seq == 0:
		cause = m.Log.Append(timeline.Event{Time: r.Broken, Actor: timeline.Customer, Verb: r.Change, Subject: changed(*r), Message: told(*r)})
	}
	if r.Needs != "" {
		m.deprive(r.Needs)
	}
	m.Ledger.Broke(outOf(*r), timeline.Event{Seq: cause.Seq, Actor: timeline.Customer, Message: told(*r)}, r.Broken)
	m.Ledger.Noticed(outOf(*r), r.Detected)
	return cause
}

// mendAddon ends the outage of what was put back when it serves.
func (m *Management) mendAddon(r addon.Repair) {
	m.Ledger.MendWhenWell(m.Context, outOf(r), func(ctx context.Context) error {
		if r.Needs != "" {
			return m.Well(ctx, r.Needs)
		}
		return m.Addons.Serves(ctx, r.Kind, r.Name)
	})
}

// changeOf is the customer's event by which an add-on was changed. It can be as
// much older than the change as a request takes on a clock that runs fast; and of
// what was deleted while the provider had no leader only that knows since when it
// is gone.
func (m *Management) changeOf(r addon.Repair) timeline.Event {
	kind := strings.ToLower(r.Kind)
	const recent, request = 500, 30 * time.Second
	events, _ := m.Log.Since(m.Log.Last().Seq - recent)
	for i := len(events) - 1; i >= 0; i-- {
		e := events[i]
		if e.Time.After(r.Detected) || !concerns(e, kind, r.Name) {
			continue
		}
		if e.Verb == "restored" && e.Actor == timeline.Provider {
			break // whatever was before is mended
		}
		deletion := r.Change == addon.Deleted && (e.Verb == "deleted" || e.Verb == deletedAll)
		if e.Actor == timeline.Customer && (deletion || !e.Time.Before(r.Broken.Add(-request))) {
			return e
		}
	}
	return timeline.Event{}
}

// deletedAll is the verb of who deletes a collection of objects.
const deletedAll timeline.Verb = "deleted all of"

// concerns says whether an event is of an object, or of all of its kind.
func concerns(e timeline.Event, kind, name string) bool {
	of := "/" + e.Subject
	return strings.HasSuffix(of, "/"+name) && strings.Contains(of, "/"+kind+"/") || e.Verb == deletedAll && strings.HasPrefix(of+"/", "/"+kind+"/")
}

// leadAddons gives the provider's plane the loop that keeps the add-ons.
func (m *Management) leadAddons(ctx context.Context, l *provider.Leadership) {
	m.Addons.SetLevels(provider.PatchLevels(l.State()))
	m.keepAddons(ctx, func(r api.Repair) error { return l.Apply(ctx, provider.Repairs.Put(r)) })
}
