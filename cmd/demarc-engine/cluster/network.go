package cluster

import (
	"context"
	"errors"
	"net"
	"net/http"

	"demarc/nodes"
	"demarc/nodes/network"
)

// clientNetwork is the cluster's network as traffic uses it.
type clientNetwork struct{ fleet *nodes.Fleet }

// DialService implements traffic.Network.
func (n clientNetwork) DialService(ctx context.Context, namespace, name string, port int32) (net.Conn, error) {
	return n.fleet.Network().DialService(ctx, namespace, name, port)
}

// Dial implements traffic.Network.
func (n clientNetwork) Dial(ctx context.Context, node, address string) (net.Conn, error) {
	return n.fleet.Network().Dial(ctx, network.Origin{Node: node}, address)
}

// Port implements traffic.Network.
func (n clientNetwork) Port(node, namespace, name string) (int32, error) {
	return n.fleet.Network().FirstPort(node, namespace, name)
}

// Nodes implements traffic.Network: a client is a container, and lives as long as
// its machine does.
func (n clientNetwork) Nodes() []string {
	var running []string
	for _, m := range n.fleet.Machines() {
		if m.Power == "running" && m.Containers > 0 {
			running = append(running, m.Name)
		}
	}
	return running
}

// Backend implements traffic.Network.
func (n clientNetwork) Backend(r *http.Response) string { return r.Header.Get(network.BackendHeader) }

var errNoAgent = errors.New("no konnectivity-agent is connected")

// tunnel reaches a kubelet, a pod or a Service for the API server, if an agent is there to
// do it.
func (c *Cluster) tunnel(ctx context.Context, address string) (net.Conn, error) {
	node, ok := c.fleet.TunnelAgent()
	if !ok {
		return nil, errNoAgent
	}
	if c.fleet.IsKubelet(address) {
		return c.fleet.DialKubelet(ctx, address)
	}
	return c.fleet.Network().Dial(ctx, network.Origin{Node: node, Once: true}, address)
}
