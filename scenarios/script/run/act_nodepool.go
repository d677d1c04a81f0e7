package run

import (
	"strconv"
	"strings"

	"demarc/sim/api"
)

// addPool is the node pool that a call asks for.
func (a action) addPool() api.AddPoolRequest {
	r := api.AddPoolRequest{Name: a.Text("pool"), Count: api.DefaultNodes, KubernetesVersion: a.Text("to"), PoolShape: api.PoolShape{
		Mode: a.Text("mode"), Size: a.Text("size"), Zones: a.list("zones"), Labels: a.labels(), Taints: a.list("taints"),
		Priority: a.Text("priority"), EvictionPolicy: a.Text("eviction-policy"),
	}, Autoscaler: a.autoscaler()}
	if n, err := strconv.Atoi(a.Text("count")); err == nil { // else there is none
		r.Count = n
	}
	r.SpotMaxPrice, _ = strconv.ParseFloat(a.Text("spot-max-price"), 64) // was checked
	r.MaxPods, _ = strconv.Atoi(a.Text("max-pods"))                      // if there is one
	return r
}

// updatePool is what a call changes of a node pool.
func (a action) updatePool() api.UpdatePoolRequest {
	r := api.UpdatePoolRequest{Mode: a.Text("mode"), Labels: a.labels(), Taints: a.list("taints"), Autoscaler: a.autoscaler()}
	switch a.Text("none") {
	case "labels":
		r.Labels = map[string]string{}
	case "taints":
		r.Taints = []string{}
	}
	return r
}

// autoscaler is what a call asks of the cluster autoscaler.
func (a action) autoscaler() api.AutoscalerRequest {
	number := func(name string) *int {
		n, err := strconv.Atoi(a.Text(name))
		if err != nil {
			return nil // there is none
		}
		return &n
	}
	return api.AutoscalerRequest{Action: a.Text("autoscaler"), MinCount: number("min"), MaxCount: number("max")}
}

// list is an argument whose values are separated by commas; nil if there is none.
func (a action) list(name string) []string {
	if a.Text(name) == "" {
		return nil
	}
	return strings.Split(a.Text(name), ",")
}

func (a action) labels() map[string]string {
	var labels map[string]string
	for _, l := range a.list("labels") {
		if labels == nil {
			labels = map[string]string{}
		}
		key, value, _ := strings.Cut(l, "=")
		labels[key] = value
	}
	return labels
}
