package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func (a *app) featureCmd() *cobra.Command {
	return group(&cobra.Command{
		Use:   "feature",
		Short: "Register preview features, and look at Kubernetes' feature gates",
		Long: `Preview features of the service are registered for a whole subscription, which takes
up to 15 minutes. They may change what every cluster of it does by default, from its
next update on, and limit its support. Feature gates are Kubernetes' own.`,
		Example: `  demarc feature list
  demarc feature register AKSAuditLog
  demarc feature gates --stage alpha`,
	}, a.featureRegisterCmd("register"), a.featureRegisterCmd("unregister"), a.featureListCmd(), a.featureShowCmd(), a.featureGatesCmd())
}

// featureRegisterCmd is register or unregister.
func (a *app) featureRegisterCmd(action string) *cobra.Command {
	short := "Begin to register a preview feature in the subscription"
	if action == "unregister" {
		short = "Begin to end the registration of a preview feature"
	}
	return &cobra.Command{
		Use: action + " NAME", Short: short, Args: cobra.ExactArgs(1),
		Example:           "  demarc feature " + action + " AKSAuditLog\n  demarc feature show AKSAuditLog",
		ValidArgsFunction: a.completeFeatures,
		RunE: asked(a, func(ctx context.Context, c *api.Client, args []string) (api.Feature, error) {
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

func (a *app) featureListCmd() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the preview features of the cluster's edition", Args: cobra.NoArgs,
		Example: "  demarc feature list -o json",
		RunE:    listed(a, func(ctx context.Context, c *api.Client) ([]api.Feature, error) { return c.Features(ctx) }, "there is no preview feature", printFeatures),
	}
}

func (a *app) features(ctx context.Context) ([]api.Feature, error) {
	client, err := a.client()
	if err != nil {
		return nil, err
	}
	return client.Features(ctx)
}

var printFeatures = output.Columns("FEATURE\tSTAGE\tSTATE\tIN FORCE\tCHANGES", func(f api.Feature) []any {
	return []any{f.Name, f.Stage, f.State, output.YesNo(f.InForce), f.Changes}
})

func (a *app) featureShowCmd() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show one preview feature: its state, and what it changes", Args: cobra.ExactArgs(1),
		Example:           "  demarc feature show AKSAuditLog",
		ValidArgsFunction: a.completeFeatures,
		RunE: func(c *cobra.Command, args []string) error {
			list, err := a.features(c.Context())
			if err != nil {
				return err
			}
			f, err := findFeature(list, args[0])
			if err != nil {
				return err
			}
			if a.JSON() {
				return a.Value(f)
			}
			_, err = terminal.Fprintf(a.Out, "%s\n\n  stage     %s\n  in force  %s\n  about     %s\n  changes   %s\n  source    %s\n",
				featureState(f), f.Stage, output.YesNo(f.InForce), f.Doc, f.Changes, f.Source)
			return err
		},
	}
}

func findFeature(list []api.Feature, name string) (api.Feature, error) {
	short := name
	if space, rest, ok := strings.Cut(name, "/"); ok && strings.EqualFold(space, api.FeatureNamespace) {
		short = rest
	}
	names := make([]string, 0, len(list))
	for _, f := range list {
		if strings.EqualFold(f.Name, short) {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return api.Feature{}, &engine.InputError{Message: fmt.Sprintf("there is no feature %s%s", name, output.DidYouMean(short, names)), Hint: "demarc feature list lists them"}
}

// completeFeatures completes the preview features of the cluster's edition.
func (a *app) completeFeatures(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var words []string
	if len(args) == 0 {
		list, _ := a.features(c.Context()) // without an answer there is nothing to complete
		for _, f := range list {
			words = append(words, f.Name+"\t"+f.Doc)
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// gateStages are the stages of feature gates.
var gateStages = []string{"alpha", "beta", "stable", "deprecated"}

func (a *app) featureGatesCmd() *cobra.Command {
	var stage string
	var changed bool
	c := &cobra.Command{
		Use: "gates", Short: "List Kubernetes' feature gates, their stages and whether they are enabled", Args: cobra.NoArgs,
		Long: `Gates lists the feature gates of the cluster's version of Kubernetes. Whether each is
enabled is what kube-apiserver tells by its metric kubernetes_feature_enabled.`,
		Example: `  demarc feature gates --stage alpha
  demarc feature gates --changed -o json`,
		RunE: listed(a, func(ctx context.Context, c *api.Client) ([]api.FeatureGate, error) {
			if stage != "" && !slices.Contains(gateStages, stage) {
				return nil, &engine.InputError{Message: fmt.Sprintf("--stage %s: want %s%s", stage, strings.Join(gateStages, ", "), output.DidYouMean(stage, gateStages))}
			}
			list, err := c.FeatureGates(ctx)
			return slices.DeleteFunc(list, func(g api.FeatureGate) bool {
				return stage != "" && g.Stage != stage || changed && g.Enabled == g.Default
			}), err
		}, "there is no such feature gate", printGates),
	}
	c.Flags().StringVar(&stage, "stage", "", "only those of a stage: "+strings.Join(gateStages, ", "))
	c.Flags().BoolVar(&changed, "changed", false, "only those that are not as by default")
	must(c.RegisterFlagCompletionFunc("stage", complete(gateStages...)))
	return c
}

var printGates = output.Columns("GATE\tSTAGE\tDEFAULT\tENABLED", func(g api.FeatureGate) []any { return []any{g.Name, g.Stage, g.Default, g.Enabled} })
