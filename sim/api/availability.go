package api

import "time"

// How well something does its work for its clients, by the provider's probes.
const (
	ProbeUp       = "up"
	ProbeDegraded = "degraded" // it serves, without some of what it has to serve with
	ProbeDown     = "down"
)

// Subjects of probes. That of a load balancer is followed by its Service.
const (
	ProbeDNS          = "dns"
	ProbeTunnel       = "tunnel"
	ProbeLoadBalancer = "loadbalancer/"
)

// Availability is how one thing did its work, by the provider's probes.
type Availability struct {
	Subject string `json:"subject"`
	// Since is when it was first probed.
	Since time.Time `json:"since"`
	// Lapses are the times in which it was not up, the oldest first.
	Lapses []Lapse `json:"lapses"`
}

// Lapse is a time in which something was degraded or down.
type Lapse struct {
	State string    `json:"state"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to,omitzero"` // zero while it lasts
	// Serving is the least that served of what it has to serve with: pods, agents, backends.
	Serving int `json:"serving"`
	Of      int `json:"of"`
}
