package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/timeline"
)

// Texts of the Kubernetes events of node auto-repair, as observed in May 2026;
// the documentation of 2026-07 has other words. End says that the cloud has
// accepted the action, not that the node is healthy.
const (
	startText = "Node auto-repair is initiating a %s action due to NotReady status persisting >5 minutes. Learn more: aka.ms/aks/node-auto-repair"
	endText   = "%s action from node auto-repair has completed. Learn more: aka.ms/aks/node-auto-repair"
	errorText = "Node auto-repair %s action failed due to an operation failure. Learn more: aka.ms/aks/node-auto-repair-errors"
)

// remediator is the actor of auto-repair within AKS.
const remediator = "aks-remediator: "

// allNodes is the subject of the incident that no node is Ready.
const allNodes = "nodes"

// repairer is node auto-repair during one leadership.
type repairer struct {
	o       *Operator
	l       *Leadership
	unready map[string]unreadyNode
	answers time.Time // since when the API server answers at every look
}

// repairNodes looks at the nodes at every whole minute, and once at first, so
// that the first whole minute's look is a new leader's second.
func (o *Operator) repairNodes(ctx context.Context, l *Leadership) {
	r := &repairer{o: o, l: l}
	for ok := true; ok; ok = clock.Sleep(ctx, clock.UntilTick(time.Now(), lookPeriod)) {
		if old := excess(l.State().Repairs); len(old) > 0 && l.Apply(ctx, old...) != nil {
			return
		}
		if err := r.round(ctx); err != nil && ctx.Err() != nil {
			return // whoever leads next goes on
		}
	}
}

