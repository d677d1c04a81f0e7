package cluster

import (
	"context"
	"time"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/terminal"
)

// phasePoll is how often a starting engine is asked how far it is.
const phasePoll = 50 * time.Millisecond

// awaitReady shows the phases of the start until the cluster is ready.
func awaitReady(ctx context.Context, env *command.Env, p *engine.Process) (api.Status, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if err := p.Watch(ctx); err != nil {
			cancel(err)
		}
	}()
	show := output.NewProgress(env.Err)
	defer show.End()
	for {
		s, err := p.Client.Status(ctx)
		switch {
		case ctx.Err() != nil:
			return s, context.Cause(ctx)
		case err != nil:
			return s, endOf(p, err)
		case s.State == "ready":
			return s, nil
		case s.State == "failed":
			return s, &engine.FailedError{Reason: s.Error, Log: p.Log()}
		}
		show.Show("starting: " + s.Phase)
		select {
		case <-ctx.Done():
		case <-p.Done():
		case <-time.After(phasePoll):
		}
	}
}

// endOf says why an engine does not answer: because it has ended, if it has.
func endOf(p *engine.Process, err error) error {
	select {
	case <-p.Done():
	case <-time.After(time.Second):
		return err
	}
	if failure := p.Failure(); failure != nil {
		return failure
	}
	return &engine.FailedError{Reason: "it was stopped", Log: p.Log()}
}

// abandon ends a start that came to nothing. What there is of the cluster stays,
// unless it is nothing yet. Who has interrupted it is told nothing.
func abandon(ctx context.Context, env *command.Env, p *engine.Process) error {
	p.Kill()
	discarded, err := p.Discard()
	if err == nil && !discarded && ctx.Err() == nil {
		terminal.Fprintf(env.Err, "demarc: the cluster's data is kept: demarc up%s goes on with it, demarc down%s --delete removes it\n", env.NameFlag(), env.NameFlag())
	}
	return err
}

// warn says what is wrong with a cluster's data.
func warn(env *command.Env, s api.Status) {
	for _, w := range s.Warnings {
		terminal.Fprintf(env.Err, "demarc: warning: %s\n", w)
	}
}
