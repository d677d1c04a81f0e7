package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

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
	tasks{period: lookPeriod, open: r.open}.carryOut(ctx)
}

// open is the steps that follow from a look. Without an answer of the API
// server nothing is judged, and what was seen before does not count any more.
func (r *repairer) open(ctx context.Context) (steps []run) {
	now := time.Now()
	nodes, err := r.look(ctx)
	if err != nil {
		r.unready, r.answers = nil, time.Time{}
		return nil
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
		steps = append(steps, func(ctx context.Context) error { return r.carryOut(ctx, s) })
	}
	return steps
}

// errRestoring and errStopped say that the control plane is down on purpose, or may be.
var (
	errRestoring = errors.New("a restore is under way")
	errStopped   = errors.New("the cluster is stopped, or on its way there or back")
)

// look asks the API server, unless it is down on purpose, and makes room for new repairs.
func (r *repairer) look(ctx context.Context) ([]Node, error) {
	if old := excess(r.l.State().Repairs); len(old) > 0 {
		if err := r.l.Apply(ctx, old...); err != nil {
			return nil, err
		}
	}
	switch s := r.l.State(); {
	case unfinished(s) != nil:
		return nil, errRestoring
	case s.Resting():
		return nil, errStopped
	}
	return ask(ctx, r.o.cfg.Nodes.Nodes)
}

// closeReady ends incidents that the plane has noticed, of nodes that are Ready.
func (r *repairer) closeReady(nodes []Node, seen time.Time) {
	for _, n := range nodes {
		if n.Ready {
			r.close(nodeSubject(n.Name), seen)
			r.o.told.Delete(nodeSubject(n.Name))
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
		subject := nodeSubject(s.node)
		if last, _ := r.o.told.Swap(subject, s.why); last != s.why {
			r.o.note("does not repair", subject, remediator+s.why)
		}
		return nil
	}
	x := r.o.repair(r.l, s.record)
	switch s.do {
	case detect:
		return r.detect(ctx, x, s)
	case act:
		return r.act(ctx, x)
	case resume:
		return r.finish(ctx, x)
	}
	if err := x.save(ctx); err != nil {
		return err
	}
	if s.gone {
		r.close(x.rec.Subject, time.Now())
	}
	x.note(endings[s.do], x.rec.Subject, remediator+s.why)
	return nil
}

// endings are the verbs of steps that end a repair.
var endings = map[verdict]timeline.Verb{heal: "repaired", withdraw: "withdrew repair of", giveUp: "gave up on"}

// detect enters a node that has been unhealthy for five minutes.
func (r *repairer) detect(ctx context.Context, x *repair, s step) error {
	message := fmt.Sprintf("%s, since %s", x.rec.Cause, s.since.UTC().Format(time.TimeOnly))
	if cause, event, since, ok := r.o.cfg.Cloud.Broken(s.node); ok {
		x.rec.Cause, x.rec.Event, x.rec.Broken = cause, event, since.UTC()
	}
	i := r.o.cfg.Ledger.Find(Finding{Subject: x.rec.Subject, Since: s.since, Message: message})
	x.rec.Event = cmp.Or(x.rec.Event, i.Event)
	return x.save(ctx)
}

// act puts an action in the log, says so, and asks the cloud for it.
func (r *repairer) act(ctx context.Context, x *repair) error {
	if err := x.save(ctx); err != nil {
		return err
	}
	action := x.rec.Actions[len(x.rec.Actions)-1].Action
	r.event(ctx, x.rec.Node, "Warning", action, "Start", fmt.Sprintf(startText, action))
	x.note(begun[action], x.rec.Subject, fmt.Sprintf("%saction %d of at most %d%s",
		remediator, len(x.rec.Actions), repairRounds*len(repairActions), blockedEgress(x.rec.Egress)))
	return r.finish(ctx, x)
}

// finish asks the cloud for the action of a repair that has not ended, and puts
// the answer in the log. Without an answer it is asked again at the next look.
func (r *repairer) finish(ctx context.Context, x *repair) error {
	n := undone(x.rec)
	action := x.rec.Actions[n].Action
	refused, err := x.askCloud(ctx, n)
	if err != nil {
		return err
	}
	if err := x.end(ctx, n, "", refused); err != nil {
		return err
	}
	if refused != "" {
		r.event(ctx, x.rec.Node, "Warning", action, "Error", fmt.Sprintf(errorText, action))
		x.note(failed[action], x.rec.Subject, remediator+refused)
		return nil
	}
	r.event(ctx, x.rec.Node, "Normal", action, "End", fmt.Sprintf(endText, title(action)))
	return nil
}

// event writes a Kubernetes event. It is best effort, as in Kubernetes.
func (r *repairer) event(ctx context.Context, node, eventType, action, phase, message string) {
	did(ctx, func(ctx context.Context) error {
		return r.o.cfg.Nodes.Event(ctx, autoRepairSource, node, eventType, "Node"+title(action)+phase, message)
	})
}

func title(action string) string { return strings.ToUpper(action[:1]) + action[1:] }
