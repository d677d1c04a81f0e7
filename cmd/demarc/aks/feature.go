package aks

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func featureCmd(env *command.Env) *cobra.Command {
	return command.Group(&cobra.Command{
		Use:   "feature",
		Short: "Register preview features, and look at Kubernetes' feature gates",
		Long: `Preview features of the service are registered for a whole subscription, which takes
up to 15 minutes. They may change what every cluster of it does by default, from its
next update on, and limit its support. Feature gates are Kubernetes' own.`,
		Example: `  demarc feature list
  demarc feature register AKSAuditLog
  demarc feature gates --stage alpha`,
	}, featureRegisterCmd(env, "register"), featureRegisterCmd(env, "unregister"), featureListCmd(env), featureShowCmd(env), featureGatesCmd(env))
}

// featureRegisterCmd is register or unregister.
func featureRegisterCmd(env *command.Env, action string) *cobra.Command {
	short := "Begin to register a preview feature in the subscription"
	if action == "unregister" {
		short = "Begin to end the registration of a preview feature"
	}
	return &cobra.Command{
		Use: action + " NAME", Short: short, Args: cobra.ExactArgs(1),
		Example:           "  demarc feature " + action + " AKSAuditLog\n  demarc feature show AKSAuditLog",
		ValidArgsFunction: command.ListCompletion(env, features, func(f api.Feature) string { return f.Name + "\t" + f.Doc }),
		RunE: command.Ask(env, func(ctx context.Context, c *api.Client, args []string) (api.Feature, error) {
			if action == "unregister" {
				return c.UnregisterFeature(ctx, args[0])
			}
			return c.RegisterFeature(ctx, args[0])
		}, output.Sentence(featureState)),
	}
}

// featureState says how a feature is.
func featureState(f api.Feature) string {
	text := api.FeatureNamespace + "/" + f.Name + " is " + f.State
	if !f.Due.IsZero() {
		text += ", until " + output.DateTime(f.Due)
	}
	return text
}

func featureListCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the preview features of the cluster's edition", Args: cobra.NoArgs,
		Example: "  demarc feature list -o json",
		RunE:    command.List(env, features, "there is no preview feature", printFeatures),
	}
}

func features(ctx context.Context, c *api.Client) ([]api.Feature, error) { return c.Features(ctx) }

var printFeatures = output.Columns("FEATURE\tSTAGE\tSTATE\tIN FORCE\tCHANGES", func(f api.Feature) []any {
	return []any{f.Name, f.Stage, f.State, output.YesNo(f.InForce), f.Changes}
})

func featureShowCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show one preview feature: its state, and what it changes", Args: cobra.ExactArgs(1),
		Example:           "  demarc feature show AKSAuditLog",
		ValidArgsFunction: command.ListCompletion(env, features, func(f api.Feature) string { return f.Name + "\t" + f.Doc }),
		RunE: command.Ask(env, func(ctx context.Context, c *api.Client, args []string) (api.Feature, error) {
			list, err := features(ctx, c)
			if err != nil {
				return api.Feature{}, err
			}
			return findFeature(list, args[0])
		}, printFeature),
	}
}

func printFeature(w io.Writer, f api.Feature) error {
	terminal.Fprintf(w, "%s\n\n", featureState(f))
	t := output.Table{Indent: "  "}
	t.Row("stage", f.Stage)
	t.Row("in force", output.YesNo(f.InForce))
	t.Row("about", f.Doc)
	t.Row("changes", f.Changes)
	t.Row("source", f.Source)
	return t.Write(w, output.LineWidth)
}

func findFeature(list []api.Feature, name string) (api.Feature, error) {
	f, names, ok := api.FindFeature(list, name, func(f api.Feature) string { return f.Name })
	if ok {
		return f, nil
	}
	return api.Feature{}, &engine.InputError{Message: fmt.Sprintf("there is no feature %s%s", name, output.DidYouMean(api.ShortFeature(name), names)), Hint: "demarc feature list lists them"}
}

// gateStages are the stages of feature gates.
var gateStages = []string{"alpha", "beta", "stable", "deprecated"}

func featureGatesCmd(env *command.Env) *cobra.Command {
	var stage string
	var changed bool
	c := &cobra.Command{
		Use: "gates", Short: "List Kubernetes' feature gates, their stages and whether they are enabled", Args: cobra.NoArgs,
		Long: `Gates lists the feature gates of the cluster's version of Kubernetes. Whether each is
enabled is what kube-apiserver tells by its metric kubernetes_feature_enabled.`,
		Example: `  demarc feature gates --stage alpha
  demarc feature gates --changed -o json`,
		RunE: command.List(env, func(ctx context.Context, c *api.Client) ([]api.FeatureGate, error) {
			if stage != "" && !slices.Contains(gateStages, stage) {
				return nil, &engine.InputError{Message: fmt.Sprintf("--stage %s: want %s%s", stage, strings.Join(gateStages, ", "), output.DidYouMean(stage, gateStages))}
			}
			list, err := featureGates(ctx, c)
			return slices.DeleteFunc(list, func(g api.FeatureGate) bool {
				return stage != "" && g.Stage != stage || changed && g.Enabled == g.Default
			}), err
		}, "there is no such feature gate", printGates),
	}
	c.Flags().StringVar(&stage, "stage", "", "only those of a stage: "+strings.Join(gateStages, ", "))
	c.Flags().BoolVar(&changed, "changed", false, "only those that are not as by default")
	command.CompleteFlag(c, "stage", command.Words(gateStages...))
	return c
}

func featureGates(ctx context.Context, c *api.Client) ([]api.FeatureGate, error) {
	return c.FeatureGates(ctx)
}

var printGates = output.Columns("GATE\tSTAGE\tDEFAULT\tENABLED", func(g api.FeatureGate) []any { return []any{g.Name, g.Stage, g.Default, g.Enabled} })
