package provider

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"demarc/sim/api"
)

// Times of node auto-repair. A node is taken for unhealthy after five minutes;
// the first action was seen after ten, the next ones five minutes after each
// other, in up to three rounds within about an hour (Microsoft, "AKS node
// auto-repair", 2026-07; times of the actions as observed in May 2026). Nine
// actions that are five minutes apart end 50 minutes after detection.
const (
	lookPeriod   = time.Minute
	detectAfter  = 5 * time.Minute
	actAfter     = 10 * time.Minute
	actionPeriod = 5 * time.Minute
	repairRounds = 3
	// confirm is how long a node, and the API server that says so, must have been
	// seen as they are now before that counts: two looks in a row, of which the
	// first may be a new leader's.
	confirm = 30 * time.Second
)

// repairActions is the order in which the cloud is asked for actions.
var repairActions = []string{reboot, "reimage", "redeploy"}

const reboot = "reboot"

// unreadyNode is a node that was not Ready at one look after the other.
type unreadyNode struct {
	since time.Time // not Ready, by the earliest condition in this row of looks
	seen  time.Time // the first look that counts; zero if none does
}

// look takes in what the API server says, and forgets nodes that are Ready. While
// no node at all is Ready, no look counts for any of them.
func look(before map[string]unreadyNode, now time.Time, nodes []Node) map[string]unreadyNode {
	after, fault := map[string]unreadyNode{}, networkFault(nodes)
	for _, n := range nodes {
		if n.Ready {
			continue
		}
		s, ok := before[n.Name]
		if !ok || n.Since.Before(s.since) {
			s.since = n.Since
		}
		if fault {
			s.seen = time.Time{}
		} else if s.seen.IsZero() {
			s.seen = now
		}
		after[n.Name] = s
	}
	return after
}

// networkFault says whether nothing is Ready among two nodes or more: AKS takes
// that for a fault of the network and repairs no node (MicrosoftDocs/azure-docs
// issue 66941).
func networkFault(nodes []Node) bool {
	return len(nodes) > 1 && !slices.ContainsFunc(nodes, func(n Node) bool { return n.Ready })
}

// view is all that auto-repair decides by.
type view struct {
	now time.Time
	// answers is since when the API server answers at every look.
	answers time.Time
	nodes   []Node
	unready map[string]unreadyNode
	// egress is what blocks the egress of nodes whose repair is open, and of all
	// nodes while none is Ready.
	egress  map[string]string
	records map[string]api.Repair
}

// settled says whether what the API server says counts.
func (v view) settled() bool { return v.now.Sub(v.answers) >= confirm }

// verdict is what is to be done about a node.
type verdict string

const (
	detect   verdict = "detect"
	act      verdict = "act"
	resume   verdict = "resume" // an action whose answer is not in the log
	heal     verdict = "heal"
	withdraw verdict = "withdraw"
	giveUp   verdict = "give up"
	spare    verdict = "spare" // not repaired
	isolate  verdict = "isolate"
)

// step is one decision. Record is the node's repair as it is to be in the log,
// and why is what is to be said.
type step struct {
	do     verdict
	node   string
	since  time.Time // not Ready
	gone   bool      // the node is not there any more
	record api.Repair
	why    string
}

// decide says what is to be done now, in its order.
func decide(v view) (steps []step) {
	open, here := openRepairs(v.records), byName(v.nodes)
	busy := map[string]bool{} // an action's answer is waited for, or an escalation is under way
	for _, node := range slices.Sorted(maps.Keys(open)) {
		if undone(open[node]) >= 0 {
			busy[node] = true
			steps = append(steps, step{do: resume, node: node, record: open[node]})
		}
	}
	for _, e := range escalations(v.records) {
		busy[e.Node] = true
	}
	if !v.settled() {
		return steps
	}
	for _, node := range slices.Sorted(maps.Keys(open)) {
		if n, ok := here[node]; !busy[node] && (!ok || n.Ready) {
			steps = append(steps, v.end(open[node], ok))
		}
	}
	if networkFault(v.nodes) {
		return append(steps, v.isolated()...)
	}
	return append(steps, v.judgeAll(open, here, busy)...)
}

