package parse

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/nodes/cloud"
	"demarc/nodes/image"
	"demarc/scenarios/script"
	"demarc/sim/api"
	"demarc/sim/fault"
)

var clusterName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$`)

// maxKeepDaily bounds backup-daily, in days.
const maxKeepDaily = 366

// property is one property of the cluster statement.
type property struct {
	script.Arg
	// set sets a value. If that is wrong it says what is wanted instead, and what it has
	// set does not count; what was probably meant is one of near.
	set  func(c *api.ClusterSpec, value string) (wanted string)
	near []string
	// section sets the property from the section that a value names, in place of set. It
	// says what is wrong in which line of the section.
	section func(c *api.ClusterSpec, text string) []image.Problem
}

var clusterProperties = []property{
	wholeNumber("nodes", api.DefaultNodes, "worker nodes, 1 to 1000", api.MaxNodes, func(c *api.ClusterSpec) *int { return &c.Nodes }),
	{
		Arg: script.Arg{Name: "zones", Type: script.ArgText, Doc: "availability zones over which the nodes are spread, such as 1,2,3; without it they are in none"},
		set: parsed(cloud.ParseZones, func(c *api.ClusterSpec) *[]string { return &c.Zones }),
	},
	{
		Arg:  script.Arg{Name: "edition", Type: script.ArgEnum, Values: api.Editions, Default: api.DefaultEdition, Doc: "edition of the support policy"},
		near: api.Editions,
		set: func(c *api.ClusterSpec, v string) string {
			c.Edition = v
			return unless(slices.Contains(api.Editions, v), "want "+strings.Join(api.Editions, " or "))
		},
	},
	{
		Arg: script.Arg{Name: "kubernetes", Type: script.ArgText, Default: api.NewestKubernetes(), Doc: "version of Kubernetes, such as 1.36 or 1.36.3"},
		set: func(c *api.ClusterSpec, v string) string {
			_, err := api.ResolveKubernetes(v)
			c.KubernetesVersion = v
			return unless(err == nil, "want "+strings.Join(api.KubernetesReleases, ", ")+" or one without its patch number")
		},
	},
	{
		Arg: script.Arg{Name: "node-image", Type: script.ArgText, Doc: "node image of the first nodes, as a snapshot of a node pool gives it; the newest if there is none"},
		set: func(c *api.ClusterSpec, v string) string {
			c.NodeImage = v
			err := api.CheckNodeImage(v, api.NewestKubernetes())
			return unless(err == nil, fmt.Sprint(err))
		},
	},
	{
		Arg: script.Arg{Name: "etcd-members", Type: script.ArgEnum, Values: []string{"1", "3"}, Default: "1", Doc: "members of etcd"},
		set: func(c *api.ClusterSpec, v string) string {
			if v != "1" && v != "3" {
				return "want 1 or 3: two members of etcd are worse than one"
			}
			return setInt(&c.EtcdMembers, v, 3)
		},
	},
	wholeNumber("api-servers", 1, "API servers behind the front door, 1 to 3", api.MaxAPIServers, func(c *api.ClusterSpec) *int { return &c.APIServers }),
	{
		Arg: script.Arg{Name: "etcd-quota", Type: script.ArgText, Default: api.Size(api.DefaultEtcdQuota), Doc: "size at which etcd refuses writes, such as 16Mi"},
		set: parsed(api.ParseEtcdQuota, func(c *api.ClusterSpec) *int64 { return &c.EtcdQuota }),
	},
	{
		Arg: script.Arg{Name: "backup-keep", Type: script.ArgDuration, Default: "24h", Doc: "for how long every backup is kept"},
		set: func(c *api.ClusterSpec, v string) string {
			d, err := script.ParseDuration(v)
			c.Backups.KeepAll = api.Duration(d)
			return unless(err == nil && d > 0 && d <= script.MaxSpan, "want a duration with its unit, such as 24h or 2d, at most a year")
		},
	},
	wholeNumber("backup-daily", 7, "for how many days after that the last backup of each day is kept", maxKeepDaily, func(c *api.ClusterSpec) *int { return &c.Backups.KeepDaily }),
	{
		Arg: script.Arg{Name: "feature-gates", Type: script.ArgText, Doc: "Kubernetes' feature gates that are not as by default: NAME=true, more of them behind commas"},
		set: parsed(api.ParseFeatureGates, func(c *api.ClusterSpec) *map[string]bool { return &c.FeatureGates }),
	},
	truth("allow-unsupported-gates", "take feature gates that the support policy does not cover", func(c *api.ClusterSpec) *bool { return &c.AllowUnsupportedGates }),
	truth("webhook-egress", "let webhooks by URL reach any host, and not this machine only", func(c *api.ClusterSpec) *bool { return &c.WebhookEgress }),
	{
		Arg:  script.Arg{Name: "network-policy", Type: script.ArgEnum, Values: api.NetworkPolicies, Default: string(api.NetworkPolicyNone), Doc: "what enforces NetworkPolicies; with none they are accepted and ignored"},
		near: api.NetworkPolicies,
		set:  parsed(api.ParseNetworkPolicy, func(c *api.ClusterSpec) *api.NetworkPolicy { return &c.NetworkPolicy }),
	},
	{
		Arg:  script.Arg{Name: "network-plugin", Type: script.ArgEnum, Values: api.NetworkPlugins, Default: string(api.NetworkAzureOverlay), Doc: "where pods have their addresses from"},
		near: api.NetworkPlugins,
		set:  parsed(api.ParseNetworkPlugin, func(c *api.ClusterSpec) *api.NetworkPlugin { return &c.NetworkPlugin }),
	},
	{
		Arg: script.Arg{Name: "subnet-prefix", Type: script.ArgText, Default: api.NodePrefix.String(), Doc: "addresses of the nodes' subnet"},
		set: func(c *api.ClusterSpec, v string) string {
			c.SubnetPrefix = v
			return ""
		},
	},
	{
		Arg: script.Arg{Name: "pod-subnet-prefix", Type: script.ArgText, Doc: "addresses of a subnet of the pods, with network-plugin=azure; without it pods have addresses of the nodes' subnet"},
		set: func(c *api.ClusterSpec, v string) string {
			c.PodSubnetPrefix = v
			return ""
		},
	},
	{
		Arg: script.Arg{Name: "images", Type: script.ArgSection, Doc: "catalogue of images, which says how containers behave: demarc help images"},
		section: func(c *api.ClusterSpec, text string) []image.Problem {
			_, problems := image.Parse("", []byte(text))
			c.Images = text
			return problems
		},
	},
	{
		Arg: script.Arg{Name: "seed", Type: script.ArgInt, Default: strconv.Itoa(defaultSeed), Doc: "makes the simulation's choices repeatable"},
		set: func(c *api.ClusterSpec, v string) string {
			n, err := strconv.ParseUint(v, 10, 64)
			c.Seed = n
			return unless(err == nil, "want a whole number from 0")
		},
	},
	{
		Arg: script.Arg{Name: "start", Type: script.ArgText, Default: defaultStart.Format(time.RFC3339), Doc: "virtual time at which the cluster is created, as RFC 3339"},
		set: func(c *api.ClusterSpec, v string) string {
			t, err := time.Parse(time.RFC3339, v)
			c.Start = t.UTC()
			return unless(err == nil && t.Year() >= 2010 && t.Year() <= 2100, "want a time between 2010 and 2100 such as "+defaultStart.Format(time.RFC3339))
		},
	},
	{
		Arg: script.Arg{Name: "name", Type: script.ArgText, Default: defaultName, Doc: "the cluster's name"},
		set: func(c *api.ClusterSpec, v string) string {
			c.Name = v
			return unless(clusterName.MatchString(v), "want up to 40 lower-case letters, digits and hyphens, a letter first")
		},
	},
}

// wholeNumber is a property that is a whole number from 1.
func wholeNumber(name string, standard int, doc string, highest int, field func(*api.ClusterSpec) *int) property {
	return property{
		Arg: script.Arg{Name: name, Type: script.ArgInt, Default: strconv.Itoa(standard), Doc: doc},
		set: func(c *api.ClusterSpec, v string) string { return setInt(field(c), v, highest) },
	}
}

// truth is a property that is true or false, and false by default.
func truth(name, doc string, field func(*api.ClusterSpec) *bool) property {
	return property{
		Arg: script.Arg{Name: name, Type: script.ArgEnum, Values: []string{"true", "false"}, Default: "false", Doc: doc},
		set: func(c *api.ClusterSpec, v string) string {
			*field(c) = v == "true"
			return unless(v == "true" || v == "false", "want true or false")
		},
	}
}

// unless is what is wanted unless a value is right.
func unless(right bool, wanted string) string {
	if right {
		return ""
	}
	return wanted
}

// parsed sets a property to what a text is read as; the error says what is wanted instead.
func parsed[T any](read func(string) (T, error), at func(*api.ClusterSpec) *T) func(*api.ClusterSpec, string) string {
	return func(c *api.ClusterSpec, v string) string {
		value, err := read(v)
		if err != nil {
			return err.Error()
		}
		*at(c) = value
		return ""
	}
}

// setInt sets a whole number from 1, or says what is wanted instead.
func setInt(to *int, value string, highest int) (wanted string) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > highest {
		return fmt.Sprintf("want a whole number from 1 to %d", highest)
	}
	*to = n
	return ""
}

// ClusterArgs are the properties of the cluster statement.
func ClusterArgs() []script.Arg {
	return script.Convert(clusterProperties, func(x property) script.Arg { return x.Arg })
}

// readCluster reads the cluster statement.
func (p *parser) readCluster(words []script.Word) {
	switch {
	case p.cluster > 0:
		p.Problem(words[0].Col, "", "there is a cluster statement already, in line %d", p.cluster)
		return
	case p.statement:
		p.Problem(words[0].Col, "", "the cluster statement must come before every step")
	}
	p.cluster = p.line
	seen := map[string]bool{}
	for _, w := range words[1:] {
		name, value, ok := w.Split()
		if !ok {
			p.Problem(w.Col, "", "want name=value, such as nodes=3, not %q", w.Text)
			continue
		}
		if seen[name] {
			p.Problem(w.Col, "", "%s is given twice", name)
			continue
		}
		seen[name] = true
		p.setCluster(w, name, value)
	}
	if err := p.script.Cluster.CheckNewNetwork(); err != nil {
		p.Problem(words[0].Col, "", "%v", err)
	}
}

// setCluster sets one property of the cluster.
func (p *parser) setCluster(w script.Word, name, value string) {
	i := slices.IndexFunc(clusterProperties, func(x property) bool { return x.Name == name })
	if i < 0 {
		names := script.ArgNames(ClusterArgs())
		p.Problem(w.Col, fault.Suggest(name, names), "cluster has no property %q; it has %s", name, strings.Join(names, ", "))
		return
	}
	if read := clusterProperties[i].section; read != nil {
		if s := p.Section(script.Word{Text: value, Col: w.At(len(name) + 1), QuotedAt: -1}); s != nil {
			for _, x := range read(&p.script.Cluster, s.Text) {
				p.problemAt(s.Marker+x.Line, 1, x.Suggestion, "%s", x.Message)
			}
		}
		return
	}
	spec := p.script.Cluster
	wanted := clusterProperties[i].set(&spec, value)
	if wanted == "" {
		p.script.Cluster = spec
	} else {
		p.Problem(w.At(len(name)+1), fault.Suggest(value, clusterProperties[i].near), "%s=%s: %s", name, value, wanted)
	}
}
