// Package run plays scenarios: [Play] does what a script says in a [World], looks at
// what is expected, and returns a report. action.go has the table of what each verb
// does, act_*.go what that is; lens.go reads the API server and match.go compares
// its objects.
package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"demarc/scenarios/script"
	"demarc/scenarios/script/check"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// actionTimeout bounds one request of an action, as kubectl would be given up on: not before
// the API server gives up on a webhook, for which it waits for thirty seconds at the most.
const actionTimeout = 45 * time.Second

// run is one run of a script.
type run struct {
	script  *script.Script
	world   World
	kube    *kube
	watches *watches
	emit    func(api.Step)
	report  *api.Report

	ready   time.Time // when the run began: time 0 of the script
	n       int       // steps that were emitted
	lastAct int64     // newest timeline event before the last action
	started []string  // names of the traffic that was started
	stood   []*standing
	outputs outputs
	failed  bool
}

// Play plays a script. Call it when the cluster is ready: that moment is time
// 0 of the script. Each step is given to emit as it happens, if emit is not
// nil. The report says what held; an error means that the scenario could not be
// played, for reasons that are not the scenario's. The report's RealSeconds is
// left to the caller, who knows real time.
func Play(ctx context.Context, s *script.Script, world World, emit func(api.Step)) (*api.Report, error) {
	connect := func() (*kube, error) { return newKube(world.Customer()) }
	return playWith(ctx, s, world, connect, emit)
}

// playWith is Play with clients that connect makes.
func playWith(ctx context.Context, s *script.Script, world World, connect func() (*kube, error), emit func(api.Step)) (*api.Report, error) {
	k, err := connect()
	if err != nil {
		return nil, err
	}
	if emit == nil {
		emit = func(api.Step) {}
	}
	r := &run{script: s, world: world, kube: k, emit: emit, ready: time.Now(), lastAct: world.Timeline().Last().Seq}
	r.report = &api.Report{
		Scenario: s.Name, File: s.File, Title: s.Title, Verdict: api.VerdictHeld,
		Edition: s.Cluster.Edition, Seed: s.Cluster.Seed, Clauses: s.Clauses,
		Expectations: []api.Expectation{}, Traffic: []api.Traffic{}, Incidents: []api.Incident{},
		Backups: []api.Backup{}, Restores: []api.Restore{}, Repairs: []api.Repair{}, Judgements: []api.JudgedIncident{},
		Support: api.NoVerdict(),
	}
	r.watches = newWatches(ctx, connect)
	defer r.watches.close()
	if err := r.steps(ctx); err != nil {
		return nil, err
	}
	return r.report, r.finish()
}

// steps plays all steps. What stands throughout them is over before the first finally.
func (r *run) steps(ctx context.Context) error {
	standing, stop := context.WithCancel(ctx)
	defer stop()
	for _, s := range r.script.Steps {
		if s.Opens == script.Finally {
			if err := r.waitStanding(ctx); err != nil {
				return err
			}
			stop()
		}
		var err error
		if s.Until > 0 && !r.failed {
			r.stand(standing, s)
		} else {
			err = r.step(ctx, s)
		}
		if errors.Is(err, errBroken) {
			r.unreached(s)
		} else if err != nil {
			return err
		}
		if _, err := r.settle(); err != nil {
			return err
		}
	}
	return r.waitStanding(ctx)
}

// unreached notes that a step was not played to its end.
func (r *run) unreached(s script.Step) {
	if s.Expect != nil || s.Refuse != nil {
		r.expectation(s, false, "not reached")
	}
}

// step plays one step. After a failure only finally is still looked at.
func (r *run) step(ctx context.Context, s script.Step) error {
	if s.Opens == script.Narrative {
		if !r.failed {
			r.say(s, "narrative", "")
		}
		return nil
	}
	if r.failed && s.Opens != script.Finally {
		r.unreached(s)
		return nil
	}
	due := time.Now().Add(s.After)
	if s.Opens == script.At {
		due = r.ready.Add(s.At)
	}
	if s.Opens == script.At || s.Opens == script.Then {
		if err := r.wait(ctx, due); errors.Is(err, errBroken) {
			return err
		} else if err != nil {
			return fmt.Errorf("line %d: %w", s.Line, err)
		}
	}
	if s.Act != nil {
		return r.act(ctx, s)
	}
	return r.expect(ctx, s)
}

// act takes an action.
func (r *run) act(ctx context.Context, s script.Step) error {
	r.lastAct = r.world.Timeline().Last().Seq
	if s.Act.Verb.Name == "traffic" {
		r.started = append(r.started, s.Act.Text("name"))
	}
	actCtx, cancel := context.WithTimeout(ctx, actionTimeout+s.Act.Span())
	err := r.do(actCtx, s.Act)
	cancel()
	if ctx.Err() != nil {
		return fmt.Errorf("line %d: %w", s.Line, ctx.Err())
	}
	switch {
	case s.Refuse != nil:
		r.refused(s, err)
	case err != nil:
		r.fail(s, err.Error())
	default:
		r.say(s, "action", "")
	}
	return nil
}

// refused judges an action that is expected to be refused.
func (r *run) refused(s script.Step, err error) {
	switch {
	case err == nil:
		r.fail(s, "it was not refused")
	case !strings.Contains(err.Error(), s.Refuse.Containing):
		r.fail(s, fmt.Sprintf("it was refused, but not with a text that contains %q: %v", s.Refuse.Containing, err))
	default:
		r.expectation(s, true, err.Error())
		r.say(s, "held", err.Error())
	}
}

// say emits a step.
func (r *run) say(s script.Step, kind, seen string) {
	r.n++
	r.emit(api.Step{N: r.n, Kind: kind, Line: s.Line, Text: s.Text, At: api.Duration(time.Since(r.ready)), Seen: seen})
}

// expectation notes how an expectation went.
func (r *run) expectation(s script.Step, held bool, seen string) {
	r.report.Expectations = append(r.report.Expectations, api.Expectation{
		Line: s.Line, Text: s.Text, Held: held, Seen: seen, AtSeconds: time.Since(r.ready).Seconds(),
	})
}

// fail notes that a step failed and explains it.
func (r *run) fail(s script.Step, seen string) {
	r.failed = true
	r.report.Verdict = api.VerdictFailed
	seen = r.explain(s, seen)
	r.expectation(s, false, seen)
	r.say(s, "failed", seen)
}

// record puts something that the customer did on the timeline.
func (r *run) record(verb timeline.Verb, subject string) {
	r.world.Record(timeline.Event{
		Actor: timeline.Customer, Verb: verb, Subject: subject, Message: fmt.Sprintf("the customer %s %s", verb, subject),
	})
}

// finish completes the report.
func (r *run) finish() error {
	r.report.VirtualSeconds = time.Since(r.ready).Seconds()
	for _, name := range r.started {
		rec, ok := r.world.Traffic(name)
		if !ok {
			continue
		}
		r.report.Traffic = append(r.report.Traffic, api.TrafficOf(rec))
	}
	r.report.Incidents = append(r.report.Incidents, r.world.Incidents()...)
	r.report.Backups = append(r.report.Backups, check.SortedBackups(r.world)...)
	r.report.Restores = append(r.report.Restores, r.world.Restores()...)
	r.report.Repairs = append(r.report.Repairs, r.world.Repairs()...)
	k, err := r.world.Contract("")
	if err != nil {
		return err
	}
	r.report.Edition = k.Edition
	r.report.Judgements = append(r.report.Judgements, k.Incidents...)
	r.report.Support = k.Support
	return nil
}
