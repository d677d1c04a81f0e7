package aks

import (
	"fmt"

	"demarc/sim/api"
	"demarc/sim/engine"

	"github.com/spf13/cobra"
)

// autoscalerFlags are az's flags for the cluster autoscaler of a pool.
type autoscalerFlags struct {
	actions     map[string]*bool
	least, most int
}

// autoscalerDocs say what the flags of the actions do.
var autoscalerDocs = map[string]string{
	api.AutoscalerEnable:  "have the cluster autoscaler decide how many nodes the pool has",
	api.AutoscalerUpdate:  "change the bounds of the cluster autoscaler",
	api.AutoscalerDisable: "have the pool keep the number of nodes that it has",
}

func (f *autoscalerFlags) register(c *cobra.Command, actions ...string) {
	f.actions = map[string]*bool{}
	for _, a := range actions {
		f.actions[a] = c.Flags().Bool(a+"-cluster-autoscaler", false, autoscalerDocs[a])
	}
	c.Flags().IntVar(&f.least, "min-count", 0, "how many nodes the cluster autoscaler leaves: from 1, or from 0 for mode User")
	c.Flags().IntVar(&f.most, "max-count", 0, fmt.Sprintf("up to how many nodes it goes, %d at most", api.MaxNodes))
}

// request is what the flags ask for.
func (f *autoscalerFlags) request(c *cobra.Command) (r api.AutoscalerRequest, err error) {
	for _, a := range api.AutoscalerActions {
		if on := f.actions[a]; on != nil && *on {
			if r.Action != "" {
				return r, &engine.InputError{Message: "Can only specify one of --enable-cluster-autoscaler, --update-cluster-autoscaler and --disable-cluster-autoscaler"}
			}
			r.Action = a
		}
	}
	if c.Flags().Changed("min-count") {
		r.MinCount = &f.least
	}
	if c.Flags().Changed("max-count") {
		r.MaxCount = &f.most
	}
	return r, nil
}

// autoscaled says within which bounds the cluster autoscaler keeps a pool.
func autoscaled(a api.Autoscaling) string {
	return fmt.Sprintf("the cluster autoscaler decides how many nodes it has, from %d to %d", a.MinCount, a.MaxCount)
}