// round is one look and what follows from it. Without an answer of the API
// server nothing is judged, and what was seen before does not count any more.
func (r *repairer) round(ctx context.Context) error {
	now := time.Now()
	nodes, err := r.ask(ctx)
	if err != nil {
		r.unready, r.answers = nil, time.Time{}
		return err
	}
	if r.answers.IsZero() {
		r.answers = now
	}
	r.unready = look(r.unready, now, nodes)
	v := view{now: now, answers: r.answers, nodes: nodes, unready: r.unready, records: r.l.State().Repairs, egress: map[string]string{}}
	for node := range openRepairs(v.records) {
		v.egress[node] = r.o.cfg.Cloud.Egress(node)
	}
	if networkFault(nodes) {
		for _, n := range nodes {
			v.egress[n.Name] = r.o.cfg.Cloud.Egress(n.Name)
		}
	}
	if v.settled() {
		r.closeReady(nodes, now)
	}
	for _, s := range decide(v) {
		if err := r.carryOut(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// errRestoring says that the control plane is down on purpose.
var errRestoring = errors.New("a restore is under way")

func (r *repairer) ask(ctx context.Context) ([]Node, error) {
	if unfinished(r.l.State()) != nil {
		return nil, errRestoring
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return r.o.cfg.Nodes.Nodes(ctx)
}

// closeReady ends incidents that the plane has noticed, of nodes that are Ready.
func (r *repairer) closeReady(nodes []Node, seen time.Time) {
	for _, n := range nodes {
		if n.Ready {
			r.close(nodeSubject(n.Name), seen)
			r.o.told.forget(nodeSubject(n.Name))
		}
	}
	if slices.ContainsFunc(nodes, func(n Node) bool { return n.Ready }) {
		r.close(allNodes, seen)
	}
}

func (r *repairer) close(subject string, seen time.Time) {
	if i, ok := r.o.cfg.Ledger.Open(subject); ok && !i.Detected.IsZero() {
		r.o.cfg.Ledger.Close(subject, seen)
	}
}

// carryOut does what was decided. What a record says is in the log before it is
// done or said. An error says that the leadership is over.
func (r *repairer) carryOut(ctx context.Context, s step) error {
	switch s.do {
	case isolate:
		r.o.cfg.Ledger.Find(Finding{Subject: allNodes, Since: s.since, Message: s.why})
		return nil
	case spare:
		if subject := nodeSubject(s.node); r.o.told.first(subject, s.why) {
			r.o.note("does not repair", subject, remediator+s.why)
		}
		return nil
	case detect:
		return r.detect(ctx, s)
	case act:
		return r.act(ctx, s.record)
	case resume:
		return r.finish(ctx, s.record)
	}
	if err := r.l.Apply(ctx, PutRepair(s.record)); err != nil {
		return err
	}
	if s.gone {
		r.close(s.record.Subject, time.Now())
	}
	r.o.noteBecause(s.record.Event, endings[s.do], s.record.Subject, remediator+s.why)
	return nil
}

// endings are the verbs of steps that end a repair.
var endings = map[verdict]timeline.Verb{heal: "repaired", withdraw: "withdrew repair of", giveUp: "gave up on"}

// begun says of an action that it is begun, and failed that it did not succeed.
var (
	begun = map[string]timeline.Verb{
		"reboot": "rebooting", "reimage": "reimaging", "redeploy": "redeploying",
		"cordon": "cordoning", "drain": "draining", "uncordon": "uncordoning",
	}
	failed = map[string]timeline.Verb{
		"reboot": "failed to reboot", "reimage": "failed to reimage", "redeploy": "failed to redeploy",
		"cordon": "failed to cordon", "drain": "failed to drain", "uncordon": "failed to uncordon",
	}
)

// detect enters a node that has been unhealthy for five minutes.
func (r *repairer) detect(ctx context.Context, s step) error {
	rec := s.record
	message := fmt.Sprintf("%s, since %s", rec.Cause, s.since.UTC().Format(time.TimeOnly))
	if cause, event, since, ok := r.o.cfg.Cloud.Broken(s.node); ok {
		rec.Cause, rec.Event, rec.Broken = cause, event, since.UTC()
	}
	i := r.o.cfg.Ledger.Find(Finding{Subject: rec.Subject, Since: s.since, Message: message})
	if rec.Event == 0 {
		rec.Event = i.Event
	}
	return r.l.Apply(ctx, PutRepair(rec))
}

// act puts an action in the log, says so, and asks the cloud for it.
func (r *repairer) act(ctx context.Context, rec api.Repair) error {
	if err := r.l.Apply(ctx, PutRepair(rec)); err != nil {
		return err
	}
	action := rec.Actions[len(rec.Actions)-1].Action
	r.event(ctx, rec.Node, "Warning", action, "Start", fmt.Sprintf(startText, action))
	r.o.noteBecause(rec.Event, begun[action], rec.Subject, fmt.Sprintf("%saction %d of at most %d%s",
		remediator, len(rec.Actions), repairRounds*len(repairActions), blockedEgress(rec.Egress)))
	return r.finish(ctx, rec)
}

// finish asks the cloud for the action of a repair that has not ended, and puts
// the answer in the log. Without an answer it is asked again at the next look.
func (r *repairer) finish(ctx context.Context, rec api.Repair) error {
	n := undone(rec)
	action := rec.Actions[n].Action
	rec, err := r.o.askCloud(ctx, rec, n)
	if errors.Is(err, ErrNoAnswer) {
		return ctx.Err()
	}
	if aerr := r.l.Apply(ctx, PutRepair(rec)); aerr != nil {
		return aerr
	}
	if err != nil {
		r.event(ctx, rec.Node, "Warning", action, "Error", fmt.Sprintf(errorText, action))
		r.o.noteBecause(rec.Event, failed[action], rec.Subject, remediator+err.Error())
		return nil
	}
	r.event(ctx, rec.Node, "Normal", action, "End", fmt.Sprintf(endText, title(action)))
	return nil
}

// event writes a Kubernetes event. It is best effort, as in Kubernetes.
func (r *repairer) event(ctx context.Context, node, eventType, action, phase, message string) {
	ask(ctx, func(ctx context.Context) error {
		return r.o.cfg.Nodes.Event(ctx, autoRepairSource, node, eventType, "Node"+title(action)+phase, message)
	})
}

func title(action string) string { return strings.ToUpper(action[:1]) + action[1:] }

// ErrNoAnswer says that it is not known whether the cloud has accepted an action.
var ErrNoAnswer = errors.New("the cloud does not answer")

// askCloud asks the cloud for the n-th action of a repair, and returns the repair
// with the answer in it, and the error if it was refused.
func (o *Operator) askCloud(ctx context.Context, rec api.Repair, n int) (api.Repair, error) {
	actx, cancel := context.WithTimeout(ctx, askTimeout)
	lost, err := o.cfg.Cloud.Act(actx, rec.Node, rec.Actions[n].Action, actionKey(rec, n), rec.Event)
	unanswered := err != nil && actx.Err() != nil || errors.Is(err, ErrNoAnswer)
	cancel()
	if unanswered {
		return rec, ErrNoAnswer
	}
	rec.Lost = append(rec.Lost[:len(rec.Lost):len(rec.Lost)], lost...)
	return withDone(rec, n, func(a *api.RepairAction) {
		if err != nil {
			a.Error = err.Error()
		}
	}), err
}
