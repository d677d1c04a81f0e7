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

// patch is the patch for one vulnerability in a leader's hands.
type patch struct {
	task
	rec api.CVE
}

// patchAll sees to vulnerabilities: at once when one is published, and at every whole
// minute while one is not mended.
func (o *Operator) patchAll(ctx context.Context, l *Leadership) {
	tasks{woken: o.published, period: lookPeriod, open: func(context.Context) (list []run) {
		if l.State().Resting() {
			return nil // what is off has to wait: woken when it is on again
		}
		for _, c := range CVEs.List(l.State()) {
			if c.State != api.CVEFixed {
				p := &patch{rec: c}
				p.task = task{o: o, l: l, cause: c.Event, record: func() Command { return CVEs.Put(p.rec) }}
				list = append(list, p.step)
			}
		}
		return list
	}}.carryOut(ctx)
}

func cveSubject(c api.CVE) string { return "cve/" + c.ID }

// patchDue is when the provider patches what has a vulnerability.
func patchDue(c api.CVE, mature time.Duration) time.Time {
	return later(c.Published.Add(patchDelay), c.VendorFix.Add(mature))
}

// step does what is due now.
func (p *patch) step(ctx context.Context) error {
	switch c := p.rec; {
	case c.State == api.CVEPublished && (c.Fix == api.FixGuidance || c.Fix == api.FixImage):
		return p.notify(ctx, guidance(c))
	case c.State == api.CVEPublished && !time.Now().Before(patchDue(c, p.o.cfg.VendorFixAge)):
		p.rec.State = api.CVEPatching
		if err := p.save(ctx); err != nil {
			return err
		}
		return p.apply(ctx)
	case c.State == api.CVEPatching: // an earlier leader was at it, or it failed
		return p.apply(ctx)
	case c.State == api.CVENotified || c.State == api.CVEAwaitsReboot:
		return p.checkMended(ctx)
	}
	return nil
}

// become enters a state, and says it.
func (p *patch) become(ctx context.Context, state string, verb timeline.Verb, message string) error {
	p.rec.State = state
	if state == api.CVEFixed {
		p.rec.Fixed = time.Now().UTC()
	}
	return p.enter(ctx, verb, cveSubject(p.rec), message)
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
func (p *patch) notify(ctx context.Context, what string) error {
	p.rec.Notified, p.rec.Guidance = time.Now().UTC(), what
	return p.become(ctx, api.CVENotified, "notified", "the customer is told: "+what)
}

// apply patches what has the vulnerability. Doing it again does no harm.
func (p *patch) apply(ctx context.Context) (err error) {
	switch t := targets[p.rec.Component]; {
	case t.pkg != "":
		return p.patchNodes(ctx)
	case t.addon:
		err = p.o.cfg.Patcher.Relabel(ctx, p.rec.Component, p.rec.Level)
	default:
		err = p.restart(ctx)
	}
	if err != nil {
		return err
	}
	p.rec.Patched = time.Now().UTC()
	return p.become(ctx, api.CVEFixed, "patched", fmt.Sprintf("%s runs the provider's build %s, in every cluster that has it", p.rec.Component, p.rec.Level))
}

// restart restarts all instances of a component, one after the other, each when the
// one before serves.
func (p *patch) restart(ctx context.Context) error {
	p.o.mending.Lock()
	defer p.o.mending.Unlock()
	if unfinished(p.l.State()) != nil {
		return errRestoring
	}
	for _, x := range p.o.cfg.ControlPlane.Components() {
		if x.Name() != p.rec.Component && !strings.HasPrefix(x.Name(), p.rec.Component+"/") {
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
		p.note("patched", x.Name(), fmt.Sprintf("it was restarted with the provider's build %s, for %s", p.rec.Level, p.rec.ID))
	}
	return nil
}

// patchNodes brings the patch to the nodes, and tells the customer what it does not
// mend by itself.
func (p *patch) patchNodes(ctx context.Context) error {
	if err := p.o.cfg.Patcher.Stock(p.rec); err != nil {
		return err
	}
	left := p.o.cfg.Patcher.Roll(p.rec)
	p.rec.Patched = time.Now().UTC()
	exposed := p.o.cfg.Patcher.Vulnerable(p.rec)
	switch {
	case len(exposed) == 0:
		return p.become(ctx, api.CVEFixed, "hot-patched", fmt.Sprintf("%s %s runs on every node, without downtime; the customer is told", p.rec.Package, p.rec.Version))
	case p.rec.Fix == api.FixReboot:
		p.rec.Notified, p.rec.Guidance = p.rec.Patched, "reboot the nodes, or upgrade their image: "+strings.Join(exposed, ", ")
		return p.become(ctx, api.CVEAwaitsReboot, "awaits reboot", fmt.Sprintf("the customer is told to %s; until then they run what has it", p.rec.Guidance))
	}
	var words []string
	for _, node := range slices.Sorted(maps.Keys(left)) {
		words = append(words, node+" ("+left[node]+")")
	}
	return p.notify(ctx, "let the nodes get the patch: "+strings.Join(words, ", "))
}

// checkMended notes that nothing runs any more that has the vulnerability.
func (p *patch) checkMended(ctx context.Context) error {
	mended := p.rec.Version != "" && p.l.State().Cluster.KubernetesVersion == p.rec.Version
	if p.rec.Package != "" {
		mended = len(p.o.cfg.Patcher.Vulnerable(p.rec)) == 0
	}
	if !mended {
		return nil
	}
	return p.become(ctx, api.CVEFixed, "fixed", "nothing runs any more that has it")
}