// deleted says why there is nothing left to repair.
const deleted = "the node was deleted"

// end is the end of a repair whose node is Ready, or is not there any more.
func (v view) end(rec api.Repair, ready bool) step {
	s := step{do: heal, node: rec.Node, record: rec}
	switch {
	case !ready:
		s.do, s.gone, s.why = withdraw, true, deleted
		s.record.Outcome = api.RepairWithdrawn
		s.record.Reason = strings.TrimPrefix(rec.Reason+"; "+s.why, "; ")
		return s
	case rec.Outcome == api.RepairFailed:
		s.why = "Ready again, by somebody else's doing"
	case len(rec.Actions) == 0:
		s.do, s.why = withdraw, "Ready again before the first action"
		s.record.Outcome, s.record.Reason = api.RepairWithdrawn, s.why
	default:
		s.why = fmt.Sprintf("Ready again after %s", plural(len(rec.Actions), "action"))
		s.record.Outcome, s.record.Reason = api.RepairHealed, ""
	}
	s.record.Healed = v.now.UTC()
	return s
}

// isolated says that no node is Ready, once that has been so long enough.
func (v view) isolated() []step {
	var since time.Time // the last of them
	for _, s := range v.unready {
		since = later(since, s.since)
	}
	if v.now.Sub(since) < detectAfter {
		return nil
	}
	why := fmt.Sprintf("none of %d nodes is Ready: taken for a fault of the network, so no node is repaired", len(v.nodes))
	return []step{{do: isolate, since: since, why: why + v.allBlocked()}}
}

// allBlocked says what blocks the egress of the nodes, each reason once.
func (v view) allBlocked() (why string) {
	for _, reason := range slices.Compact(slices.Sorted(maps.Values(v.egress))) {
		if reason != "" {
			why += "; egress is blocked: " + reason
		}
	}
	return why
}

// judgeAll judges the nodes that are not Ready, those first that are so longest:
// of each pool so many are under repair at once, and the others wait.
func (v view) judgeAll(open map[string]api.Repair, here map[string]Node, busy map[string]bool) (steps []step) {
	size, under := map[string]int{}, map[string]int{}
	for _, n := range v.nodes {
		size[n.Pool]++
		rec := open[n.Name]
		if busy[n.Name] || rec.Outcome == api.RepairPending && len(rec.Actions) > 0 {
			under[n.Pool]++
		}
	}
	for _, name := range v.sick() {
		n := here[name]
		if busy[name] {
			continue
		}
		s, ok := v.judge(n, open[name], size[n.Pool])
		if ok && s.do == act && len(s.record.Actions) == 1 {
			if under[n.Pool] >= atOnce(size[n.Pool]) {
				continue
			}
			under[n.Pool]++
		}
		if ok {
			steps = append(steps, s)
		}
	}
	return steps
}

// atOnce is how many nodes of a pool are under repair at the same time: AKS
// repairs in turn, never all at once. Its older rule is one node; a twentieth
// keeps pools of hundreds of nodes within the hour.
func atOnce(size int) int { return max(1, size/20) }

// sick are the nodes that were not Ready at two looks in a row, oldest first.
func (v view) sick() []string {
	var names []string
	for name, s := range v.unready {
		if v.now.Sub(s.seen) >= confirm {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(v.unready[a].since.Compare(v.unready[b].since), cmp.Compare(a, b))
	})
	return names
}

