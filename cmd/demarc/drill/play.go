package drill

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"time"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/scenarios"
	"demarc/scenarios/script/parse"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/terminal"
	"demarc/sim/timeline"
)

// play is one scenario that is to be played.
type play struct {
	scenarios.Drill
	title, about string
	live         bool // its story is told as it happens
	report       *api.Report
	events       []timeline.Event
	ready        time.Time // virtual time 0 of the script
}

// load loads the scenarios and checks all of them.
func load(env *command.Env, o drillOptions, names []string) ([]*play, error) {
	rate, err := api.ParseRate(o.rate)
	if err != nil {
		return nil, command.BadInput(err)
	}
	if rate == 0 {
		return nil, &engine.InputError{Message: "a drill whose clock is paused never ends", Hint: "choose a --rate such as 60x"}
	}
	if o.edition == command.BothEditions && o.html != "" {
		o.edition = "" // only the page is of both
	}
	if err := command.CheckEdition(o.edition); err != nil {
		return nil, err
	}
	var plays []*play
	var mistakes []string
	for _, name := range names {
		s, err := scenarios.Load(name)
		if err != nil {
			return nil, command.BadInput(err)
		}
		parsed, problems := parse.Parse(s.File, s.Text)
		for _, p := range problems {
			mistakes = append(mistakes, p.String())
		}
		p := &play{title: parsed.Title, about: parsed.Description, Drill: scenarios.Drill{
			Name: s.Name, File: s.File, Text: string(s.Text), Rate: rate, Edition: o.edition, KeepData: o.keep,
		}}
		if o.keep {
			p.Started = func(dir string) { terminal.Fprintf(env.Err, "the data of %s is in %s\n", s.Name, dir) }
		}
		plays = append(plays, p)
	}
	if len(mistakes) > 0 {
		for _, m := range mistakes {
			fmt.Fprintln(env.Err, m)
		}
		return nil, command.Exit(command.BadRequest)
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
		return nil, command.BadInput(fmt.Errorf("--junit: %w", err))
	}
	return f, nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// playAll plays scenarios, as many at once as there are processors: an engine
// in free run keeps one busy. The errors are in the order of the plays.
func playAll(ctx context.Context, env *command.Env, plays []*play) []error {
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
			errs[i] = playOne(ctx, env, p)
		})
	}
	work.Wait()
	return errs
}

// playOne plays one scenario. A failure of the engine becomes a report as well, so
// that each scenario has one.
func playOne(ctx context.Context, env *command.Env, p *play) error {
	err := p.run(ctx, env)
	if err != nil {
		p.report = &api.Report{
			Scenario: p.Name, File: p.File, Title: p.title, Verdict: api.VerdictError, Error: err.Error(), Edition: p.Edition, Support: api.NoVerdict(),
		}
	}
	if !p.live && ctx.Err() == nil {
		style := output.PaletteFor(env.Err)
		verdict := style.Green(p.report.Verdict)
		if p.report.Verdict != api.VerdictHeld {
			verdict = style.Red(p.report.Verdict)
		}
		terminal.Fprintf(env.Err, "%s  %s  (%.1fs)\n", verdict, p.Name, p.report.RealSeconds)
	}
	return err
}

// run runs the scenario, in a cluster that others find by its name.
func (p *play) run(ctx context.Context, env *command.Env) (err error) {
	if p.DataDir, err = engine.DrillDir(ctx, p.Name); err != nil {
		return err
	}
	p.Ready = func(at time.Time) { p.ready = at }
	keep := func(e timeline.Event) { p.events = append(p.events, e) }
	defer func() {
		if err == nil {
			p.report.Timed(p.ready)
		}
	}()
	if !p.live {
		p.report, err = p.Run(ctx, nil, keep)
		return err
	}
	n := output.NewNarrator(env.Out, env.Err)
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

// writeReports writes what came of the plays: as JSON always a list, of one as of many.
func writeReports(env *command.Env, plays []*play, junit io.Writer) error {
	var reports []*api.Report
	for _, p := range plays {
		reports = append(reports, p.report)
	}
	if err := scenarios.WriteJUnit(terminal.Writer{Writer: junit}, reports); err != nil {
		return err
	}
	if env.JSON() {
		return env.Value(reports)
	}
	return writeTexts(env, plays)
}

// verdict makes the exit code: the worst of all.
func verdict(env *command.Env, plays []*play, errs []error) error {
	worst := command.Held
	for i, p := range plays {
		code := command.Held
		switch {
		case errs[i] != nil:
			code = command.ExitCode(errs[i])
		case p.report.Verdict == api.VerdictFailed:
			code = command.NotHeld
		case p.report.Verdict == api.VerdictError:
			code = command.BadEngine
		}
		worst = max(worst, code)
		if p.report.Error != "" && env.JSON() {
			terminal.Fprintf(env.Err, "demarc: %s: %s\n", cmp.Or(p.Name, p.File), p.report.Error)
		}
	}
	if worst == command.Held {
		return nil
	}
	return command.Exit(worst)
}
