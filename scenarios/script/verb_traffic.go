package script

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/sim/fault"
	"demarc/sim/traffic"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// maxRate bounds the rate of one traffic, so that a typo does not make a
// scenario take all day.
const maxRate = 1000

var verbTraffic = Verb{
	Name:    "traffic",
	Summary: "starts clients that send HTTP requests",
	Doc: "Each request goes through DNS, service, a node's rules and a pod, and is recorded with its virtual time and " +
		"outcome. Checks read it as traffic.NAME.",
	Example: "traffic shop from=outside to=service/shop rate=5/s",
	Args: []Arg{
		{Name: "name", Type: ArgWord, Positional: true, Required: true, Doc: "its name in checks and reports"},
		{Name: "from", Type: ArgText, Required: true, Doc: "outside (the internet), inside (every running node in turn), or node/NODE"},
		{Name: "to", Type: ArgText, Required: true, Doc: "service/[NAMESPACE/]NAME, or a URL"},
		{Name: "rate", Type: ArgRate, Default: "1/s", Doc: "requests per second (5/s) or minute (30/m)"},
		{Name: "path", Type: ArgText, Default: "/", Doc: "path of the request"},
		{Name: "host", Type: ArgText, Doc: "name of the host that is asked for, if it is not that of to=: an Ingress goes by it"},
		{Name: "timeout", Type: ArgDuration, Default: "2s", Doc: "how long a request may take"},
	},
	Check: checkTraffic,
}

var verbStopTraffic = Verb{
	Name:    "stop-traffic",
	Summary: "ends the clients of a traffic",
	Doc:     "What was recorded stays, and checks can still read it.",
	Example: "stop-traffic shop",
	Args:    []Arg{{Name: "name", Type: ArgWord, Positional: true, Required: true, Doc: "the traffic's name"}},
	Check: func(k Checker, c *Call) {
		name, started := c.Text("name"), k.Started("traffic")
		if !slices.Contains(started, name) {
			k.Problem(c.Cols["name"], fault.Suggest(name, started), "no traffic %s was started before this line", name)
		}
	},
}

// Traffic is the traffic that a call asks for.
func (c *Call) Traffic() traffic.Spec {
	rate, err := ParseRate(c.Text("rate"))
	if err != nil {
		rate = 1
	}
	return traffic.Spec{
		Name: c.Text("name"), From: c.Text("from"), To: c.Text("to"), Path: c.Text("path"), Host: c.Text("host"),
		Rate: rate, Timeout: c.Duration("timeout"),
	}
}

func checkTraffic(k Checker, c *Call) {
	from, to := c.Text("from"), c.Text("to")
	k.Start(c)
	if strings.HasPrefix(from, "node/") {
		k.Node(from, c.Cols["from"])
	} else if from != "outside" && from != "inside" {
		k.Problem(c.Cols["from"], fault.Suggest(from, []string{"outside", "inside"}), "from=%s: want outside, inside or node/NODE", from)
	}
	if rest, ok := strings.CutPrefix(to, "service/"); ok {
		namespace, name, both := strings.Cut(rest, "/")
		if !both {
			namespace, name = "", rest
		}
		if name == "" || both && namespace == "" || strings.Contains(name, "/") {
			k.Problem(c.Cols["to"], "", "to=%s: want service/NAME or service/NAMESPACE/NAME", to)
		} else {
			k.Exists(schema.GroupVersionKind{Version: "v1", Kind: "Service"}, namespace, name, c.Cols["to"]+len(to)-len(name))
		}
	} else if u, err := url.Parse(to); err != nil || u.Scheme != "http" || u.Host == "" {
		k.Problem(c.Cols["to"], "", "to=%s: want service/NAME, service/NAMESPACE/NAME or a URL such as http://shop.default/", to)
	}
	if host := c.Text("host"); host != "" && !traffic.IsHost(host) {
		k.Problem(c.Cols["host"], "", "host=%s: want the name of a host, such as shop.example.com", host)
	}
	if !strings.HasPrefix(c.Text("path"), "/") {
		k.Problem(c.Cols["path"], "", "path=%s: want a path that begins with /", c.Text("path"))
	}
}

// ParseRate reads 5/s, 30/m, or 5, which is per second.
func ParseRate(s string) (float64, error) {
	number, unit, ok := strings.Cut(s, "/")
	per := time.Second
	if ok && unit == "m" {
		per = time.Minute
	} else if ok && unit != "s" {
		return 0, fmt.Errorf("%q: the unit of a rate is /s or /m", s)
	}
	f, err := strconv.ParseFloat(number, 64)
	if rate := f / per.Seconds(); err == nil && rate > 0 && rate <= maxRate {
		return rate, nil
	}
	return 0, fmt.Errorf("%q is not a rate such as 5/s or 30/m, at most %d/s", s, maxRate)
}
