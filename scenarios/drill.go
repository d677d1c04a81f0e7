package scenarios

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"demarc/scenarios/script"
	"demarc/scenarios/script/parse"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/timeline"
)

// Drill is a scenario to play in an engine of its own.
type Drill struct {
	// Name is its name; File the name of its file, for messages; Text the
	// content of that.
	Name, File, Text string
	// Rate is the speed of the virtual clock once the cluster is ready. Zero is
	// as fast as the machine goes.
	Rate api.Rate
	// Edition of the support policy, in place of the one that the file names.
	Edition string
	// DataDir is where the cluster is kept, or a temporary directory if empty. It is
	// removed at the end, unless the engine fails or KeepData says not to.
	DataDir  string
	KeepData bool
	// Started, if not nil, is called with the data directory when there is one.
	Started func(dir string)
	// Ready, if not nil, is called before the first step with the virtual time
	// that is time 0 of the script.
	Ready func(at time.Time)
	// Progress, if not nil, is told of a build that takes long.
	Progress io.Writer
}

// Run plays the scenario, from a new cluster to the report. The functions, which may be
// nil, are called with each step and each event of the timeline as they happen, one at a
// time. A scenario that does not hold is a report and no error; the error is an
// [engine.InputError] if the scenario has mistakes, and an [engine.FailedError] if the
// engine failed.
func (d Drill) Run(ctx context.Context, onStep func(api.Step), onEvent func(timeline.Event)) (_ *api.Report, err error) {
	parsed, problems := parse.Parse(d.File, []byte(d.Text))
	if len(problems) > 0 {
		return nil, inputErrorOf(problems)
	}
	path, err := engine.Build(ctx, d.Progress)
	if err != nil {
		return nil, err
	}
	dir := d.DataDir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "demarc-"+d.Name+"-"); err != nil {
			return nil, fmt.Errorf("make a directory for the scenario: %w", err)
		}
	}
	defer func() {
		if failed := (*engine.FailedError)(nil); !d.KeepData && !errors.As(err, &failed) {
			os.RemoveAll(dir)
		}
	}()
	if d.Started != nil {
		d.Started(dir)
	}
	p, err := engine.Start(ctx, engine.Options{Path: path, DataDir: dir, Config: d.config(parsed)})
	if err != nil {
		return nil, err
	}
	report, err := d.follow(ctx, p, onStep, onEvent)
	if err != nil {
		p.Kill()
		return nil, err
	}
	// The verdict is known, so a failure to stop is no failure of the scenario.
	_ = p.Stop(ctx)
	report.Scenario, report.File = d.Name, d.File
	return report, nil
}

// config is what the engine is told.
func (d Drill) config(parsed *script.Script) api.EngineConfig {
	spec := parsed.Cluster
	if d.Edition != "" {
		spec.Edition = d.Edition
	}
	rate := d.Rate
	if rate == 0 {
		rate = api.FreeRun
	}
	return api.EngineConfig{Cluster: spec, Rate: rate, Scenario: d.Text, ScenarioFile: d.File, Ephemeral: true, Keep: d.KeepData}
}

// follow follows the engine until the scenario has ended, the engine has, or its
// clock has stopped.
func (d Drill) follow(ctx context.Context, p *engine.Process, onStep func(api.Step), onEvent func(timeline.Event)) (*api.Report, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var report *api.Report
	h := api.StreamHandler{Timeline: onEvent, Drill: d.announceReady(ctx, p.Client, onStep), End: func(r *api.Report) { report = r }}
	streamed, watched := make(chan error, 1), make(chan error, 1)
	go func() { streamed <- p.Client.Stream(ctx, 0, 0, h) }()
	go func() { watched <- p.Watch(ctx) }()
	for {
		select {
		case err := <-streamed:
			if err == nil && report != nil {
				return report, nil
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, p.Explain(err)
		case err := <-watched:
			if err == nil {
				watched = nil // the stream will say why
				continue
			}
			cancel()
			<-streamed
			return nil, err
		}
	}
}

// announceReady calls Ready before the first step.
func (d Drill) announceReady(ctx context.Context, c *api.Client, onStep func(api.Step)) func(api.Step) {
	announced := d.Ready == nil
	return func(x api.Step) {
		if !announced {
			announced = true
			if status, err := c.Status(ctx); err == nil {
				d.Ready(status.ReadyAt)
			}
		}
		if onStep != nil {
			onStep(x)
		}
	}
}

func inputErrorOf(problems []script.Problem) error {
	var lines []string
	for _, p := range problems {
		lines = append(lines, p.String())
	}
	return &engine.InputError{Message: strings.Join(lines, "\n")}
}
