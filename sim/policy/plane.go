package policy

import (
	"slices"
	"strings"
	"time"

	"demarc/sim/timeline"
)

// Healers, as duties name them.
const (
	healerLeader   = "leader"
	healerRepair   = "auto-repair"
	healerWatchdog = "watchdog"
	healerPlane    = "control-plane" // that answers what nodes are Ready
	healerMonitors = "monitors"      // on a node
)

// window is a time in which something was so, by an event.
type window struct {
	from, to time.Time
	event    int64
	why      string
}

func (w window) contains(t time.Time) bool { return !t.Before(w.from) && t.Before(w.to) }

// plane is when the provider's healers were down by the provider's own doing.
type plane map[string][]window

// down is the window in which one of some healers was down at a time.
func (p plane) down(healers []string, t time.Time) (window, bool) {
	for _, h := range healers {
		if w, ok := find(p[h], func(w window) bool { return w.contains(t) }); ok {
			return w, true
		}
	}
	return window{}, false
}

func (j *Judge) planeOf() plane {
	p := plane{healerLeader: j.leaderless()}
	for _, x := range j.w.Events {
		name := strings.TrimPrefix(x.Subject, "provider/")
		if f := j.facts[j.root(x.Seq)]; f.Party != Provider || !x.Verb.Breaks() {
			continue
		}
		switch name {
		case healerRepair, healerWatchdog:
			p[name] = append(p[name], window{x.Time, j.mended(x), x.Seq, "the provider's " + name + " was down"})
		case "kube-apiserver", "etcd", "control-plane":
			w := window{x.Time, j.mended(x), x.Seq, "the control plane was down, which tells what is Ready"}
			p[healerPlane] = append(p[healerPlane], w)
		}
	}
	return p
}

// quorum is how many of the three replicas must be up.
const quorum = 2

// leaderless are the times in which the provider's plane had no leader.
func (j *Judge) leaderless() (list []window) {
	c := census{j: j, down: map[string]bool{}}
	for i, x := range j.w.Events {
		if x.Subject != Provider && !strings.HasPrefix(x.Subject, "provider/") {
			continue
		}
		before := c.leads()
		c.take(i, x)
		switch after := c.leads(); {
		case before && !after:
			list = append(list, window{x.Time, j.w.Now, x.Seq, "the provider's plane had no leader"})
		case !before && after:
			list[len(list)-1].to = x.Time
		}
	}
	return list
}

// census counts the replicas of the provider's plane.
type census struct {
	j      *Judge
	leader string // a subject; empty if it is not known which it is
	none   bool   // no leader
	down   map[string]bool
	all    bool // are down
}

func (c *census) leads() bool { return !c.none && !c.all && len(c.down) <= 3-quorum }

// take takes in an event.
func (c *census) take(i int, x timeline.Event) {
	switch {
	case x.Verb == "elected":
		c.leader, c.none, c.all = x.Subject, false, false
		delete(c.down, x.Subject)
	case x.Verb.Breaks() || x.Verb == "deposed":
		switch x.Subject {
		case Provider:
			c.all = true
		case c.leader, "provider/leader":
			c.none = true
		}
		if isReplica(x.Subject) && x.Verb != "deposed" {
			c.down[x.Subject] = true
		}
	case x.Verb.Mends() || x.Verb == "starting":
		delete(c.down, x.Subject)
		if x.Subject == Provider {
			clear(c.down)
		}
		// A timeline with elections says when there is a leader again.
		if !c.j.elects(i) {
			c.none, c.all = false, false
		}
	}
}

func isReplica(subject string) bool {
	return subject == "provider/0" || subject == "provider/1" || subject == "provider/2"
}

// elects says whether a leader is elected after the i-th event.
func (j *Judge) elects(i int) bool {
	return slices.ContainsFunc(j.w.Events[i+1:], func(x timeline.Event) bool { return x.Verb == "elected" })
}

// monitorsDown is since when a node's own monitors are down by the provider's
// doing, if they were at a time.
func (j *Judge) monitorsDown(node string, at time.Time) (window, bool) {
	for _, x := range slices.Backward(j.w.Events) {
		f := j.facts[x.Seq]
		if x.Time.After(at) || f.Node != node {
			continue
		}
		down := strings.HasSuffix(f.Kind, "-monitor") && (f.Verb.Breaks() || f.Verb == "inactive")
		if down && j.facts[j.root(x.Seq)].Party == Provider {
			if end := j.mended(x); end.After(at) {
				return window{x.Time, end, x.Seq, "the node's monitors were down"}, true
			}
		}
	}
	return window{}, false
}
