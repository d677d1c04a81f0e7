package api

import (
	"strings"
	"testing"
)

func TestPortsOfANode(t *testing.T) {
	for nodes, want := range map[int]int{1: 1024, 50: 1024, 51: 512, 100: 512, 101: 256, 200: 256, 201: 128, 400: 128, 401: 64, 800: 64, 801: 32, 1000: 32} {
		if got := (LoadBalancerProfile{}).Ports(nodes); got != want {
			t.Errorf("%d nodes: got %d, want %d", nodes, got, want)
		}
	}
	if got := (LoadBalancerProfile{AllocatedOutboundPorts: 8}).Ports(900); got != 8 {
		t.Errorf("as the customer wants: got %d", got)
	}
}

func TestProfileIsChecked(t *testing.T) {
	n := func(n int) *int { return &n }
	for _, tt := range []struct {
		update LoadBalancerUpdate
		want   string // a part of the error; empty for none
	}{
		{LoadBalancerUpdate{}, ""},
		{LoadBalancerUpdate{OutboundPorts: n(0), ManagedOutboundIPs: n(1), IdleTimeout: n(4)}, ""},
		{LoadBalancerUpdate{OutboundPorts: n(64000), ManagedOutboundIPs: n(100), IdleTimeout: n(120)}, ""},
		{LoadBalancerUpdate{OutboundPorts: n(1023)}, "a multiple of 8"},
		{LoadBalancerUpdate{OutboundPorts: n(-8)}, "in the range [0,64000]"},
		{LoadBalancerUpdate{OutboundPorts: n(64008)}, "in the range [0,64000]"},
		{LoadBalancerUpdate{ManagedOutboundIPs: n(0)}, "between 1 and 100"},
		{LoadBalancerUpdate{ManagedOutboundIPs: n(101)}, "between 1 and 100"},
		{LoadBalancerUpdate{IdleTimeout: n(3)}, "in the range [4,120]"},
		{LoadBalancerUpdate{IdleTimeout: n(121)}, "in the range [4,120]"},
	} {
		if err := tt.update.Validate(); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: got %v, want %q", tt.update, err, tt.want)
		}
	}
	p := LoadBalancerProfile{}.With(LoadBalancerUpdate{OutboundPorts: n(8000)})
	if err := p.Fits(8); err != nil {
		t.Error(err)
	}
	const want = "Total node count 9 requires 72000 ports but only 64000 ports are available given 1 outbound public IPs."
	if err := p.Fits(9); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := p.With(LoadBalancerUpdate{ManagedOutboundIPs: n(2)}).Fits(9); err != nil {
		t.Error(err)
	}
}