// judge decides about one node that is not Ready. The repair's ID is empty if it
// has none that is open.
func (v view) judge(n Node, rec api.Repair, size int) (step, bool) {
	s := step{node: n.Name, record: rec, since: v.unready[n.Name].since, why: spared(n, size)}
	switch {
	case rec.ID == "" && v.now.Sub(s.since) < detectAfter:
		return s, false
	case s.why != "" && rec.ID == "":
		s.do = spare
	case rec.ID == "":
		s.do, s.record = detect, v.detected(n)
	case rec.Outcome == api.RepairFailed:
		s.do, s.record = detect, v.detected(n) // again, from the beginning
		return s, s.why == "" && rec.Egress != "" && v.egress[n.Name] == ""
	case s.why != "":
		s.do = withdraw
		s.record.Outcome, s.record.Reason = api.RepairWithdrawn, s.why
	case v.now.Before(due(rec, s.since)):
		return s, false
	case len(rec.Actions) == repairRounds*len(repairActions):
		s.do, s.why = giveUp, v.failure(rec)
		s.record.Outcome, s.record.Reason, s.record.Egress = api.RepairFailed, s.why, v.egress[n.Name]
	default:
		s.do = act
		s.record = withAction(rec, api.RepairAction{Action: repairActions[len(rec.Actions)%len(repairActions)], At: v.now.UTC()})
		s.record.Egress = v.egress[n.Name]
	}
	return s, true
}

// detected is the repair of a node that has just been found.
func (v view) detected(n Node) api.Repair {
	return api.Repair{
		ID: newRepairID(api.LayerAutoRepair, n.Name, v.now), Node: n.Name, Subject: nodeSubject(n.Name), Layer: api.LayerAutoRepair,
		Cause: symptom(n), Broken: v.unready[n.Name].since.UTC(), Detected: v.now.UTC(), Outcome: api.RepairPending,
	}
}

// symptom is what condition Ready says.
func symptom(n Node) string {
	status := "NotReady"
	if n.Unknown {
		status = "Ready is Unknown"
	}
	return strings.TrimRight(fmt.Sprintf("%s: %s: %s", status, n.Reason, n.Message), ": ")
}

// due is when the next action of a repair is due, at a look. An earlier leader
// may have seen the node unhealthy for longer than its condition tells.
func due(rec api.Repair, since time.Time) time.Time {
	if len(rec.Actions) > 0 {
		return rec.Actions[len(rec.Actions)-1].At.Truncate(lookPeriod).Add(actionPeriod)
	}
	if seen := rec.Detected.Add(-detectAfter); seen.Before(since) {
		since = seen
	}
	return since.Add(actAfter)
}

// spared says why AKS does not repair a node; empty if it does. Two nodes at
// least is a rule of older documents (MicrosoftDocs/azure-docs pull request
// 104406), the others are today's.
func spared(n Node, size int) string {
	switch {
	case n.Shutdown:
		return "it has the taint node.cloudprovider.kubernetes.io/shutdown: its machine was shut down on purpose"
	case n.Deleting:
		return "it has the taint ToBeDeletedByClusterAutoscaler: the autoscaler removes it"
	case n.Upgrading:
		return "its annotations say that it is being upgraded"
	case !n.EverReady:
		return "it never was Ready since it registered"
	case size < 2:
		return fmt.Sprintf("it is the only node of pool %s, and auto-repair wants two at least", n.Pool)
	}
	return ""
}

// failure says why all rounds did not help.
func (v view) failure(rec api.Repair) string {
	why := fmt.Sprintf("not Ready after %d rounds of %s", repairRounds, strings.Join(repairActions, ", "))
	for _, a := range slices.Backward(rec.Actions) {
		if a.Error != "" {
			why += fmt.Sprintf("; the last %s failed: %s", a.Action, a.Error)
			break
		}
	}
	return why + blockedEgress(v.egress[rec.Node])
}

// blockedEgress says what blocked egress means for a repair.
func blockedEgress(egress string) string {
	if egress == "" {
		return ""
	}
	return fmt.Sprintf("; its egress is blocked (%s): it cannot be provisioned until the customer removes the rule", egress)
}

// plural is a number of things.
func plural(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
