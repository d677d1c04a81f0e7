package torture

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/timeline"
)

// Real times within which things must happen, on a machine with much else to do.
const (
	readyTimeout  = 3 * time.Minute
	settleTimeout = 3 * time.Minute
)

// cluster is a cluster whose engine is killed again and again.
type cluster struct {
	*lane
	dir     string
	spec    api.ClusterSpec
	rate    api.Rate
	written *ledger
	p       *engine.Process
	// now is the latest virtual time that was seen, and last the newest event.
	now  time.Time
	last timeline.Event
	// revisions are those of all backups that there ever were.
	revisions map[string]int64
	struck    int
}

// newCluster is a cluster that was not started yet.
func (l *lane) newCluster(name string, members int) *cluster {
	return &cluster{
		lane: l, dir: filepath.Join(l.dir, name), written: newLedger(), rate: 60, revisions: map[string]int64{},
		spec: api.ClusterSpec{
			Name: "torture", Nodes: 2, Edition: api.DefaultEdition, KubernetesVersion: api.KubernetesReleases[0],
			Start: time.Now().UTC().Truncate(time.Second), Seed: *seed, EtcdMembers: members,
		},
	}
}

// begin starts the engine, or resumes it, and returns when its API answers.
func (c *cluster) begin(ctx context.Context) (err error) {
	c.p, err = engine.Start(ctx, engine.Options{Path: c.engine, DataDir: c.dir, Config: api.EngineConfig{Cluster: c.spec, Rate: c.rate}})
	return err
}

// start starts the engine, or resumes it, and waits until the cluster is ready.
func (c *cluster) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := c.begin(ctx); err != nil {
		return err
	}
	return c.awaitReady(ctx)
}

func (c *cluster) awaitReady(ctx context.Context) error {
	for {
		s, err := c.p.Client.Status(ctx)
		switch {
		case errors.Is(err, api.ErrUnreachable):
			select {
			case <-c.p.Done():
				return errors.Join(errors.New("the engine ended"), c.p.Failure())
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(50 * time.Millisecond):
			}
			continue
		case err != nil:
			return err
		case s.State == "ready":
			return nil
		case s.State == "failed":
			return fmt.Errorf("the engine failed: %s", s.Error)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready, but %s (%s): %w", s.State, s.Phase, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// kubeconfig is the customer's.
func (c *cluster) kubeconfig() string { return filepath.Join(c.dir, "kubeconfig", "customer") }

// provider is a client with the provider's token.
func (c *cluster) provider() (*api.Client, error) { return engine.AttachAs(c.dir, api.RoleProvider) }

// director is a client of whoever leads drills.
func (c *cluster) director() (*api.Client, error) {
	return engine.AttachAs(c.dir, api.Role("director"))
}

// look remembers the latest time and the newest event.
func (c *cluster) look(ctx context.Context) {
	if k, err := c.p.Client.Clock(ctx); err == nil && k.Now.After(c.now) {
		c.now = k.Now
	}
	if events, err := c.p.Client.Timeline(ctx, c.last.Seq); err == nil && len(events) > 0 {
		c.last = events[len(events)-1]
	}
}

// hurry lets virtual time run free until ok, or for as long as anything may take.
func (c *cluster) hurry(ctx context.Context, what string, ok func() (bool, error)) error {
	if _, err := c.p.Client.SetClock(ctx, api.ClockRequest{Rate: api.FreeRun}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	var last error
	for {
		done, err := ok()
		if done {
			_, err := c.p.Client.SetClock(ctx, api.ClockRequest{Rate: c.rate})
			return err
		}
		if err != nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("%s: not within %s", what, settleTimeout), last)
		case <-c.p.Done():
			return errors.Join(fmt.Errorf("%s: the engine ended", what), c.p.Failure())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// oneLine is an error as one line.
func oneLine(err error) string { return strings.ReplaceAll(fmt.Sprint(err), "\n", " | ") }
