package operate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"demarc/controlplane/provider"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// Node resolves a reference to a node, or says which there are.
func (m *Management) Node(ref string) (string, error) {
	if name, ok := m.Fleet.NodeName(ref); ok {
		return name, nil
	}
	return "", fmt.Errorf("no node %q; the nodes are %s", ref, strings.Join(m.Fleet.NodeNames(), ", "))
}

// UseConsent uses a consent, or puts on the timeline that there was none.
func (m *Management) UseConsent(ctx context.Context, node, what string) error {
	_, err := m.Operator.UseConsent(ctx, m.Memory, node, what)
	if api.HasCode(err, provider.NoConsent) {
		return m.Refuse(timeline.Provider, "node/"+node, what+": no consent", err)
	}
	return err
}

// GrantConsent lets the provider's support log in to a node for a time.
func (m *Management) GrantConsent(ctx context.Context, req api.ConsentRequest) (api.Consent, error) {
	node := req.Node
	if node != "*" {
		var err error
		if node, err = m.Node(node); err != nil {
			return api.Consent{}, err
		}
	}
	return m.Operator.Grant(ctx, m.Memory, node, req.Case, time.Duration(req.For))
}

// RevokeConsent implements [run.World].
func (m *Management) RevokeConsent(ctx context.Context, id string) error {
	return m.Operator.Revoke(ctx, m.Memory, id)
}

// Consents implements [run.World].
func (m *Management) Consents() []api.Consent {
	return m.Operator.Consents(m.Memory)
}

// Escalate implements [run.World].
func (m *Management) Escalate(ctx context.Context, req api.EscalationRequest) (api.Repair, error) {
	node, err := m.Node(req.Node)
	if err != nil {
		return api.Repair{}, err
	}
	return m.Operator.Escalate(ctx, m.Memory, node, req.Reason)
}

// Repairs implements [run.World].
func (m *Management) Repairs() []api.Repair {
	list := append(m.Fleet.Repairs(), m.Operator.Repairs(m.Memory)...)
	slices.SortStableFunc(list, func(a, b api.Repair) int { return cmp.Or(a.Broken.Compare(b.Broken), cmp.Compare(a.ID, b.ID)) })
	return list
}
