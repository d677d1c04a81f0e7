package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// Scenario is a scenario to play in an engine of its own.
type Scenario struct {
	Name string
	// File is the file's name, for messages; Text is what it says.
	File, Text string
	// Edition judges it by another edition of the contract, if not empty.
	Edition string
	// Rate is the speed of the clock; zero means as fast as the machine goes.
	Rate api.Rate
	// DataDir is the engine's data directory, which is kept. If it is empty, a
	// temporary one is made, and kept only if the engine fails.
	DataDir string
}

// stallLimit is for how long, in real time, virtual time may stand still in
// free run before the engine is taken to be stuck.
const stallLimit = 20 * time.Second

// RunScenario plays a scenario in a new engine, which [Build] finds or makes,
// and returns its report. An error means that it could not be played; the
// report says what held and what did not.
func RunScenario(ctx context.Context, s Scenario, onStep func(api.Step), onEvent func(timeline.Event)) (*api.Report, error) {
	path, err := Build(ctx, os.Stderr)
	if err != nil {
		return nil, err
	}
	dir, keep := s.DataDir, true
	if dir == "" {
		if dir, err = os.MkdirTemp("", "demarc-"+s.Name+"-"); err != nil {
			return nil, err
		}
		keep = false
	}
	defer func() {
		if !keep {
			os.RemoveAll(dir)
		}
	}()
	if s.Rate == 0 {
		s.Rate = api.FreeRun
	}
	p, err := Start(ctx, path, dir, api.EngineConfig{
		Cluster: api.ClusterSpec{Edition: s.Edition}, Rate: s.Rate, Scenario: s.Text, ScenarioFile: s.File, Ephemeral: true,
	}, false)
	if err != nil {
		keep = true
		return nil, err
	}
	defer p.Kill()
	sctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if s.Rate == api.FreeRun {
		go watch(sctx, p, cancel)
	}
	report, err := p.Stream(sctx, 0, api.Follower{Event: onEvent, Step: onStep})
	if err != nil {
		keep = true
		if cause := context.Cause(sctx); cause != nil {
			return nil, cause
		}
		select {
		case <-p.Ended():
			return nil, p.failure("the engine ended before the scenario did")
		case <-time.After(time.Second):
			return nil, err
		}
	}
	report.Scenario = s.Name
	return report, nil
}

// watch ends a scenario whose virtual time stands still, and leaves the stacks
// of the engine's goroutines beside its logs.
func watch(ctx context.Context, p *Process, cancel context.CancelCauseFunc) {
	var last time.Time
	since := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
		c, err := p.Clock(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil && (!c.Now.Equal(last) || c.Rate != api.FreeRun) {
			last, since = c.Now, time.Now()
			continue
		}
		if time.Since(since) >= stallLimit {
			cancel(stalled(p, last))
			return
		}
	}
}

func stalled(p *Process, at time.Time) error {
	path := filepath.Join(p.dir, "logs", "stacks.txt")
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	stacks, err := p.Stacks(ctx)
	if err == nil {
		err = os.WriteFile(path, stacks, 0o600)
	}
	if err != nil { // too stuck to answer: the runtime prints them itself
		path = filepath.Join(p.dir, "logs", "engine.log")
		err = dump(p.cmd.Process)
	}
	return errors.Join(fmt.Errorf("virtual time has stood still at %s for %s: the engine is stuck; its stacks are in %s",
		at.Format(time.DateTime), stallLimit, path), err)
}
