package traffic

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Bounds and defaults of a [Spec].
const (
	MaxRate        = 1000              // requests per second
	MinRate        = 1 / (24 * 3600.0) // requests per second: one a day
	DefaultTimeout = 2 * time.Second
)

// Spec says who asks whom, and how often.
type Spec struct {
	// Name is the traffic's name, unique in a cluster.
	Name string `json:"name"`
	// From is where the clients are: "outside" (the internet), "inside" (a
	// client on every running node, in turn), or "node/NAME".
	From string `json:"from"`
	// To is what they ask: "service/NAME", "service/NAMESPACE/NAME", either
	// with ":PORT" behind it, or an http URL.
	To string `json:"to"`
	// Path is the path of the request; "/" if empty.
	Path string `json:"path,omitempty"`
	// Host is the name that they ask for, as an Ingress looks at it; that of To if empty.
	Host string `json:"host,omitempty"`
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

var validHost = regexp.MustCompile(`^[a-zA-Z0-9]([-.a-zA-Z0-9]{0,251}[a-zA-Z0-9])?$`)

// IsHost says whether s can be the Host of a [Spec].
func IsHost(s string) bool { return validHost.MatchString(s) }

var validName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// Validate checks a spec and says what is wrong with it.
func (s Spec) Validate() error {
	switch {
	case !validName.MatchString(s.Name):
		return fmt.Errorf("traffic name %q: want lower-case letters, digits and '-', at most 63, as in a DNS label", s.Name)
	case !(s.Rate > 0) || s.Rate > MaxRate:
		return fmt.Errorf("traffic %s: rate %v/s: want more than 0 and at most %d requests per second", s.Name, s.Rate, MaxRate)
	case s.Rate < MinRate:
		return fmt.Errorf("traffic %s: rate %v/s: want at least one request a day", s.Name, s.Rate)
	case s.Timeout < 0:
		return fmt.Errorf("traffic %s: timeout %v is negative", s.Name, s.Timeout)
	case s.Path != "" && !strings.HasPrefix(s.Path, "/"):
		return fmt.Errorf("traffic %s: path %q does not begin with /", s.Name, s.Path)
	case s.Path != "" && !isPath(s.Path):
		return fmt.Errorf("traffic %s: path %q is not part of a URL", s.Name, s.Path)
	case s.Host != "" && !validHost.MatchString(s.Host):
		return fmt.Errorf("traffic %s: host %q is no name of a host, such as shop.example.com", s.Name, s.Host)
	case s.From != "outside" && s.From != "inside" && (!strings.HasPrefix(s.From, "node/") || s.From == "node/"):
		return fmt.Errorf("traffic %s: from %q: want outside, inside or node/NAME", s.Name, s.From)
	}
	t, err := parseTarget(s.To)
	if err != nil {
		return fmt.Errorf("traffic %s: %w", s.Name, err)
	}
	if t.url != nil && s.From == "outside" {
		return fmt.Errorf("traffic %s: a client outside the cluster only reaches Services of type LoadBalancer: want to=service/NAME", s.Name)
	}
	return nil
}

// isPath says whether s can be asked for, with what is behind "?" if there is.
func isPath(s string) bool {
	_, err := url.ParseRequestURI(s)
	return err == nil && !strings.Contains(s, "#")
}

// String is the traffic in a sentence.
func (s Spec) String() string {
	return fmt.Sprintf("%s requests per second from %s to %s", strconv.FormatFloat(s.Rate, 'f', -1, 64), s.From, s.To)
}

// target is a To taken apart: a Service, or a URL.
type target struct {
	namespace, service string
	port               int32 // 0 means the first
	url                *url.URL
}

// Service is the Service that is asked, as NAMESPACE/NAME; empty if To does not tell.
func (s Spec) Service() string {
	t, err := parseTarget(s.To)
	switch {
	case err != nil:
		return ""
	case t.url == nil:
		return t.namespace + "/" + t.service
	}
	labels := strings.Split(t.url.Hostname(), ".") // its name in the cluster's DNS
	if len(labels) < 2 || len(labels) > 2 && labels[2] != "svc" {
		return ""
	}
	return labels[1] + "/" + labels[0]
}

func parseTarget(s string) (target, error) {
	if strings.HasPrefix(s, "http://") {
		u, err := url.Parse(s)
		if err != nil || u.Hostname() == "" {
			return target{}, fmt.Errorf("to %q is not a URL", s)
		}
		return target{url: u}, nil
	}
	if strings.HasPrefix(s, "https://") {
		return target{}, fmt.Errorf("to %q: clients speak http only: want http://", s)
	}
	rest, ok := strings.CutPrefix(s, "service/")
	if !ok {
		return target{}, fmt.Errorf("to %q: want service/NAME, service/NAMESPACE/NAME or an http:// URL", s)
	}
	t := target{namespace: "default"}
	rest, port, hasPort := strings.Cut(rest, ":")
	if hasPort {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return target{}, fmt.Errorf("to %q: %q is not a port", s, port)
		}
		t.port = int32(n)
	}
	parts := strings.Split(rest, "/")
	if len(parts) == 2 {
		t.namespace, parts = parts[0], parts[1:]
	}
	if len(parts) != 1 || !validName.MatchString(parts[0]) || !validName.MatchString(t.namespace) {
		return target{}, fmt.Errorf("to %q: want service/NAME or service/NAMESPACE/NAME", s)
	}
	t.service = parts[0]
	return t, nil
}
