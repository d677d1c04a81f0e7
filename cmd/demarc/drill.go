package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"demarc/cmd/demarc/output"
	"demarc/scenarios"
	"demarc/scenarios/script"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/terminal"
	"demarc/sim/timeline"

	"github.com/spf13/cobra"
)

// drillOptions are the flags of demarc drill.
type drillOptions struct {
	list    bool
	rate    string
	edition string
	keep    bool
	junit   string
	html    string
}

func (a *app) drillCmd() *cobra.Command {
	var o drillOptions
	c := &cobra.Command{
		Use:   "drill NAME | FILE…",
		Short: "Play scenarios and say what held",
		Long: `Drill plays a scenario in a cluster of its own, prints what happens as it happens,
and then what held and what did not. A name is that of a built-in scenario; what
has a slash or ends in .txtar is a file. Several are played side by side. With
--edition the same scenario is judged by another edition of the support policy.

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
				return a.listScenarios()
			}
			return a.drill(c.Context(), o, args)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.list, "list", false, "list the built-in scenarios")
	f.StringVar(&o.rate, "rate", "max", "speed of the virtual clock: 1x, 60x, max")
	f.StringVar(&o.edition, "edition", "", "edition of the support policy, in place of the scenario's: "+strings.Join(editionIDs(), ", "))
	f.BoolVar(&o.keep, "keep", false, "keep the cluster's data and logs, and say where they are; demarc down --delete removes them")
	f.StringVar(&o.junit, "junit", "", "write a JUnit report to this file as well")
	f.StringVar(&o.html, "html", "", "write a report with a picture to this file as well, as one HTML page; of one scenario only")
	must(c.RegisterFlagCompletionFunc("rate", complete("max", "1x", "60x", "600x")))
	must(c.RegisterFlagCompletionFunc("edition", complete(editionIDs()...)))
	return c
}

func (a *app) listScenarios() error {
	list := scenarios.List()
	if a.JSON() {
		return a.Value(list)
	}
	var t output.Table
	for _, s := range list {
		t.Row(s.Name, s.Title)
	}
	return t.Write(a.Out, 0)
}

// drill plays scenarios and reports on them.
func (a *app) drill(ctx context.Context, o drillOptions, names []string) error {
	plays, err := a.plays(o, names)
	if err != nil {
		return err
	}
	report, err := junitFile(o.junit)
	if err != nil {
		return err
	}
	defer report.Close()
	page, err := pageFile(o.html, len(plays))
	if err != nil {
		return err
	}
	defer page.Discard()
	// One build for all, before anything else is said.
	if _, err := engine.Build(ctx, a.Err); err != nil {
		return err
	}
	if len(plays) == 1 && !a.JSON() {
		plays[0].live = true
	}
	errs := a.playAll(ctx, plays)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(a.report(plays, report), writePage(page, plays[0]), a.verdict(plays, errs))
}

// play is one scenario that is to be played.
type play struct {
	scenarios.Drill
	title, about string
	live         bool // its story is told as it happens
	report       *api.Report
	events       []timeline.Event
	ready        time.Time // virtual time 0 of the script
}

// plays loads the scenarios and checks all of them.
func (a *app) plays(o drillOptions, names []string) ([]*play, error) {
	rate, err := api.ParseRate(o.rate)
	if err != nil {
		return nil, badInput(err)
	}
	if rate == 0 {
		return nil, &engine.InputError{Message: "a drill whose clock is paused never ends", Hint: "choose a --rate such as 60x"}
	}
	if o.edition != "" {
		if err := checkEdition(o.edition); err != nil {
			return nil, err
		}
	}
	var plays []*play
	var mistakes []string
	for _, name := range names {
		s, err := scenarios.Load(name)
		if err != nil {
			return nil, badInput(err)
		}
		parsed, problems := script.Parse(s.File, s.Text)
		for _, p := range problems {
			mistakes = append(mistakes, p.String())
		}
		p := &play{title: parsed.Title, about: parsed.Description, Drill: scenarios.Drill{
			Name: s.Name, File: s.File, Text: string(s.Text), Rate: rate, Edition: o.edition, KeepData: o.keep,
		}}
		if o.keep {
			p.Started = func(dir string) { terminal.Fprintf(a.Err, "the data of %s is in %s\n", s.Name, dir) }
		}
		plays = append(plays, p)
	}
	if len(mistakes) > 0 {
		for _, m := range mistakes {
			fmt.Fprintln(a.Err, m)
		}
		return nil, exitStatus(exitInput)
	}
	return plays, nil
}

// junitFile makes the report's file before anything is played, so that a wrong
// path is not found out at the end. Without a path there is none.
func junitFile(path string) (io.WriteCloser, error) {
	if path == "" {
		return nopCloser{io.Discard}, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, badInput(fmt.Errorf("--junit: %w", err))
	}
	return f, nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// playAll plays scenarios, as many at once as there are processors: an engine
// in free run keeps one busy. The errors are in the order of the plays.
func (a *app) playAll(ctx context.Context, plays []*play) []error {
	errs := make([]error, len(plays))
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var work sync.WaitGroup
	for i, p := range plays {
		work.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if ctx.Err() != nil {
				return
			}
			errs[i] = a.play(ctx, p)
		})
	}
	work.Wait()
	return errs
}

// play plays one scenario. A failure of the engine becomes a report as well, so
// that each scenario has one.
func (a *app) play(ctx context.Context, p *play) error {
	err := a.run(ctx, p)
	if err != nil {
		p.report = &api.Report{
			Scenario: p.Name, File: p.File, Title: p.title, Verdict: api.VerdictError, Error: err.Error(), Edition: p.Edition,
			Expectations: []api.Expectation{}, Traffic: []api.Traffic{}, Incidents: []api.Incident{},
			Backups: []api.Backup{}, Restores: []api.Restore{}, Repairs: []api.Repair{}, Judgements: []api.JudgedIncident{}, Support: api.NoVerdict(),
		}
	}
	if !p.live && ctx.Err() == nil {
		style := output.PaletteFor(a.Err)
		verdict := style.Green(p.report.Verdict)
		if p.report.Verdict != api.VerdictHeld {
			verdict = style.Red(p.report.Verdict)
		}
		terminal.Fprintf(a.Err, "%s  %s  (%.1fs)\n", verdict, p.Name, p.report.RealSeconds)
	}
	return err
}

// run runs one scenario, in a cluster that others find by its name.
func (a *app) run(ctx context.Context, p *play) (err error) {
	if p.DataDir, err = engine.DrillDir(ctx, p.Name); err != nil {
		return err
	}
	p.Ready = func(at time.Time) { p.ready = at }
	keep := func(e timeline.Event) { p.events = append(p.events, e) }
	if !p.live {
		p.report, err = p.Run(ctx, nil, keep)
		return err
	}
	n := output.NewNarrator(a.Out, a.Err)
	defer n.Close()
	n.Open(p.title, p.about)
	p.Ready = func(at time.Time) {
		p.ready = at
		n.Ready(at)
	}
	p.report, err = p.Run(ctx, n.Step, func(e timeline.Event) {
		keep(e)
		n.Event(e)
	})
	return err
}

// report writes what came of the plays.
func (a *app) report(plays []*play, junit io.Writer) error {
	var reports []*api.Report
	for _, p := range plays {
		reports = append(reports, p.report)
	}
	if err := scenarios.WriteJUnit(terminal.Writer{Writer: junit}, reports); err != nil {
		return err
	}
	switch {
	case a.JSON() && len(reports) == 1:
		return a.Value(reports[0])
	case a.JSON():
		return a.Value(reports)
	}
	return a.writeTexts(plays)
}

// verdict makes the exit code: the worst of all.
func (a *app) verdict(plays []*play, errs []error) error {
	worst := exitHeld
	for i, p := range plays {
		code := exitHeld
		switch {
		case errs[i] != nil:
			code = a.exitCode(errs[i])
		case p.report.Verdict == api.VerdictFailed:
			code = exitNotHeld
		case p.report.Verdict == api.VerdictError:
			code = exitEngine
		}
		worst = max(worst, code)
		if p.report.Error != "" && a.JSON() {
			terminal.Fprintf(a.Err, "demarc: %s: %s\n", cmp.Or(p.Name, p.File), p.report.Error)
		}
	}
	if worst == exitHeld {
		return nil
	}
	return exitStatus(worst)
}
