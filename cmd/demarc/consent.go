package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

// everyNode is how people name all nodes, and everyNodeRef how the API does.
const (
	everyNode    = "all"
	everyNodeRef = "*"
)

func (a *app) consentCmd() *cobra.Command {
	return group(&cobra.Command{
		Use:   "consent",
		Short: "Let the provider's support log in to nodes",
		Long: `Consent is the customer's: without one, the provider's support cannot log in to a
node, run commands there or read its logs. Each is for a node and a time, and can be
revoked. The provider cannot grant one to itself.`,
		Example: `  demarc consent grant 0 --for 1h --case kubelet-restarts
  demarc consent list
  demarc consent revoke consent-1`,
	}, a.consentGrantCmd(), a.consentListCmd(), a.consentRevokeCmd())
}

func (a *app) consentGrantCmd() *cobra.Command {
	var duration time.Duration
	var reason string
	c := &cobra.Command{
		Use: "grant NODE", Short: "Let support log in to a node, or to all, for a time", Args: cobra.ExactArgs(1),
		Example: `  demarc consent grant vmss000000 --for 30m
  demarc consent grant all --for 1h --case 4711`,
		ValidArgsFunction: a.completeNodesOrAll,
		RunE: func(c *cobra.Command, args []string) error {
			if duration <= 0 {
				return &engine.InputError{Message: "for how long?", Hint: "give --for a duration of virtual time such as 30m or 1h"}
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			req := api.ConsentRequest{Node: everyNodeRef, For: api.Duration(duration), Case: reason}
			if args[0] != everyNode {
				if req.Node, err = resolveNode(c.Context(), client, args[0]); err != nil {
					return err
				}
			}
			x, err := client.GrantConsent(c.Context(), req)
			if err != nil {
				return err
			}
			return a.printGranted(x)
		},
	}
	c.Flags().DurationVar(&duration, "for", 0, "for how long: a duration of virtual time such as 30m")
	c.Flags().StringVar(&reason, "case", "", "what for")
	return c
}

// completeNodesOrAll completes a node, or all.
func (a *app) completeNodesOrAll(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	words, directive := a.completeNodes(c, args, word)
	if len(args) == 0 {
		words = append(words, everyNode+"\tevery node")
	}
	return words, directive
}

func (a *app) printGranted(x api.Consent) error {
	if a.JSON() {
		return a.Value(x)
	}
	_, err := terminal.Fprintf(a.Out, "consent %s: support may log in to %s until %s\n", x.ID, consentNode(x), output.DateTime(x.Expires))
	return err
}

// consentNode says which node a consent is for.
func consentNode(x api.Consent) string {
	if x.Node == everyNodeRef {
		return "every node"
	}
	return x.Node
}

func (a *app) consentListCmd() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the consents, also those that are over", Args: cobra.NoArgs,
		Example: "  demarc consent list -o json",
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			list, err := client.Consents(c.Context())
			if err != nil {
				return err
			}
			if a.JSON() {
				return a.Value(list)
			}
			if len(list) == 0 {
				fmt.Fprintln(a.Err, "support has no consent")
				return nil
			}
			k, err := client.Clock(c.Context())
			if err != nil {
				return err
			}
			return printConsents(a.Out, list, k.Now)
		},
	}
}

func printConsents(w io.Writer, list []api.Consent, now time.Time) error {
	return output.Columns("CONSENT\tNODE\tSTATE\tGRANTED\tEXPIRES\tUSES\tCASE", func(x api.Consent) []any {
		return []any{x.ID, consentNode(x), consentState(x, now), output.DateTime(x.Granted), output.DateTime(x.Expires), x.Uses, x.Case}
	})(w, list)
}

// consentState says whether a consent is in force at a time.
func consentState(x api.Consent, now time.Time) string {
	switch {
	case !x.Revoked.IsZero():
		return "revoked"
	case !x.Expired.IsZero(), !now.Before(x.Expires):
		return "expired"
	}
	return "in force"
}

func (a *app) consentRevokeCmd() *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "End a consent before its time", Args: cobra.ExactArgs(1),
		Example:           "  demarc consent revoke consent-1",
		ValidArgsFunction: a.completeConsents,
		RunE: func(c *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			if err := client.RevokeConsent(c.Context(), args[0]); err != nil {
				return err
			}
			if a.JSON() {
				return a.Value(map[string]string{"revoked": args[0]})
			}
			_, err = terminal.Fprintf(a.Out, "revoked the consent %s\n", args[0])
			return err
		},
	}
}

// completeConsents completes the consents that are in force.
func (a *app) completeConsents(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var words []string
	if client, err := a.client(); err == nil && len(args) == 0 {
		words = consentsInForce(c.Context(), client)
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

func consentsInForce(ctx context.Context, c *api.Client) (words []string) {
	list, _ := c.Consents(ctx) // without an answer there is nothing to complete
	k, _ := c.Clock(ctx)       // likewise
	for _, x := range list {
		if consentState(x, k.Now) == "in force" {
			words = append(words, x.ID+"\t"+consentNode(x))
		}
	}
	return words
}
