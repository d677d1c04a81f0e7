package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/timeline"
)

// event puts something about a vulnerability on the timeline and returns its number.
func (o *Operator) event(cause int64, verb timeline.Verb, c api.CVE, message string) int64 {
	return o.cfg.Note(timeline.Event{Actor: timeline.Provider, Verb: verb, Subject: "cve/" + c.ID, Cause: cause, Message: message}).Seq
}

// patchAll sees to vulnerabilities: at once when one is published, and at every whole
// minute while one is not mended.
func (o *Operator) patchAll(ctx context.Context, l *Leadership) {
	for {
		open := false
		for _, c := range cveList(l.State().CVEs) {
			if c.State == api.CVEFixed {
				continue
			}
			open = true
			if err := o.seeTo(ctx, l, c); err != nil && ctx.Err() != nil {
				return // whoever leads next goes on
			}
		}
		wait := make(<-chan time.Time) // for ever
		if open {
			wait = time.After(clock.UntilTick(time.Now(), lookPeriod))
		}
		select {
		case <-ctx.Done():
			return
		case <-o.published:
		case <-wait:
		}
	}
}

// patchDue is when the provider patches what has a vulnerability.
func patchDue(c api.CVE, mature time.Duration) time.Time {
	due := c.Published.Add(patchDelay)
	if ripe := c.VendorFix.Add(mature); ripe.After(due) {
		return ripe
	}
	return due
}

// seeTo does what is due about one vulnerability. What its record says is in the log
// before it is done or said.
func (o *Operator) seeTo(ctx context.Context, l *Leadership, c api.CVE) error {
	switch {
	case c.State == api.CVEPublished && (c.Fix == api.FixGuidance || c.Fix == api.FixImage):
		return o.notify(ctx, l, c, guidance(c))
	case c.State == api.CVEPublished && !time.Now().Before(patchDue(c, o.cfg.VendorFixAge)):
		c.State = api.CVEPatching
		if err := l.Apply(ctx, PutCVE(c)); err != nil {
			return err
		}
		return o.patch(ctx, l, c)
	case c.State == api.CVEPatching: // an earlier leader was at it, or it failed
		return o.patch(ctx, l, c)
	case c.State == api.CVENotified || c.State == api.CVEAwaitsReboot:
		return o.checkMended(ctx, l, c)
	}
	return nil
}

// guidance is what the customer is told.
func guidance(c api.CVE) string {
	switch {
	case c.Guidance != "":
		return c.Guidance
	case c.Fix == api.FixImage:
		return fmt.Sprintf("upgrade the node image to %s or newer", c.Image)
	case c.Version != "":
		return "upgrade to " + c.Version
	}
	return "upgrade as the notice says"
}

// notify tells the customer what is theirs to do.
func (o *Operator) notify(ctx context.Context, l *Leadership, c api.CVE, what string) error {
	c.State, c.Notified, c.Guidance = api.CVENotified, time.Now().UTC(), what
	if err := l.Apply(ctx, PutCVE(c)); err != nil {
		return err
	}
	o.event(c.Event, "notified", c, "the customer is told: "+what)
	return nil
}

// patch patches what has a vulnerability. Doing it again does no harm.
func (o *Operator) patch(ctx context.Context, l *Leadership, c api.CVE) error {
	t := targets[c.Component]
	switch {
	case t.pkg != "":
		return o.patchNodes(ctx, l, c)
	case t.addon:
		if err := o.cfg.Patcher.Relabel(ctx, c.Component, c.Level); err != nil {
			return err
		}
	default:
		if err := o.restartPatched(ctx, l, c); err != nil {
			return err
		}
	}
	c.State, c.Patched = api.CVEFixed, time.Now().UTC()
	c.Fixed = c.Patched
	if err := l.Apply(ctx, PutCVE(c)); err != nil {
		return err
	}
	o.event(c.Event, "patched", c, fmt.Sprintf("%s runs the provider's build %s, in every cluster that has it", c.Component, c.Level))
	return nil
}

// restartPatched restarts all instances of a component, one after the other, each
// when the one before serves.
func (o *Operator) restartPatched(ctx context.Context, l *Leadership, c api.CVE) error {
	o.mending.Lock()
	defer o.mending.Unlock()
	if unfinished(l.State()) != nil {
		return errRestoring
	}
	for _, x := range o.cfg.ControlPlane.Components() {
		if x.Name() != c.Component && !strings.HasPrefix(x.Name(), c.Component+"/") {
			continue
		}
		rctx, cancel := context.WithTimeout(ctx, restartTimeout)
		err := x.Restart(rctx, x.Life())
		for err == nil && x.Healthy(rctx) != nil && clock.Sleep(rctx, time.Second) {
			continue
		}
		if err == nil {
			err = rctx.Err()
		}
		cancel()
		if err != nil {
			return fmt.Errorf("patch %s: %w", x.Name(), err)
		}
		o.noteBecause(c.Event, "patched", x.Name(), fmt.Sprintf("it was restarted with the provider's build %s, for %s", c.Level, c.ID))
	}
	return nil
}

// patchNodes brings the patch to the nodes, and tells the customer what it does not
// mend by itself.
func (o *Operator) patchNodes(ctx context.Context, l *Leadership, c api.CVE) error {
	if err := o.cfg.Patcher.Stock(c); err != nil {
		return err
	}
	left := o.cfg.Patcher.Roll(c)
	c.Patched = time.Now().UTC()
	exposed := o.cfg.Patcher.Vulnerable(c)
	switch {
	case len(exposed) == 0:
		c.State, c.Fixed = api.CVEFixed, c.Patched
		if err := l.Apply(ctx, PutCVE(c)); err != nil {
			return err
		}
		o.event(c.Event, "hot-patched", c, fmt.Sprintf("%s %s runs on every node, without downtime; the customer is told", c.Package, c.Version))
		return nil
	case c.Fix == api.FixReboot:
		c.State, c.Notified = api.CVEAwaitsReboot, c.Patched
		c.Guidance = "reboot the nodes, or upgrade their image: " + strings.Join(exposed, ", ")
		if err := l.Apply(ctx, PutCVE(c)); err != nil {
			return err
		}
		o.event(c.Event, "awaits reboot", c, fmt.Sprintf("the customer is told to %s; until then they run what has it", c.Guidance))
		return nil
	}
	var words []string
	for _, node := range slices.Sorted(maps.Keys(left)) {
		words = append(words, node+" ("+left[node]+")")
	}
	return o.notify(ctx, l, c, "let the nodes get the patch: "+strings.Join(words, ", "))
}

// checkMended notes that nothing runs any more that has a vulnerability.
func (o *Operator) checkMended(ctx context.Context, l *Leadership, c api.CVE) error {
	switch {
	case c.Package != "":
		if len(o.cfg.Patcher.Vulnerable(c)) > 0 {
			return nil
		}
	case c.Version == "" || l.State().Cluster.KubernetesVersion != c.Version:
		return nil
	}
	c.State, c.Fixed = api.CVEFixed, time.Now().UTC()
	if err := l.Apply(ctx, PutCVE(c)); err != nil {
		return err
	}
	o.event(c.Event, "fixed", c, "nothing runs any more that has it")
	return nil
}
