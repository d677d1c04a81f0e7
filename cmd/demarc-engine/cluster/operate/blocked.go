package operate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"demarc/controlplane"
	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/timeline"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// blocks are what customers' webhooks and policies keep the cluster from, by the subject
// that suffers.
type blocks struct {
	mu sync.Mutex
	of map[string]block
}

// block is the newest refusal of a subject's requests, by whom, and the event that tells
// of the first, with its cause.
type block struct {
	by           string
	last         time.Time
	event, cause int64
}

// stillBlocks is for how long after its newest refusal somebody is taken to block: the
// controllers of Kubernetes ask again after ever longer pauses.
const stillBlocks = 2 * time.Minute

// allNodes is the subject of what concerns all nodes at once.
const allNodes = "nodes"

// Blocked takes in that a customer's webhook or policy has refused a request of a part of
// the cluster. It does not wait.
func (m *Management) Blocked(b controlplane.Block) {
	subject := m.suffers(b)
	if subject == "" {
		return
	}
	m.blocks.mu.Lock()
	defer m.blocks.mu.Unlock()
	now, by := time.Now(), cmp.Or(b.Webhook, b.Policy, b.Definition)
	x := m.blocks.of[subject]
	if x.by != by || now.Sub(x.last) >= stillBlocks {
		go m.enterBlock(subject, b, now)
	}
	x.by, x.last = by, now
	if m.blocks.of == nil {
		m.blocks.of = map[string]block{}
	}
	m.blocks.of[subject] = x
}

// BlockedBy is the event of what blocks a subject at this time, or 0. A full etcd blocks
// the nodes: their leases are not written.
func (m *Management) BlockedBy(subject string) int64 {
	if strings.HasPrefix(subject, "node/") {
		subject = allNodes
	}
	m.blocks.mu.Lock()
	defer m.blocks.mu.Unlock()
	if x := m.blocks.of[subject]; time.Since(x.last) < stillBlocks {
		return x.event
	}
	if subject == allNodes {
		return m.filled.now()
	}
	return 0
}

// suffers is whom a refusal hurts: the nodes, whose leases are not renewed, an add-on, or a
// namespace that is to be deleted; empty for what is nobody's but the customer's.
func (m *Management) suffers(b controlplane.Block) string {
	switch {
	case b.Namespace == "kube-node-lease", b.Resource == "nodes":
		return allNodes
	case b.Namespace == metav1.NamespaceSystem, b.Namespace == api.AppRoutingNamespace:
		return m.Addons.Of(b.Namespace, b.Name)
	case b.Definition != "":
		return "namespace/" + b.Namespace // which is not emptied
	}
	return ""
}

// enterBlock puts it on the timeline that something is blocked, with who made what blocks
// it as its cause. That is there when the API server's audit tells.
func (m *Management) enterBlock(subject string, b controlplane.Block, at time.Time) {
	if !clock.Sleep(m.Context, time.Second) {
		return
	}
	by, cause := m.blocker(b)
	m.blocks.mu.Lock()
	defer m.blocks.mu.Unlock()
	x := m.blocks.of[subject]
	if x.event != 0 && x.cause == cause {
		return // it has blocked all the time
	}
	e := m.Log.Append(timeline.Event{
		Time: at, Actor: timeline.Customer, Verb: "blocked", Subject: subject, Cause: cause,
		Message: fmt.Sprintf("%s refuses %s of %s: %s", by, b.Resource, b.User, b.Message),
	})
	x.event, x.cause = e.Seq, cause
	m.blocks.of[subject] = x
}

// blocker is the object that has refused, and the customer's newest event of it, or 0.
func (m *Management) blocker(b controlplane.Block) (by string, event int64) {
	by = "validatingadmissionpolicy/" + b.Policy
	if b.Definition != "" {
		by = "customresourcedefinition/" + b.Definition
	}
	if b.Webhook != "" {
		ctx, cancel := context.WithTimeout(m.Context, 10*time.Second)
		defer cancel()
		by = cmp.Or(m.Addons.Declares(ctx, b.Webhook), "webhook "+b.Webhook)
	}
	return by, m.customersNewest(func(e timeline.Event) bool { return e.Subject == by })
}

// customersNewest is the newest event of a customer's that is as asked for, or 0.
func (m *Management) customersNewest(is func(timeline.Event) bool) int64 {
	events, _ := m.Log.Since(0)
	for _, e := range slices.Backward(events) {
		if e.Actor == timeline.Customer && is(e) {
			return e.Seq
		}
	}
	return 0
}
