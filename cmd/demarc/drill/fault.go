package drill

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/fault"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func faultCmd(env *command.Env) *cobra.Command {
	return command.Group(&cobra.Command{
		Use:   "fault",
		Short: "Break things in the cluster, and mend them",
		Long: `Faults are drills. The director of a drill may inject every fault, in anybody's
name; customers and the provider only into what is theirs or shared, in their own.`,
		Example: `  demarc --as director fault inject crash control-plane
  demarc fault inject power-off node/0
  demarc --as director fault heal all`,
	}, faultInjectCmd(env), faultHealCmd(env), faultListCmd(env), faultKindsCmd(env))
}

func faultInjectCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use:   "inject VERB TARGET [NAME=VALUE…]",
		Short: "Make a fault happen, or a repair",
		Long:  "Inject makes a fault happen, or a repair.\n\n" + Reference(),
		Example: `  demarc --as director fault inject crash etcd
  demarc --as director fault inject flap kube-apiserver down=20s up=40s times=5
  demarc --as director fault inject wipe etcd by=provider
  demarc fault inject power-off node/0`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeFault(env),
		RunE: func(c *cobra.Command, args []string) error {
			spec, err := parseFault(args)
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(args, func(w string) bool { return strings.HasPrefix(w, fault.By().Name+"=") }) {
				spec.By = "" // it depends on who asks
			}
			return command.Ask(env, func(ctx context.Context, c *api.Client, _ []string) (fault.Active, error) { return c.Inject(ctx, spec) },
				output.Sentence(func(f fault.Active) string { return injected(env, f) }))(c, args)
		},
	}
}

// parseFault makes a fault of words: VERB TARGET NAME=VALUE….
func parseFault(words []string) (fault.Spec, error) {
	target, args := "", map[string]string{}
	for i, w := range words[1:] {
		name, value, ok := strings.Cut(w, "=")
		switch {
		case ok:
			if _, twice := args[name]; twice {
				return fault.Spec{}, &engine.InputError{Message: fmt.Sprintf("%s= is given twice", name)}
			}
			args[name] = value
		case i == 0:
			target = w
		default:
			return fault.Spec{}, &engine.InputError{Message: fmt.Sprintf("%q is no argument", w), Hint: "arguments are written NAME=VALUE"}
		}
	}
	return fault.Parse(words[0], target, args)
}

// injected says what has happened, and how to undo it.
func injected(env *command.Env, f fault.Active) string {
	text := f.Spec.String()
	if f.ID == "" {
		return text + ": done"
	}
	as := ""
	if env.Role() != api.RoleCustomer {
		as = " --as " + env.As
	}
	return fmt.Sprintf("%s: in force as %s; mend it with: demarc%s fault heal %s", text, f.ID, as, f.ID)
}

func faultHealCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use:   "heal ID… | all",
		Short: "End faults: what is down is started again",
		Example: `  demarc fault heal f1
  demarc --as director fault heal all`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeActive(env),
		RunE: func(c *cobra.Command, ids []string) error {
			client, err := env.Client()
			if err != nil {
				return err
			}
			if slices.Equal(ids, []string{"all"}) {
				active, err := client.Faults(c.Context())
				if err != nil {
					return err
				}
				ids = nil
				for _, f := range active {
					ids = append(ids, f.ID)
				}
			}
			var refused error // the first; the others are healed
			for _, id := range ids {
				switch err := client.Heal(c.Context(), id); {
				case command.IsRefusal(err):
					refused = cmp.Or(refused, err)
				case err != nil:
					return err
				default:
					terminal.Fprintf(env.Err, "healed %s\n", id)
				}
			}
			if len(ids) == 0 {
				fmt.Fprintln(env.Err, "no fault is in force")
			}
			return refused
		},
	}
}

func faultListCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the faults that are in force", Args: cobra.NoArgs,
		Example: "  demarc fault list -o json",
		RunE:    command.List(env, func(ctx context.Context, c *api.Client) ([]fault.Active, error) { return c.Faults(ctx) }, "no fault is in force", output.Faults),
	}
}

func faultKindsCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "kinds", Short: "Explain every kind of fault", Args: cobra.NoArgs,
		Example: "  demarc fault kinds",
		RunE: func(*cobra.Command, []string) error {
			return output.Print(env.Printer, kindsOf(fault.Kinds()), func(w io.Writer, _ []faultKind) error {
				_, err := io.WriteString(w, Reference())
				return err
			})
		},
	}
}
