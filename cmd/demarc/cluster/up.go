package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/terminal"
	"demarc/sim/timeline"

	"github.com/spf13/cobra"
)

// startLead is how far in the past a live cluster's clock begins. Bringing it up
// takes somewhat less virtual time and hardly any real time, so that it then
// shows about the same time as the clocks of its clients. Those do not expect a
// server in the future: kubectl prints ages as <invalid>.
const startLead = 20 * time.Second

func upCmd(env *command.Env) *cobra.Command {
	var o upOptions
	c := &cobra.Command{
		Use:   "up",
		Short: "Bring up a cluster, or resume it, and show what happens in it",
		Long: `Up brings up a managed cluster with a sample workload under traffic and then
shows its timeline until Ctrl-C, which stops it in good order. With --detach the
cluster goes on in the background. Its data is kept: up resumes it, whatever
ended it. If it is running already, up shows it, and Ctrl-C leaves it alone.`,
		Example: `  demarc up
  demarc up --nodes 10 --rate 60x --detach
  demarc up --name training --edition 2026-08 --no-sample
  demarc up --etcd-members 3 --api-servers 2
  demarc up --network-plugin kubenet
  demarc up --nodes 1 --network-plugin azure --subnet-prefix 10.224.0.0/26
  demarc up --images images.yaml`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.changed = c.Flags().Changed
			return up(c.Context(), env, o)
		},
	}
	o.describe(c)
	f := c.Flags()
	f.DurationVar(&o.backupKeep, "backup-keep", defaultBackupKeep, "for how long a new cluster keeps every backup")
	f.IntVar(&o.backupDaily, "backup-daily", defaultBackupDaily, "for how many days after that it keeps the last backup of each day")
	f.BoolVarP(&o.detach, "detach", "d", false, "leave the cluster running in the background")
	f.BoolVar(&o.noSample, "no-sample", false, "do not install the sample workload")
	f.BoolVar(&o.newKey, "new-backup-key", false, "make a new key of backups if theirs is lost: the old backups are kept and stay unreadable")
	return c
}

func up(ctx context.Context, env *command.Env, o upOptions) error {
	env.Detach.Store(o.detach)
	dir, err := env.DirToStart()
	if err != nil {
		return err
	}
	cfg, err := o.config(env.Name)
	if err != nil {
		return err
	}
	if c, err := engine.Attach(dir); err == nil && !engine.Dying(ctx, dir, c) {
		if err := upAgain(ctx, env, c, o); !errors.Is(err, errEnding) {
			return err
		}
	} else if err != nil && !errors.Is(err, engine.ErrNotRunning) {
		return err
	}
	if engine.Find(dir).Drill() {
		return env.NotRunning(dir)
	}
	path, err := engine.Build(ctx, env.Err)
	if err != nil {
		return err
	}
	cfg.Cluster.Start = time.Now().UTC().Add(-startLead).Truncate(time.Second)
	p, err := engine.Start(ctx, engine.Options{Path: path, DataDir: dir, Config: cfg, Detached: o.detach})
	if errors.Is(err, engine.ErrRunning) {
		return &engine.InputError{Message: fmt.Sprintf("the cluster %s is being started by somebody else", env.Name)}
	}
	if err != nil {
		return err
	}
	env.Own(p)
	env.Counts(p.Client)
	status, err := awaitReady(ctx, env, p)
	if err != nil {
		return errors.Join(err, abandon(ctx, env, p))
	}
	warn(env, status)
	warnKept(env, o, status)
	sayMended(env, status)
	warnMoved(env, status)
	if err := printUp(env, status, o.detach); err != nil || o.detach {
		return err
	}
	return stay(ctx, env, p)
}

// sayMended says what the start found damaged.
func sayMended(env *command.Env, s api.Status) {
	for _, m := range s.Mended {
		terminal.Fprintf(env.Err, "demarc: %s: %s; %s\n", m.Subject, m.Found, m.Remedy)
	}
}

// errEnding says that the engine of a cluster that was running has just ended.
var errEnding = errors.New("the engine is ending")

// running is the cluster of a client, unless its engine ends at that moment: that is waited
// for then.
func running(ctx context.Context, c *api.Client) (api.Status, error) {
	s, err := c.Status(ctx)
	switch {
	case errors.Is(err, api.ErrUnreachable) && ctx.Err() == nil:
		return s, errEnding
	case err != nil || s.State != "stopping":
		return s, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, downTimeout, &engine.FailedError{Reason: fmt.Sprintf("it is stopping, and has not within %s", downTimeout)})
	defer cancel()
	if engine.AwaitEnd(ctx, c) != nil {
		return s, context.Cause(ctx)
	}
	return s, errEnding
}

// upAgain is up for a cluster that is running: it belongs to somebody else.
func upAgain(ctx context.Context, env *command.Env, c *api.Client, o upOptions) error {
	env.Counts(c)
	s, err := running(ctx, c)
	if err != nil {
		return err
	}
	terminal.Fprintf(env.Err, "the cluster %s is running already\n", env.Name)
	warn(env, s)
	warnKept(env, o, s)
	if err := printUp(env, s, true); err != nil || o.detach {
		return err
	}
	fmt.Fprintln(env.Err, "following its timeline; Ctrl-C leaves it running")
	err = c.Stream(ctx, lastEvent(ctx, env, c), 0, api.StreamHandler{Timeline: showEvent(env)})
	switch {
	case ctx.Err() != nil:
		return nil
	case errors.Is(err, api.ErrUnreachable):
		terminal.Fprintf(env.Err, "the cluster %s was stopped\n", env.Name)
		return nil
	}
	return err
}

// stay shows the timeline until a signal, then stops the engine.
func stay(ctx context.Context, env *command.Env, p *engine.Process) error {
	streamCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if err := p.Watch(streamCtx); err != nil {
			cancel(err)
		}
	}()
	err := p.Client.Stream(streamCtx, lastEvent(ctx, env, p.Client), 0, api.StreamHandler{Timeline: showEvent(env)})
	if ctx.Err() != nil {
		show := output.NewProgress(env.Err)
		defer show.End()
		show.Hint("stopping; Ctrl-C again kills")
		return p.Stop(context.WithoutCancel(ctx))
	}
	if cause := context.Cause(streamCtx); cause != nil {
		p.Kill()
		return cause
	}
	select {
	case <-p.Done():
		if failure := p.Failure(); failure != nil {
			return failure
		}
		terminal.Fprintf(env.Err, "the cluster %s was stopped\n", env.Name)
		return nil
	case <-time.After(time.Second):
		return errors.Join(err, p.Stop(context.WithoutCancel(ctx)))
	}
}

// lastEvent is the newest event: what is shown begins behind it.
func lastEvent(ctx context.Context, env *command.Env, c *api.Client) int64 {
	events, err := c.Timeline(ctx, 0)
	if err != nil || len(events) == 0 {
		return 0
	}
	return events[len(events)-1].Seq
}

// showEvent writes events to standard output. What cannot be written there is
// not wanted any more.
func showEvent(env *command.Env) func(timeline.Event) {
	return func(e timeline.Event) { _ = env.Event(e) }
}
