package aks

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/nodes/cloud"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

// began says that an operation on a pool has begun.
func began(pool *string) func(io.Writer, api.Operation) error {
	return output.Sentence(func(op api.Operation) string {
		return fmt.Sprintf("operation %s of %s: %s; demarc nodepool show %[2]s tells how it goes on", op.ID, *pool, op.Message)
	})
}

func nodepoolAddCmd(env *command.Env) *cobra.Command {
	r := api.AddPoolRequest{}
	var zones, labels, taints []string
	scaling := autoscalerFlags{}
	c := &cobra.Command{
		Use: "add POOL", Short: "Add a node pool", Args: cobra.ExactArgs(1),
		Long: `Add asks the provider for another node pool, with a scale set of its own, and returns
when it has accepted that. The nodes take some minutes. Those of priority Spot have the
taint kubernetes.azure.com/scalesetpriority=spot:NoSchedule; here Azure evicts one only if
demarc --as director fault inject evict node/NAME says so.`,
		Example: `  demarc nodepool add batch --node-count 2 --node-taints dedicated=batch:NoSchedule --labels team=data
  demarc nodepool add elastic --enable-cluster-autoscaler --min-count 1 --max-count 5 --node-count 1
  demarc nodepool add cheap --priority Spot --eviction-policy Deallocate --node-vm-size Standard_D2s_v5
  demarc nodepool add system2 --mode System --zones 1,2,3 --max-pods 30`,
	}
	c.RunE = command.Ask(env, func(ctx context.Context, client *api.Client, args []string) (op api.Operation, err error) {
		if r.Labels, err = parseLabels(labels); err != nil {
			return op, err
		}
		if r.Autoscaler, err = scaling.request(c); err != nil {
			return op, err
		}
		r.Name, r.Zones, r.Taints = args[0], given(zones), given(taints)
		return client.AddNodePool(ctx, r)
	}, began(&r.Name))
	f := c.Flags()
	f.IntVarP(&r.Count, "node-count", "c", api.DefaultNodes, "how many nodes the pool has: from 1, or from 0 for mode User")
	f.StringVar(&r.Mode, "mode", api.ModeUser, "System or User")
	f.StringVarP(&r.Size, "node-vm-size", "s", api.DefaultSize, "the VMs' size")
	f.StringSliceVarP(&zones, "zones", "z", nil, "the availability zones over which the nodes are spread, such as 1,2,3")
	f.IntVarP(&r.MaxPods, "max-pods", "m", 0, "how many pods a node can have, from 10 to 250 (default by the network plugin: 250, 110 with kubenet, 30 with azure)")
	f.IntVar(&r.OSDiskGB, "node-osdisk-size", api.DefaultOSDiskGB, "the size of a node's disk in GB")
	f.StringVar(&r.Priority, "priority", api.PriorityRegular, "Regular or Spot")
	f.StringVar(&r.EvictionPolicy, "eviction-policy", "", "what becomes of the VM of a Spot node that is evicted: Delete or Deallocate (default Delete)")
	f.Float64Var(&r.SpotMaxPrice, "spot-max-price", 0, "what a Spot node may cost in an hour, in US dollars with up to five decimals, or -1 for no bound (default -1)")
	f.StringVarP(&r.KubernetesVersion, "kubernetes-version", "k", "", "the version, such as 1.37 or 1.37.2 (default the control plane's)")
	registerShape(c, &labels, &taints)
	scaling.register(c, api.AutoscalerEnable)
	command.CompleteFlag(c, "mode", command.Words(api.PoolModes...))
	command.CompleteFlag(c, "node-vm-size", command.Words(cloud.Sizes()...))
	command.CompleteFlag(c, "priority", command.Words(api.PoolPriorities...))
	command.CompleteFlag(c, "eviction-policy", command.Words(api.EvictionPolicies...))
	command.CompleteFlag(c, "kubernetes-version", command.Words(api.KubernetesReleases...))
	return c
}

// registerShape adds the flags of what can be changed of a pool.
func registerShape(c *cobra.Command, labels, taints *[]string) {
	c.Flags().StringSliceVar(labels, "labels", nil, "the nodes' labels as KEY=VALUE, separated by commas")
	c.Flags().StringSliceVar(taints, "node-taints", nil, "the nodes' taints as KEY=VALUE:EFFECT, separated by commas")
}

