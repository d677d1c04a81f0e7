package traffic

import (
	"time"
)

// Spec says who asks whom, and how often.
type Spec struct {
	// Name is the traffic's name, unique in a cluster.
	Name string `json:"name"`
	// From is where the clients are: "outside" (the internet), "inside" (a
	// client on every running node, in turn), or "node/NAME".
	From string `json:"from"`
	// To is what they ask: "service/NAME", "service/NAMESPACE/NAME", or a URL.
	To string `json:"to"`
	// Path is the path of the request; "/" if empty.
	Path string `json:"path,omitempty"`
	// Rate is requests per second of virtual time.
	Rate float64 `json:"rate"`
	// Timeout bounds one request in virtual time; 2 s if zero.
	Timeout time.Duration `json:"timeout,omitempty"`
}

// Result is the outcome of one request.
type Result struct {
	// Time is the virtual time at which the request was sent.
	Time time.Time `json:"time"`
	// Latency is the virtual time until the answer, or until the failure.
	Latency time.Duration `json:"latency"`
	// Status is the HTTP status, or 0 if there was no answer.
	Status int `json:"status,omitempty"`
	// Reason says why the request failed, and is empty if it succeeded.
	// For example "dns: no such host", "connection refused", "i/o timeout",
	// "HTTP 503".
	Reason string `json:"reason,omitempty"`
	// Backend is the pod that answered (namespace/name), if one did.
	Backend string `json:"backend,omitempty"`
}
