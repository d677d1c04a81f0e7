package cluster

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"demarc/cmd/demarc/command"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/timeline"

	"github.com/spf13/cobra"
)

func timelineCmd(env *command.Env) *cobra.Command {
	var follow bool
	var since string
	c := &cobra.Command{
		Use:   "timeline",
		Short: "Show everything that happened in the cluster",
		Long: `Timeline shows the events of a cluster in virtual time: who did what to what, and
why. It also reads that of a cluster that is stopped. As JSON it is one event in
a line.`,
		Example: `  demarc timeline --since 30m
  demarc timeline --follow
  demarc timeline -o json | jq 'select(.actor == "provider")'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return showTimeline(c, env, follow, since) },
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what happens from now on, until Ctrl-C")
	c.Flags().StringVar(&since, "since", "", "begin there: a duration of virtual time such as 30m, or a time such as 2026-08-01T12:00:00Z")
	return c
}

func showTimeline(c *cobra.Command, env *command.Env, follow bool, since string) error {
	if _, err := parseSince(since, time.Time{}); err != nil {
		return err
	}
	client, dir, err := env.ClientOrData()
	switch {
	case err != nil:
		return err
	case client == nil && follow:
		return env.NotRunning(dir)
	case client == nil:
		return storedTimeline(env, dir, since)
	}
	events, err := client.Timeline(c.Context(), 0)
	if err != nil {
		return err
	}
	k, err := client.Clock(c.Context())
	if err != nil {
		return err
	}
	if err := printEvents(env, events, since, k.Now); err != nil || !follow {
		return err
	}
	last := int64(0)
	if len(events) > 0 {
		last = events[len(events)-1].Seq
	}
	err = client.Stream(c.Context(), last, 0, api.StreamHandler{Timeline: showEvent(env)})
	if c.Context().Err() != nil {
		return context.Cause(c.Context())
	}
	if errors.Is(err, api.ErrUnreachable) {
		return nil // the cluster was stopped
	}
	return err
}

// parseSince makes a point in virtual time of a duration before now, or a time.
func parseSince(since string, now time.Time) (time.Time, error) {
	if since == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, since); err == nil {
		return t, nil
	}
	d, err := time.ParseDuration(since)
	if err != nil || d < 0 {
		return time.Time{}, &engine.InputError{Message: fmt.Sprintf("--since %s: want a duration such as 30m, or a time such as 2026-08-01T12:00:00Z", since)}
	}
	return now.Add(-d), nil
}

func printEvents(env *command.Env, events []timeline.Event, since string, now time.Time) error {
	from, err := parseSince(since, now)
	if err != nil {
		return err
	}
	for _, e := range events {
		if e.Time.Before(from) {
			continue
		}
		if err := env.Event(e); err != nil {
			return err
		}
	}
	return nil
}

// storedTimeline shows the timeline of a cluster that is stopped.
func storedTimeline(env *command.Env, dir, since string) error {
	events, err := timeline.Read(filepath.Join(dir, timeline.File))
	if err != nil {
		return fmt.Errorf("read the timeline: %w", err)
	}
	var now time.Time
	if len(events) > 0 {
		now = events[len(events)-1].Time
	}
	return printEvents(env, events, since, now)
}
