// Package drill has the commands that break things: to play scenarios and to write them,
// and to inject faults by hand. Playing is in demarc/scenarios, faults in the engine.
package drill

import (
	"context"
	"errors"
	"io"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/scenarios"
	"demarc/sim/engine"

	"github.com/spf13/cobra"
)

// Commands are the commands of this group.
func Commands(env *command.Env) []*cobra.Command {
	return []*cobra.Command{drillCmd(env), scenarioCmd(env), faultCmd(env), checkCmd(env)}
}

// drillOptions are the flags of demarc drill.
type drillOptions struct {
	list    bool
	rate    string
	edition string
	keep    bool
	junit   string
	html    string
}

func drillCmd(env *command.Env) *cobra.Command {
	var o drillOptions
	c := &cobra.Command{
		Use:   "drill NAME | FILE…",
		Short: "Play scenarios and say what held",
		Long: `Drill plays a scenario in a cluster of its own, prints what happens as it happens,
and then what held and what did not. A name is that of a built-in scenario; what
has a slash or ends in .txtar is a file. Several are played side by side. With
--edition the same scenario is judged by another edition of the support policy. With
-o json it is a list of reports, of one scenario as of many. --edition both plays it
by its own edition, and shows both side by side in the page of --html.

While a drill is played, demarc list has its cluster by the scenario's name, and
demarc --name NAME kubectl, clock, timeline and the others reach it. Its data is
removed at the end, unless the engine fails or --keep is given.

Exit codes: 0 everything held, 1 an expectation failed, 2 a mistake in the input,
3 the engine failed.`,
		Example: `  demarc drill --list
  demarc drill control-plane-lost
  demarc drill ./outage.txtar --rate 60x
  demarc drill customer-stops-kubelet --edition 2026-08 --html report.html
  demarc drill etcd-lost apiserver-lost -o json --junit report.xml`,
		ValidArgsFunction: completeScenarios,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 && !o.list {
				return errors.New("name a scenario or a file; demarc drill --list lists the scenarios")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if o.list {
				return output.Print(env.Printer, scenarios.List(), printScenarios)
			}
			return run(c.Context(), env, o, args)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.list, "list", false, "list the built-in scenarios")
	f.StringVar(&o.rate, "rate", "max", "speed of the virtual clock: 1x, 60x, max")
	command.EditionsFlag(c, &o.edition, ", in place of the scenario's")
	f.BoolVar(&o.keep, "keep", false, "keep the cluster's data and logs, and say where they are; demarc down --delete removes them")
	f.StringVar(&o.junit, "junit", "", "write a JUnit report to this file as well")
	f.StringVar(&o.html, "html", "", "write a report with a picture to this file as well, as one HTML page; of one scenario only")
	command.CompleteFlag(c, "rate", command.Words("max", "1x", "60x", "600x"))
	return c
}

func printScenarios(w io.Writer, list []scenarios.Info) error {
	var t output.Table
	for _, s := range list {
		t.Row(s.Name, s.Title)
	}
	return t.Write(w, output.LineWidth)
}

// run plays scenarios and reports on them.
func run(ctx context.Context, env *command.Env, o drillOptions, names []string) error {
	plays, err := load(env, o, names)
	if err != nil {
		return err
	}
	junit, err := junitFile(o.junit)
	if err != nil {
		return err
	}
	defer junit.Close()
	page, err := pageFile(o.html, len(plays))
	if err != nil {
		return err
	}
	defer page.Discard()
	// One build for all, before anything else is said.
	if _, err := engine.Build(ctx, env.Err); err != nil {
		return err
	}
	if len(plays) == 1 && !env.JSON() {
		plays[0].live = true
	}
	errs := playAll(ctx, env, plays)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(writeReports(env, plays, junit), writePage(page, plays[0], o.edition), verdict(env, plays, errs))
}
