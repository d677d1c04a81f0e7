package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

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

// phasePoll is how often a starting engine is asked how far it is.
const phasePoll = 50 * time.Millisecond

func (a *app) upCmd() *cobra.Command {
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
  demarc up --etcd-members 3 --api-servers 2`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.changed = c.Flags().Changed
			return a.up(c.Context(), o)
		},
	}
	f := c.Flags()
	f.IntVar(&o.nodes, "nodes", api.DefaultNodes, "number of worker nodes of a new cluster")
	f.IntVar(&o.etcdMembers, "etcd-members", 1, "number of etcd members of a new cluster: 1 or 3")
	f.IntVar(&o.apiServers, "api-servers", 1, fmt.Sprintf("number of API servers of a new cluster: 1 to %d", api.MaxAPIServers))
	f.DurationVar(&o.backupKeep, "backup-keep", defaultBackupKeep, "for how long a new cluster keeps every backup")
	f.IntVar(&o.backupDaily, "backup-daily", defaultBackupDaily, "for how many days after that it keeps the last backup of each day")
	f.StringVar(&o.gates, "feature-gates", "", "Kubernetes' feature gates of a new cluster that are not as by default: NAME=true, more of them behind commas")
	f.BoolVar(&o.unsupported, "allow-unsupported-feature-gates", false, "take feature gates that the support policy does not cover")
	f.BoolVar(&o.egress, "webhook-egress", false, "let admission and conversion webhooks by URL of a new cluster reach any host; without it they reach this machine only")
	f.StringVar(&o.rate, "rate", "1x", "speed of the virtual clock once the cluster is ready: 1x, 60x, max, pause")
	f.StringVar(&o.edition, "edition", api.Editions[0], "edition of the support policy of a new cluster: "+strings.Join(api.Editions, ", "))
	f.StringVar(&o.kubernetes, "kubernetes-version", "", "version of Kubernetes of a new cluster, such as 1.36 (default the newest, "+api.NewestKubernetes()+")")
	f.BoolVarP(&o.detach, "detach", "d", false, "leave the cluster running in the background")
	f.BoolVar(&o.noSample, "no-sample", false, "do not install the sample workload")
	f.BoolVar(&o.newKey, "new-backup-key", false, "make a new key of backups if theirs is lost: the old backups are kept and stay unreadable")
	must(c.RegisterFlagCompletionFunc("etcd-members", complete("1", "3")))
	must(c.RegisterFlagCompletionFunc("api-servers", complete("1", "2", "3")))
	must(c.RegisterFlagCompletionFunc("rate", completeRates))
	must(c.RegisterFlagCompletionFunc("edition", complete(api.Editions...)))
	must(c.RegisterFlagCompletionFunc("kubernetes-version", complete(api.KubernetesReleases...)))
	return c
}

func (a *app) up(ctx context.Context, o upOptions) error {
	a.detach.Store(o.detach)
	dir, err := a.choose(true)
	if err != nil {
		return err
	}
	cfg, err := o.config(a.name)
	if err != nil {
		return err
	}
	if c, err := engine.Attach(dir); err == nil && !engine.Dying(ctx, dir, c) {
		return a.upAgain(ctx, c, o)
	} else if err != nil && !errors.Is(err, engine.ErrNotRunning) {
		return err
	}
	if engine.Find(dir).Drill() {
		return a.notRunning(dir)
	}
	path, err := engine.Build(ctx, a.Err)
	if err != nil {
		return err
	}
	cfg.Cluster.Start = time.Now().UTC().Add(-startLead).Truncate(time.Second)
	p, err := engine.Start(ctx, engine.Options{Path: path, DataDir: dir, Config: cfg, Detached: o.detach})
	if errors.Is(err, engine.ErrRunning) {
		return &engine.InputError{Message: fmt.Sprintf("the cluster %s is being started by somebody else", a.name)}
	}
	if err != nil {
		return err
	}
	a.own(p)
	status, err := a.awaitReady(ctx, p)
	if err != nil {
		return errors.Join(err, a.abandon(p))
	}
	a.warn(status)
	a.warnKept(o, status)
	a.sayMended(status)
	a.warnMoved(status)
	if err := a.printUp(status, o.detach); err != nil || o.detach {
		return err
	}
	return a.stay(ctx, p)
}

// sayMended says what the start found damaged.
func (a *app) sayMended(s api.Status) {
	for _, m := range s.Mended {
		terminal.Fprintf(a.Err, "demarc: %s: %s; %s\n", m.Subject, m.Found, m.Remedy)
	}
}

// awaitReady shows the phases of the start until the cluster is ready.
func (a *app) awaitReady(ctx context.Context, p *engine.Process) (api.Status, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if err := p.Watch(ctx); err != nil {
			cancel(err)
		}
	}()
	show := output.NewProgress(a.Err)
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
// unless it is nothing yet.
func (a *app) abandon(p *engine.Process) error {
	p.Kill()
	discarded, err := p.Discard()
	if err == nil && !discarded {
		terminal.Fprintf(a.Err, "demarc: the cluster's data is kept: demarc up%s goes on with it, demarc down%s --delete removes it\n", a.nameFlag(), a.nameFlag())
	}
	return err
}

// warn says what is wrong with a cluster's data.
func (a *app) warn(s api.Status) {
	for _, w := range s.Warnings {
		terminal.Fprintf(a.Err, "demarc: warning: %s\n", w)
	}
}

// upAgain is up for a cluster that is running: it belongs to somebody else.
func (a *app) upAgain(ctx context.Context, c *api.Client, o upOptions) error {
	s, err := c.Status(ctx)
	if err != nil {
		return err
	}
	terminal.Fprintf(a.Err, "the cluster %s is running already\n", a.name)
	a.warn(s)
	a.warnKept(o, s)
	if err := a.printUp(s, true); err != nil || o.detach {
		return err
	}
	fmt.Fprintln(a.Err, "following its timeline; Ctrl-C leaves it running")
	err = c.Stream(ctx, a.lastEvent(ctx, c), 0, api.StreamHandler{Timeline: a.showEvent()})
	switch {
	case ctx.Err() != nil:
		return nil
	case errors.Is(err, api.ErrUnreachable):
		terminal.Fprintf(a.Err, "the cluster %s was stopped\n", a.name)
		return nil
	}
	return err
}

// stay shows the timeline until a signal, then stops the engine.
func (a *app) stay(ctx context.Context, p *engine.Process) error {
	streamCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if err := p.Watch(streamCtx); err != nil {
			cancel(err)
		}
	}()
	err := p.Client.Stream(streamCtx, a.lastEvent(ctx, p.Client), 0, api.StreamHandler{Timeline: a.showEvent()})
	if ctx.Err() != nil {
		fmt.Fprintln(a.Err, "\nstopping (Ctrl-C again kills) …")
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
		terminal.Fprintf(a.Err, "the cluster %s was stopped\n", a.name)
		return nil
	case <-time.After(time.Second):
		return errors.Join(err, p.Stop(context.WithoutCancel(ctx)))
	}
}

// lastEvent is the newest event: what is shown begins behind it.
func (a *app) lastEvent(ctx context.Context, c *api.Client) int64 {
	events, err := c.Timeline(ctx, 0)
	if err != nil || len(events) == 0 {
		return 0
	}
	return events[len(events)-1].Seq
}

// showEvent writes events to standard output. What cannot be written there is
// not wanted any more.
func (a *app) showEvent() func(timeline.Event) {
	return func(e timeline.Event) { _ = a.Event(e) }
}

// printUp says where things are.
func (a *app) printUp(s api.Status, background bool) error {
	if a.JSON() {
		return a.Value(s)
	}
	p, flag := output.PaletteFor(a.Out), a.nameFlag()
	var sb strings.Builder
	terminal.Fprintf(&sb, "%s\n\n", p.Bold(fmt.Sprintf("The cluster %s is %s: Kubernetes %s, %d nodes, support policy %s.", s.Name, s.State, s.KubernetesVersion, len(s.Machines), s.Cluster.Edition)))
	terminal.Fprintf(&sb, "  API server     %s\n", s.Server)
	terminal.Fprintf(&sb, "  kubectl        export KUBECONFIG=%s\n", shellQuote(s.Kubeconfig))
	if len(s.Machines) > 0 && s.SSHConfig != "" {
		terminal.Fprintf(&sb, "  a node         ssh -F %s %s, or demarc ssh 0%s\n", shellQuote(s.SSHConfig), s.Machines[0].Name, flag)
	}
	for _, lb := range s.LoadBalancers {
		terminal.Fprintf(&sb, "  %-13s  curl http://%s/\n", lb.Namespace+"/"+lb.Service, lb.Address)
	}
	terminal.Fprintf(&sb, "  virtual clock  %s at %s; change it: demarc clock set 60x%s\n", output.DateTime(s.Now), s.Clock.Rate, flag)
	terminal.Fprintf(&sb, "  break it       demarc --as director fault inject crash control-plane%s\n", flag)
	terminal.Fprintf(&sb, "  mend it        demarc --as director fault inject start control-plane%s\n", flag)
	stop := "Ctrl-C; what was acknowledged is kept for the next demarc up"
	if background {
		stop = "demarc down" + flag
	}
	terminal.Fprintf(&sb, "  stop it        %s\n\n", stop)
	_, err := fmt.Fprint(a.Out, sb.String())
	return err
}

// shellQuote quotes a path if a shell needs it.
func shellQuote(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune("/._-+:@", r) && !alphanumeric(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func alphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
