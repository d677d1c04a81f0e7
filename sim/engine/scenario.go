package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"demarc/scenarios/script"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// Scenario is a scenario to play.
type Scenario struct {
	// Name is its name; File the name of its file, for messages; Text the
	// content of that.
	Name, File, Text string
	// Rate is the speed of the virtual clock once the cluster is ready. Zero is
	// as fast as the machine goes.
	Rate api.Rate
	// Edition of the support policy, in place of the one that the file names.
	Edition string
	// DataDir is where the cluster is kept; it is left there. If empty, a
	// temporary directory is used and removed, unless the engine fails.
	DataDir string
	// KeepData says not to remove a temporary directory.
	KeepData bool
	// Started, if not nil, is called with the data directory when there is one.
	Started func(dir string)
	// Ready, if not nil, is called before the first step with the virtual time
	// that is time 0 of the script.
	Ready func(at time.Time)
	// Progress, if not nil, is told of a build that takes long.
	Progress io.Writer
}

// RunScenario plays a scenario in an engine of its own, from a new cluster to
// the report. The functions, which may be nil, are called with each step and
// each event of the timeline as they happen, one at a time. A scenario that
// does not hold is a report and no error; the error is an [InputError] if the
// scenario has mistakes, and a [FailedError] if the engine failed.
func RunScenario(ctx context.Context, s Scenario, onStep func(api.Step), onEvent func(timeline.Event)) (_ *api.Report, err error) {
	parsed, problems := script.Parse(s.File, []byte(s.Text))
	if len(problems) > 0 {
		return nil, inputErrorOf(problems)
	}
	path, err := Build(ctx, s.Progress)
	if err != nil {
		return nil, err
	}
	dir, cleanup, err := s.directory()
	if err != nil {
		return nil, err
	}
	defer func() { cleanup(err) }()
	if s.Started != nil {
		s.Started(dir)
	}
	p, err := Start(ctx, Options{Path: path, DataDir: dir, Config: s.config(parsed)})
	if err != nil {
		return nil, err
	}
	report, err := p.play(ctx, s, onStep, onEvent)
	if err != nil {
		p.Kill()
		return nil, err
	}
	// The verdict is known, so a failure to stop is no failure of the scenario.
	_ = p.Stop(ctx)
	report.Scenario, report.File = s.Name, s.File
	return report, nil
}

// config is what the engine is told.
func (s Scenario) config(parsed *script.Script) api.EngineConfig {
	spec := parsed.Cluster
	if s.Edition != "" {
		spec.Edition = s.Edition
	}
	rate := s.Rate
	if rate == 0 {
		rate = api.FreeRun
	}
	return api.EngineConfig{Cluster: spec, Rate: rate, Scenario: s.Text, ScenarioFile: s.File, Ephemeral: true}
}

// directory returns the data directory and what is to be done with it at the
// end, when it is known how that was.
func (s Scenario) directory() (dir string, cleanup func(error), err error) {
	if s.DataDir != "" {
		return s.DataDir, func(error) {}, nil
	}
	dir, err = os.MkdirTemp("", "demarc-"+s.Name+"-")
	if err != nil {
		return "", nil, fmt.Errorf("make a directory for the scenario: %w", err)
	}
	return dir, func(err error) {
		if failed := (*FailedError)(nil); !s.KeepData && !errors.As(err, &failed) {
			os.RemoveAll(dir)
		}
	}, nil
}

// play follows the engine until the scenario has ended, the engine has, or its
// clock has stopped.
func (p *Process) play(ctx context.Context, s Scenario, onStep func(api.Step), onEvent func(timeline.Event)) (*api.Report, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var report *api.Report
	h := api.StreamHandler{Timeline: onEvent, Drill: s.announceReady(ctx, p.Client, onStep), End: func(r *api.Report) { report = r }}
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
			return nil, p.explain(err)
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

// explain says why the stream ended early: because the engine did, if it did.
func (p *Process) explain(err error) error {
	select {
	case <-p.done:
	case <-time.After(dialTimeout):
		return err
	}
	if failure := p.Failure(); failure != nil {
		return failure
	}
	return &FailedError{Reason: "it ended before the scenario did", Log: p.Log()}
}

// announceReady calls Ready before the first step.
func (s Scenario) announceReady(ctx context.Context, c *api.Client, onStep func(api.Step)) func(api.Step) {
	announced := s.Ready == nil
	return func(x api.Step) {
		if !announced {
			announced = true
			if status, err := c.Status(ctx); err == nil {
				s.Ready(status.ReadyAt)
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
	return &InputError{Message: strings.Join(lines, "\n")}
}
