package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/fault"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func (a *app) faultCmd() *cobra.Command {
	return group(&cobra.Command{
		Use:   "fault",
		Short: "Break things in the cluster, and mend them",
		Long: `Faults are drills. The director of a drill may inject every fault, in anybody's
name; customers and the provider only into what is theirs or shared, in their own.`,
		Example: `  demarc --as director fault inject crash control-plane
  demarc fault inject power-off node/0
  demarc --as director fault heal all`,
	}, a.faultInjectCmd(), a.faultHealCmd(), a.faultListCmd(), a.faultKindsCmd())
}

func (a *app) faultInjectCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "inject VERB TARGET [NAME=VALUE…]",
		Short: "Make a fault happen, or a repair",
		Long:  "Inject makes a fault happen, or a repair.\n\n" + faultReference(),
		Example: `  demarc --as director fault inject crash etcd
  demarc --as director fault inject flap kube-apiserver down=20s up=40s times=5
  demarc --as director fault inject wipe etcd by=provider
  demarc fault inject power-off node/0`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeFault,
		RunE: func(c *cobra.Command, args []string) error {
			spec, err := parseFault(args)
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(args, func(w string) bool { return strings.HasPrefix(w, fault.By().Name+"=") }) {
				spec.By = "" // it depends on who asks
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			active, err := client.Inject(c.Context(), spec)
			if err != nil {
				return err
			}
			if a.JSON() {
				return a.Value(active)
			}
			_, err = terminal.Fprintf(a.Out, "%s\n", a.injected(active))
			return err
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
func (a *app) injected(f fault.Active) string {
	text := f.Spec.String()
	if f.ID == "" {
		return text + ": done"
	}
	as := ""
	if api.Role(a.as) != api.RoleCustomer {
		as = " --as " + a.as
	}
	return fmt.Sprintf("%s: in force as %s; mend it with: demarc%s fault heal %s", text, f.ID, as, f.ID)
}

func (a *app) faultHealCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "heal ID… | all",
		Short: "End faults: what is down is started again",
		Example: `  demarc fault heal f1
  demarc --as director fault heal all`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeActive,
		RunE: func(c *cobra.Command, ids []string) error {
			client, err := a.client()
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
				case isRefusal(err):
					refused = cmp.Or(refused, err)
				case err != nil:
					return err
				default:
					terminal.Fprintf(a.Err, "healed %s\n", id)
				}
			}
			if len(ids) == 0 {
				fmt.Fprintln(a.Err, "no fault is in force")
			}
			return refused
		},
	}
}

// isRefusal says whether the engine answered that something cannot be done as it was
// asked.
func isRefusal(err error) bool {
	var e *api.Error
	return errors.As(err, &e) && e.Status < 500
}

func (a *app) faultListCmd() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the faults that are in force", Args: cobra.NoArgs,
		Example: "  demarc fault list -o json",
		RunE:    listed(a, func(ctx context.Context, c *api.Client) ([]fault.Active, error) { return c.Faults(ctx) }, "no fault is in force", printFaults),
	}
}

var printFaults = output.Columns("FAULT\tWHAT\tBY", func(f fault.Active) []any { return []any{f.ID, f.Spec.String(), f.By} })

func (a *app) faultKindsCmd() *cobra.Command {
	return &cobra.Command{
		Use: "kinds", Short: "Explain every kind of fault", Args: cobra.NoArgs,
		Example: "  demarc fault kinds",
		RunE: func(*cobra.Command, []string) error {
			if a.JSON() {
				return a.Value(kindsOf(fault.Kinds()))
			}
			_, err := fmt.Fprint(a.Out, faultReference())
			return err
		},
	}
}

// faultKind is a kind of fault with who may inject it, by what it strikes.
type faultKind struct {
	fault.Kind
	Injectors map[fault.TargetKind][]api.Role `json:"injectors"`
}

func kindsOf(kinds []fault.Kind) (list []faultKind) {
	for _, k := range kinds {
		x := faultKind{k, map[fault.TargetKind][]api.Role{}}
		for _, t := range k.Targets {
			x.Injectors[t] = api.Injectors(t)
		}
		list = append(list, x)
	}
	return list
}

// faultReference explains every kind of fault, from their registry.
func faultReference() string {
	var sb strings.Builder
	for _, k := range fault.Kinds() {
		terminal.Fprintf(&sb, "%s: %s\n", k.Verb, k.Summary)
		if k.Doc != "" {
			terminal.Fprintf(&sb, "    %s\n", k.Doc)
		}
		terminal.Fprintf(&sb, "    Strikes: %s\n", strings.Join(k.TargetForms(), ", "))
		for _, x := range k.Args {
			terminal.Fprintf(&sb, "    %s=  %s%s\n", x.Name, x.Doc, argNotes(x))
		}
		terminal.Fprintf(&sb, "    Example: demarc --as %s fault inject %s\n\n", api.RoleDirector, k.Example)
	}
	by := fault.By()
	terminal.Fprintf(&sb, "Each takes %s=  %s%s\n\n", by.Name, by.Doc, argNotes(by))
	for _, r := range api.Roles {
		terminal.Fprintf(&sb, "--as %s may strike: %s\n", r, injects(r))
	}
	return sb.String()
}

// injects lists the targets into which a role may inject faults.
func injects(r api.Role) string {
	var targets []string
	for _, k := range fault.Kinds() {
		for _, t := range k.Targets {
			if slices.Contains(api.Injectors(t), r) && !slices.Contains(targets, string(t)) {
				targets = append(targets, string(t))
			}
		}
	}
	return strings.Join(targets, ", ")
}

func argNotes(x fault.Arg) string {
	notes := ""
	if len(x.Values) > 0 {
		notes += " (" + strings.Join(x.Values, ", ") + ")"
	}
	if x.Default != "" {
		notes += " [" + x.Default + "]"
	}
	return notes
}
