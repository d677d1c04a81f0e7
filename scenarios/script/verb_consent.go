package script

import (
	"context"
	"errors"
	"fmt"
	"time"

	"demarc/sim/api"
)

var verbConsent = Verb{
	Name:    "consent",
	Summary: "lets the provider's support log in to a node, for a while",
	Doc: "The customer's explicit consent, without which support cannot log in to a node, run a command there or read its logs. " +
		"It ends by itself, or when it is revoked.",
	Example: "consent node/0 for=1h",
	Args: []Arg{
		nodeArg,
		{Name: "for", Type: ArgDuration, Default: "1h", Doc: "how long it is good"},
		{Name: "case", Type: ArgText, Doc: "the support case that it is for"},
	},
	run: func(ctx context.Context, r *run, c *call) error {
		node, err := r.node(c)
		if err != nil {
			return err
		}
		_, err = r.world.As(api.RoleCustomer).GrantConsent(ctx, api.ConsentRequest{Node: node, For: api.Duration(c.duration("for")), Case: c.text("case")})
		if err != nil {
			return fmt.Errorf("consent: %w", err)
		}
		return nil
	},
}

var verbRevokeConsent = Verb{
	Name:    "revoke-consent",
	Summary: "takes back every consent for a node",
	Example: "revoke-consent node/0",
	Args:    []Arg{nodeArg},
	run: func(ctx context.Context, r *run, c *call) error {
		node, err := r.node(c)
		if err != nil {
			return err
		}
		found := false
		for _, x := range r.world.Consents() {
			if x.Node == node && x.Revoked.IsZero() && x.Expires.After(time.Now()) {
				found = true
				if err := r.world.As(api.RoleCustomer).RevokeConsent(ctx, x.ID); err != nil {
					return fmt.Errorf("revoke-consent: %w", err)
				}
			}
		}
		if !found {
			return errors.New("revoke-consent: there is no consent for node/" + node)
		}
		return nil
	},
}

var verbEscalate = Verb{
	Name:    "escalate",
	Summary: "asks the provider to restart a node",
	Doc: "The customer's escalation. The provider cordons the node, drains it with respect for PodDisruptionBudgets and for at most " +
		"30 minutes, restarts it, and makes it schedulable again.",
	Example: "escalate node/0",
	Args:    []Arg{nodeArg, {Name: "reason", Type: ArgText, Doc: "why, for the record"}},
	run: func(ctx context.Context, r *run, c *call) error {
		node, err := r.node(c)
		if err != nil {
			return err
		}
		if _, err = r.world.As(api.RoleCustomer).Escalate(ctx, api.EscalationRequest{Node: node, Reason: c.text("reason")}); err != nil {
			return fmt.Errorf("escalate: %w", err)
		}
		return nil
	},
}
