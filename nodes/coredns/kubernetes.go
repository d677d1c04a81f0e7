package coredns

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"demarc/nodes/network"
)

// kubernetesTTL is for how many seconds answers of the plugin kubernetes may be kept if
// nobody says it.
const kubernetesTTL = 5

// kubernetes answers from the cluster's Services and their endpoints.
type kubernetes struct {
	zones   []string
	pods    bool
	ttl     int
	through fallthroughs
}

// ignored are properties that change nothing here.
var ignored = strings.Fields("endpoint_pod_names namespaces endpoint tls labels namespace_labels noendpoints ignore kubeconfig multicluster startup_timeout")

// kubernetes: kubernetes [ZONES…] { … }.
func (b *building) kubernetes(list []directive) (err error) {
	args, body := list[0].lines()
	k := &kubernetes{zones: b.origins(texts(args)), ttl: kubernetesTTL}
	for _, line := range body {
		switch name := line[0].text; name {
		case "pods":
			if len(line) != 2 {
				return miscounted(line)
			}
			switch line[1].text {
			case "disabled", "insecure", "verified":
				k.pods = line[1].text != "disabled"
			default:
				return line[1].wrong("wrong value for pods: %s,  must be one of: disabled, verified, insecure", line[1].text)
			}
		case "fallthrough":
			k.through.read(line)
		case "ttl":
			if len(line) < 2 {
				return miscounted(line)
			}
			if k.ttl, err = strconv.Atoi(line[1].text); err != nil {
				return err
			}
			if k.ttl < 0 || k.ttl > 3600 {
				return line[1].wrong("ttl must be in range [0, 3600]: %d", k.ttl)
			}
		default:
			if !slices.Contains(ignored, name) {
				return line[0].wrong("unknown property '%s'", name)
			}
		}
	}
	b.plugins = append(b.plugins, k)
	return nil
}

// serve implements [plugin].
func (k *kubernetes) serve(ctx context.Context, q query, next func(context.Context, query) network.Reply) network.Reply {
	if !inZones(q.name, k.zones) {
		return next(ctx, q)
	}
	r := network.Reply{Code: network.NoError, TTL: seconds(k.ttl)}
	exists := false
	if k.pods || !strings.HasSuffix(q.name, ".pod."+network.ClusterDomain) {
		r.Records, exists = q.at.Cluster(q.name, q.kind)
	}
	for i := range r.Records {
		r.Records[i].TTL = k.ttl
	}
	switch {
	case len(r.Records) > 0:
		return follow(ctx, q, r)
	case exists || slices.Contains(k.zones, q.name):
		return r
	case k.through.passes(q.name):
		return next(ctx, q)
	}
	r.Code = network.NXDomain
	return r
}
