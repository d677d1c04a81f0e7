package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"demarc/sim/engine"
	"demarc/sim/fault"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func (a *app) faultCmd() *cobra.Command {
	return group(&cobra.Command{
		Use:   "fault",
		Short: "Break things in the cluster, and mend them",
		Example: `  demarc fault inject crash control-plane
  demarc fault inject slow etcd latency=500ms
  demarc fault heal all`,
	}, a.faultInjectCmd(), a.faultHealCmd(), a.faultListCmd(), a.faultKindsCmd())
}

func (a *app) faultInjectCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "inject VERB TARGET [NAME=VALUE…]",
		Short: "Make a fault happen, or a repair",
		Long:  "Inject makes a fault happen, or a repair.\n\n" + faultReference(),
		Example: `  demarc fault inject crash etcd
  demarc fault inject start etcd
  demarc fault inject flap kube-apiserver down=20s up=40s times=5
  demarc fault inject power-off node/0
  demarc fault inject crash provider/leader`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeFault,
		RunE: func(c *cobra.Command, args []string) error {
			spec, err := parseFault(args)
			if err != nil {
				return err
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			active, err := client.Inject(c.Context(), spec)
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(active)
			}
			_, err = terminal.Fprintf(a.out, "%s\n", injected(active))
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
func injected(f fault.Active) string {
	text := specText(f.Spec)
	if f.ID == "" {
		return text + ": done"
	}
	return fmt.Sprintf("%s: in force as %s; mend it with: demarc fault heal %s", text, f.ID, f.ID)
}

func specText(s fault.Spec) string {
	words := []string{s.Verb, s.Target}
	for _, name := range slices.Sorted(maps.Keys(s.Args)) {
		words = append(words, name+"="+s.Args[name])
	}
	return strings.Join(words, " ")
}

func (a *app) faultHealCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "heal ID… | all",
		Short: "End faults: what is down is started again",
		Example: `  demarc fault heal f1
  demarc fault heal all`,
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
			for _, id := range ids {
				if err := client.Heal(c.Context(), id); err != nil {
					return err
				}
				terminal.Fprintf(a.err, "healed %s\n", id)
			}
			if len(ids) == 0 {
				fmt.Fprintln(a.err, "no fault is in force")
			}
			return nil
		},
	}
}

func (a *app) faultListCmd() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the faults that are in force", Args: cobra.NoArgs,
		Example: "  demarc fault list -o json",
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			active, err := client.Faults(c.Context())
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(active)
			}
			if len(active) == 0 {
				fmt.Fprintln(a.err, "no fault is in force")
				return nil
			}
			t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			writeFaults(t, active)
			return t.Flush()
		},
	}
}

// writeFaults writes a table with tabs.
func writeFaults(w io.Writer, active []fault.Active) {
	terminal.Fprintf(w, "FAULT\tWHAT\tBY\n")
	for _, f := range active {
		terminal.Fprintf(w, "%s\t%s\t%s\n", f.ID, specText(f.Spec), f.By)
	}
}

func (a *app) faultKindsCmd() *cobra.Command {
	return &cobra.Command{
		Use: "kinds", Short: "Explain every kind of fault", Args: cobra.NoArgs,
		Example: "  demarc fault kinds",
		RunE: func(*cobra.Command, []string) error {
			if a.json() {
				return a.printJSON(fault.Kinds())
			}
			_, err := fmt.Fprint(a.out, faultReference())
			return err
		},
	}
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
		terminal.Fprintf(&sb, "    Example: demarc fault inject %s\n\n", k.Example)
	}
	by := fault.By()
	terminal.Fprintf(&sb, "Each takes %s=  %s%s\n", by.Name, by.Doc, argNotes(by))
	return sb.String()
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
