package contract

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/desk"

	"github.com/spf13/cobra"
)

func supportCmd(env *command.Env) *cobra.Command {
	return command.Group(&cobra.Command{
		Use:   "support",
		Short: "Ask the provider's support desk",
		Long: `Support is the desk of the provider. It answers by the edition of the support policy
that the cluster has, and by what it sees in the cluster: whose the failing thing is,
and which incidents, conditions, repairs and acts of yours concern it. It looks at a node
only with your consent and restarts one only when you escalate.`,
		Example: `  demarc support open "DNS lookups fail since noon" --component coredns --severity A
  demarc support show 1
  demarc support escalate 1`,
	}, supportOpenCmd(env), supportListCmd(env), supportShowCmd(env), supportEscalateCmd(env), supportCloseCmd(env))
}

func supportOpenCmd(env *command.Env) *cobra.Command {
	var r api.CaseRequest
	var severity string
	c := &cobra.Command{
		Use: "open SYMPTOM…", Short: "Open a case", Args: cobra.MinimumNArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		Long: `Open opens a case about one thing: a component of the service, a node, a namespace, a
pod, a third party's chart, or a question. Without any of them the desk goes by the
words of the symptom. The desk answers by itself, within the time that is printed.`,
		Example: `  demarc support open "kubectl hangs" --component kube-apiserver --severity A
  demarc support open "the pods are slow" --node 1 --severity B
  demarc support open "CrashLoopBackOff after an upgrade" --chart istio
  demarc support open "how do I write an ingress controller?" --topic how-to`,
		PreRunE: func(_ *cobra.Command, args []string) error {
			r.Symptom, r.Severity = strings.Join(args, " "), api.Severity(strings.ToUpper(severity))
			if err := desk.Check(r); err != nil {
				return command.BadInput(err)
			}
			return nil
		},
		RunE: command.Ask(env, func(ctx context.Context, c *api.Client, _ []string) (x api.Case, err error) {
			if r.Node != "" {
				if r.Node, err = command.ResolveNode(ctx, c, r.Node); err != nil {
					return x, err
				}
			}
			return c.OpenCase(ctx, r)
		}, output.Sentence(func(x api.Case) string {
			return fmt.Sprintf("case %s, severity %s: an answer is promised by %s; demarc support show %[1]s has it", x.ID, x.Severity, output.DateTime(x.Due))
		})),
	}
	f := c.Flags()
	f.StringVar(&r.Component, "component", "", "the part of the service that it is about")
	f.StringVar(&r.Node, "node", "", "the node: its index, vmss suffix or name")
	f.StringVar(&r.Namespace, "namespace", "", "the namespace")
	f.StringVar(&r.Pod, "pod", "", "the pod: NAMESPACE/NAME")
	f.StringVar(&r.Chart, "chart", "", "the Helm chart or other third party's software")
	f.StringVar(&r.Topic, "topic", "", "the kind of question: "+strings.Join(api.Topics, ", "))
	f.StringVar(&severity, "severity", string(api.SeverityC), "how much it hurts: A (critical), B (moderate) or C (minimal impact)")
	command.CompleteFlag(c, "component", command.Words(desk.Components()...))
	command.CompleteFlag(c, "topic", command.Words(api.Topics...))
	command.CompleteFlag(c, "severity", command.Words("A\tcritical", "B\tmoderate", "C\tminimal impact"))
	command.CompleteFlag(c, "node", func(c *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		return command.Nodes(env)(c, nil, word)
	})
	return c
}

func supportEscalateCmd(env *command.Env) *cobra.Command {
	return caseCmd(env, "escalate", &cobra.Command{
		Use: "escalate CASE", Short: "Raise the severity of a case, or have its node restarted",
		Long: `Escalate raises the severity of a case that has no answer yet. If the case offers to
restart its node, the provider does so on your behalf: the node is cordoned, drained with
respect for PodDisruptionBudgets, rebooted and made schedulable again.`,
		Example: `  demarc support escalate 1
  demarc support escalate 1 --text urgent`,
	}, func(c *api.Client) caseAction { return c.EscalateCase })
}

func supportCloseCmd(env *command.Env) *cobra.Command {
	return caseCmd(env, "close", &cobra.Command{
		Use: "close CASE", Short: "End a case",
		Long: `Close ends a case. The desk itself closes those that are answered for good, and those
whose node was restarted and is Ready.`,
		Example: `  demarc support close 1
  demarc support close 1 --text solved`,
	}, func(c *api.Client) caseAction { return c.CloseCase })
}

// caseAction is something that a customer does to a case.
type caseAction = func(context.Context, string, api.CaseNote) (api.Case, error)

// caseCmd makes a command that does something to one case.
func caseCmd(env *command.Env, verb string, c *cobra.Command, do func(*api.Client) caseAction) *cobra.Command {
	var note api.CaseNote
	c.Args, c.ValidArgsFunction = cobra.ExactArgs(1), completeCases(env)
	c.RunE = command.Ask(env, func(ctx context.Context, c *api.Client, args []string) (api.Case, error) {
		id, err := caseID(ctx, c, args[0])
		if err != nil {
			return api.Case{}, err
		}
		return do(c)(ctx, id, note)
	}, output.Sentence(func(x api.Case) string {
		return fmt.Sprintf("case %s: %sd; severity %s, %s", x.ID, verb, x.Severity, x.State)
	}))
	c.Flags().StringVar(&note.Text, "text", "", "what to say to the desk")
	return c
}

// caseID is the ID of the case that words such as 1 or case/1 name.
func caseID(ctx context.Context, client *api.Client, words string) (string, error) {
	list, err := client.Cases(ctx)
	if err != nil {
		return "", err
	}
	var ids []string
	for _, x := range list {
		if x.Names(words) {
			return x.ID, nil
		}
		ids = append(ids, x.ID)
	}
	if len(ids) == 0 {
		return "", command.BadInput(fmt.Errorf("there is no case %s: none was opened so far", words))
	}
	return "", command.BadInput(errors.New("there is no case " + words + output.DidYouMean(words, ids) + ": demarc support list lists them"))
}

// completeCases completes the cases that are not closed.
func completeCases(env *command.Env) cobra.CompletionFunc {
	return command.ListCompletion(env, cases, func(x api.Case) string {
		if x.State == api.CaseClosed {
			return ""
		}
		return x.ID + "\t" + x.State + ": " + x.Symptom
	})
}

func cases(ctx context.Context, c *api.Client) ([]api.Case, error) { return c.Cases(ctx) }
