package cluster

import (
	"cmp"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/state"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

// listTimeout is how long a cluster may take to answer for a list of all.
const listTimeout = 3 * time.Second

// Kinds of clusters, and the states of those that do not run.
const (
	kindCluster = "cluster"
	kindDrill   = "drill"

	stateStopped  = "stopped"
	stateOver     = "over"      // a drill whose data is still there
	stateNoAnswer = "no answer" // it runs, though
	stateUnusable = "unusable"
)

// listedCluster is what the list of clusters says of one.
type listedCluster struct {
	Name string `json:"name"`
	// Kind is cluster or drill, and Scenario the file that a drill plays.
	Kind     string `json:"kind"`
	Scenario string `json:"scenario,omitempty"`
	// State is starting, ready, stopping, failed, stopped, over, no answer or unusable.
	State string `json:"state"`
	// Problem says why it does not answer or is unusable.
	Problem string `json:"problem,omitempty"`
	// Clock is the virtual clock; without a rate where none runs.
	Now               time.Time `json:"now,omitzero"`
	ReadyAt           time.Time `json:"readyAt,omitzero"`
	Rate              *api.Rate `json:"rate,omitempty"`
	KubernetesVersion string    `json:"kubernetesVersion,omitempty"`
	MemoryBytes       int64     `json:"memoryBytes,omitempty"`
	DataDir           string    `json:"dataDir"`
}

func listCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the clusters, and drills that are played", Args: cobra.NoArgs,
		Long: `List shows every cluster of this user on this machine, running or stopped, with its
virtual clock, its version of Kubernetes and the memory of its engine. With several,
--name or DEMARC_NAME says which one a command is for; with one, nothing needs to.`,
		Example: `  demarc list
  demarc list -o json | jq -r '.[] | select(.state == "ready") | .name'`,
		RunE: func(c *cobra.Command, _ []string) error {
			found, err := engine.Clusters()
			if err != nil {
				return err
			}
			list := make([]listedCluster, len(found))
			var work sync.WaitGroup
			for i, f := range found {
				work.Go(func() { list[i] = look(c.Context(), f) })
			}
			work.Wait()
			if c.Context().Err() != nil {
				return context.Cause(c.Context())
			}
			return printClusters(env, list)
		},
	}
}

// look asks a cluster how it is, or its files if it does not run.
func look(ctx context.Context, f engine.Cluster) listedCluster {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	l := listedCluster{Name: f.Name, Kind: kindCluster, State: stateStopped, Scenario: f.Config.ScenarioFile, DataDir: f.Dir}
	if f.Drill() {
		l.Kind, l.State = kindDrill, stateOver
	}
	c, err := engine.Attach(f.Dir)
	switch {
	case errors.Is(err, engine.ErrNotRunning):
		if s := state.Last(f.Dir); s != nil {
			l.Now, l.KubernetesVersion = s.Now, s.KubernetesVersion
		}
		return l
	case err != nil:
		l.State, l.Problem = stateUnusable, err.Error()
		return l
	}
	l.MemoryBytes = engine.Memory(ctx, c.Handle().PID)
	s, err := c.Status(ctx)
	if err != nil {
		l.State, l.Problem = stateNoAnswer, err.Error()
		return l
	}
	l.State, l.Now, l.ReadyAt, l.Rate, l.KubernetesVersion = s.State, s.Clock.Now, s.ReadyAt, &s.Clock.Rate, s.KubernetesVersion
	return l
}

func printClusters(env *command.Env, list []listedCluster) error {
	return output.List(env.Printer, list, "there is no cluster; make one with: demarc up", func(w io.Writer, list []listedCluster) error {
		if err := clusterColumns(w, list); err != nil {
			return err
		}
		for _, l := range list {
			switch {
			case l.Problem != "":
				terminal.Fprintf(env.Err, "demarc: %s: %s\n", l.Name, l.Problem)
			case l.State == stateOver:
				terminal.Fprintf(env.Err, "demarc: the drill %s is over; remove its data with: demarc down --delete --name %s\n", l.Name, l.Name)
			}
		}
		return nil
	})
}

var clusterColumns = output.Columns("NAME\tKIND\tSTATE\tCLOCK\tRATE\tKUBERNETES\tMEMORY", func(l listedCluster) []any {
	rate, memory := "-", "-"
	if l.Rate != nil {
		rate = l.Rate.String()
	}
	if l.MemoryBytes > 0 {
		memory = output.Size(l.MemoryBytes)
	}
	return []any{l.Name, l.Kind, l.State, output.DateTimeOr(l.Now, "-"), rate, cmp.Or(strings.TrimPrefix(l.KubernetesVersion, "v"), "-"), memory}
})
