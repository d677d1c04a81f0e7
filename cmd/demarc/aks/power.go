package aks

import (
	"context"
	"fmt"
	"io"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"

	"github.com/spf13/cobra"
)

func showCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Show the managed cluster: its provisioning state and its power state", Args: cobra.NoArgs,
		Example: "  demarc aks show\n  demarc aks show -o json | jq -r .powerState.code",
		RunE: command.Ask(env, func(ctx context.Context, c *api.Client, _ []string) (api.ManagedCluster, error) {
			return c.ManagedCluster(ctx)
		}, printManagedCluster),
	}
}

func printManagedCluster(w io.Writer, c api.ManagedCluster) error {
	var t output.Table
	t.Row("name", c.Name)
	t.Row("Kubernetes", c.KubernetesVersion)
	t.Row("provisioning state", c.ProvisioningState)
	power := c.PowerState.Code
	if !c.Stopped.IsZero() {
		power += fmt.Sprintf(" (since %s; its state is kept until %s)", output.DateTime(c.Stopped), output.DateTime(c.KeptUntil))
	}
	t.Row("power state", power)
	t.Row("node resource group", c.NodeResourceGroup)
	t.Row("API server", c.Server)
	return t.Write(w, output.LineWidth)
}

func stopCmd(env *command.Env) *cobra.Command {
	return powerCmd(env, &cobra.Command{
		Use: "stop", Short: "Stop the managed cluster: its nodes and its control plane",
		Long: `Stop drains all nodes, deallocates their VMs and shuts the control plane down. Its state
and its disks are kept; pods that no Deployment, StatefulSet, DaemonSet or Job makes again
are lost. Budgets may hold a drain up for 30 minutes, and then pods end by force. Until
demarc aks start nothing else can be done with the cluster, there are no backups, and
nothing that does not serve is an incident. Ctrl-C does not end a stop.

It is the emulated cluster that is stopped, and its engine runs on: demarc down ends that.`,
		Example: "  demarc aks stop\n  demarc aks stop --no-wait",
	}, func(ctx context.Context, c *api.Client) (api.Operation, error) { return c.StopCluster(ctx) })
}

func startCmd(env *command.Env) *cobra.Command {
	return powerCmd(env, &cobra.Command{
		Use: "start", Short: "Start the managed cluster again that was stopped",
		Long: `Start brings back the control plane with the state that was kept, and as many nodes as
there were. Workloads come back when the nodes take pods again.`,
		Example: "  demarc aks start\n  demarc aks start --no-wait",
	}, func(ctx context.Context, c *api.Client) (api.Operation, error) { return c.StartCluster(ctx) })
}

// powerCmd completes a command that asks for a stop or a start, and follows that.
func powerCmd(env *command.Env, c *cobra.Command, ask func(context.Context, *api.Client) (api.Operation, error)) *cobra.Command {
	noWait := false
	c.Args = cobra.NoArgs
	c.RunE = func(c *cobra.Command, _ []string) error {
		client, err := env.Client()
		if err != nil {
			return err
		}
		op, err := ask(c.Context(), client)
		if err != nil {
			return err
		}
		return follow(c.Context(), env, client, op, noWait)
	}
	c.Flags().BoolVar(&noWait, "no-wait", false, "do not wait until it has ended")
	return c
}

// powerProgress says in a few words what a stop or a start is at.
func powerProgress(op api.Operation) string {
	done, blocked := 0, ""
	for _, n := range op.PowerChange.Nodes {
		if !n.Drained.IsZero() || !n.Ready.IsZero() {
			done++
		}
		if n.Blocked != "" {
			blocked = ", eviction blocked by a PodDisruptionBudget: " + n.Blocked
		}
	}
	switch {
	case op.Kind == api.OpStopCluster && op.PowerChange.Began.IsZero():
		return fmt.Sprintf(": %d of %d nodes drained%s", done, len(op.PowerChange.Nodes), blocked)
	case op.PowerChange.Done.IsZero():
		return ": control plane and VMs"
	}
	return fmt.Sprintf(": %d of %d nodes take pods", done, len(op.PowerChange.Nodes))
}
