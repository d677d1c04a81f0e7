package node

import (
	"context"
	"fmt"
	"io"
	"time"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"

	"github.com/spf13/cobra"
)

// everyNode is how people name all nodes, and everyNodeRef how the API does.
const (
	everyNode    = "all"
	everyNodeRef = "*"
)

func consentCmd(env *command.Env) *cobra.Command {
	return command.Group(&cobra.Command{
		Use:   "consent",
		Short: "Let the provider's support log in to nodes",
		Long: `Consent is the customer's: without one, the provider's support cannot log in to a
node, run commands there or read its logs. Each is for a node and a time, and can be
revoked. The provider cannot grant one to itself.`,
		Example: `  demarc consent grant 0 --for 1h --case kubelet-restarts
  demarc consent list
  demarc consent revoke consent-1`,
	}, consentGrantCmd(env), consentListCmd(env), consentRevokeCmd(env))
}

func consentGrantCmd(env *command.Env) *cobra.Command {
	var duration time.Duration
	var reason string
	c := &cobra.Command{
		Use: "grant NODE", Short: "Let support log in to a node, or to all, for a time", Args: cobra.ExactArgs(1),
		Example: `  demarc consent grant vmss000000 --for 30m
  demarc consent grant all --for 1h --case 4711`,
		ValidArgsFunction: completeNodesOrAll(env),
		PreRunE: func(*cobra.Command, []string) error {
			if duration <= 0 {
				return &engine.InputError{Message: "for how long?", Hint: "give --for a duration of virtual time such as 30m or 1h"}
			}
			return nil
		},
		RunE: command.Ask(env, func(ctx context.Context, c *api.Client, args []string) (x api.Consent, err error) {
			req := api.ConsentRequest{Node: everyNodeRef, For: api.Duration(duration), Case: reason}
			if args[0] != everyNode {
				if req.Node, err = command.ResolveNode(ctx, c, args[0]); err != nil {
					return x, err
				}
			}
			return c.GrantConsent(ctx, req)
		}, output.Sentence(func(x api.Consent) string {
			return fmt.Sprintf("consent %s: support may log in to %s until %s", x.ID, consentNode(x), output.DateTime(x.Expires))
		})),
	}
	c.Flags().DurationVar(&duration, "for", 0, "for how long: a duration of virtual time such as 30m")
	c.Flags().StringVar(&reason, "case", "", "what for")
	return c
}

// completeNodesOrAll completes a node, or all.
func completeNodesOrAll(env *command.Env) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		words, directive := command.Nodes(env)(c, args, word)
		if len(args) == 0 {
			words = append(words, everyNode+"\tevery node")
		}
		return words, directive
	}
}

// consentNode says which node a consent is for.
func consentNode(x api.Consent) string {
	if x.Node == everyNodeRef {
		return "every node"
	}
	return x.Node
}

func consentListCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the consents, also those that are over", Args: cobra.NoArgs,
		Example: "  demarc consent list -o json",
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := env.Client()
			if err != nil {
				return err
			}
			list, err := client.Consents(c.Context())
			if err != nil {
				return err
			}
			return output.List(env.Printer, list, "support has no consent", func(w io.Writer, list []api.Consent) error {
				k, err := client.Clock(c.Context())
				if err != nil {
					return err
				}
				return printConsents(w, list, k.Now)
			})
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

func consentRevokeCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "End a consent before its time", Args: cobra.ExactArgs(1),
		Example:           "  demarc consent revoke consent-1",
		ValidArgsFunction: command.Completion(env, consentsInForce),
		RunE: command.Ask(env, func(ctx context.Context, c *api.Client, args []string) (map[string]string, error) {
			return map[string]string{"revoked": args[0]}, c.RevokeConsent(ctx, args[0])
		}, output.Sentence(func(done map[string]string) string { return "revoked the consent " + done["revoked"] })),
	}
}

// consentsInForce are words for the consents that are in force. Without an answer there
// are none.
func consentsInForce(ctx context.Context, c *api.Client) (words []string) {
	list, _ := c.Consents(ctx)
	k, _ := c.Clock(ctx)
	for _, x := range list {
		if consentState(x, k.Now) == "in force" {
			words = append(words, x.ID+"\t"+consentNode(x))
		}
	}
	return words
}