func nodepoolUpdateCmd(env *command.Env) *cobra.Command {
	var pool, mode string
	var labels, taints []string
	scaling := autoscalerFlags{}
	c := &cobra.Command{
		Use: "update POOL", Short: "Change a node pool: labels, taints, mode, the cluster autoscaler", Args: cobra.ExactArgs(1),
		Long: `Update replaces the labels or the taints of a node pool, or changes its mode. The
nodes that are there get them too; an empty text takes all away. The cluster autoscaler
gives a pool nodes for pods that no node has room for, and takes nodes away that were not
needed for 10 minutes, always within the two numbers.`,
		Example: `  demarc nodepool update batch --labels team=data,tier=slow
  demarc nodepool update batch --enable-cluster-autoscaler --min-count 0 --max-count 5
  demarc nodepool update batch --node-taints ""
  demarc nodepool update nodepool1 --mode User`,
		ValidArgsFunction: completePools(env),
	}
	c.RunE = command.Ask(env, func(ctx context.Context, client *api.Client, args []string) (op api.Operation, err error) {
		pool = args[0]
		r := api.UpdatePoolRequest{Mode: mode}
		if c.Flags().Changed("labels") {
			if r.Labels, err = parseLabels(labels); err != nil {
				return op, err
			}
		}
		if c.Flags().Changed("node-taints") {
			r.Taints = append([]string{}, given(taints)...)
		}
		if r.Autoscaler, err = scaling.request(c); err != nil {
			return op, err
		}
		return client.UpdateNodePool(ctx, pool, r)
	}, began(&pool))
	c.Flags().StringVar(&mode, "mode", "", "System or User")
	registerShape(c, &labels, &taints)
	scaling.register(c, api.AutoscalerActions...)
	command.CompleteFlag(c, "mode", command.Words(api.PoolModes...))
	return c
}

func nodepoolDeleteCmd(env *command.Env) *cobra.Command {
	var pool string
	r := api.DeletePoolRequest{}
	c := &cobra.Command{
		Use: "delete POOL", Short: "Delete a node pool", Args: cobra.ExactArgs(1),
		Long: `Delete asks the provider to drain the nodes of a pool, no faster than
PodDisruptionBudgets allow, and to delete them and the pool. It returns when the
provider has accepted that. If a node cannot be drained in time the deletion fails,
and the pool stays.`,
		Example: `  demarc nodepool delete batch
  demarc nodepool delete batch --ignore-pdb`,
		ValidArgsFunction: completePools(env),
		RunE: command.Ask(env, func(ctx context.Context, c *api.Client, args []string) (api.Operation, error) {
			pool = args[0]
			return c.DeleteNodePool(ctx, pool, r)
		}, began(&pool)),
	}
	c.Flags().BoolVar(&r.IgnorePDB, "ignore-pdb", false, "delete nodes with the pods that PodDisruptionBudgets protect")
	return c
}

// given are the values of a flag without empty ones.
func given(values []string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })
}

// parseLabels reads labels as az does.
func parseLabels(list []string) (map[string]string, error) {
	labels := map[string]string{}
	for _, l := range given(list) {
		key, value, ok := strings.Cut(l, "=")
		if !ok {
			return nil, &engine.InputError{Message: fmt.Sprintf("Invalid label: %s. Label definition must be of format name=value.", l)}
		}
		labels[key] = value
	}
	return labels, nil
}

// printShape prints what a pool's nodes are, as far as the list does not.
func printShape(w io.Writer, s api.PoolShape) {
	var parts []string
	for _, p := range []struct {
		what string
		has  []string
	}{{"zones", s.Zones}, {"labels", labelWords(s.Labels)}, {"taints", s.NodeTaints()}} {
		if len(p.has) > 0 {
			parts = append(parts, p.what+" "+strings.Join(p.has, ","))
		}
	}
	if s.Spot() {
		parts = append(parts, "Spot, evicted by "+s.EvictionPolicy+priceText(s.SpotMaxPrice))
	}
	for _, p := range append(parts, fmt.Sprintf("%d pods at most and a disk of %d GB on each node", s.MaxPods, s.OSDiskGB)) {
		terminal.Fprintf(w, "%s\n", p)
	}
}

func labelWords(labels map[string]string) (words []string) {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		words = append(words, key+"="+labels[key])
	}
	return words
}

// priceText is the most that a Spot node may cost; empty if nothing bounds it.
func priceText(price float64) string {
	if price <= 0 {
		return ""
	}
	return " or above " + strconv.FormatFloat(price, 'f', -1, 64) + " USD an hour"
}
