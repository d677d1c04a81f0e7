package script

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/fault"
)

var clusterName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$`)

// maxKeepDaily bounds backup-daily, in days.
const maxKeepDaily = 366

// property is one property of the cluster statement.
type property struct {
	Arg
	// set checks a value and sets it. If it is wrong it says what is wanted
	// instead, and what was probably meant.
	set func(c *api.ClusterSpec, value string) (wanted, suggestion string)
}

var clusterProperties = []property{
	{
		Arg: Arg{Name: "nodes", Type: ArgInt, Default: strconv.Itoa(api.DefaultNodes), Doc: "worker nodes, 1 to 1000"},
		set: func(c *api.ClusterSpec, v string) (string, string) { return setInt(&c.Nodes, v, 1, api.MaxNodes), "" },
	},
	{
		Arg: Arg{Name: "edition", Type: ArgEnum, Values: api.Editions, Default: api.DefaultEdition, Doc: "edition of the support policy"},
		set: func(c *api.ClusterSpec, v string) (string, string) {
			if !slices.Contains(api.Editions, v) {
				return "want " + strings.Join(api.Editions, " or "), fault.Suggest(v, api.Editions)
			}
			c.Edition = v
			return "", ""
		},
	},
	{
		Arg: Arg{Name: "kubernetes", Type: ArgText, Default: api.NewestKubernetes(), Doc: "version of Kubernetes, such as 1.36 or 1.36.3"},
		set: func(c *api.ClusterSpec, v string) (string, string) {
			if _, err := api.ResolveKubernetes(v); err != nil {
				return "want " + strings.Join(api.KubernetesReleases, ", ") + " or one without its patch number", ""
			}
			c.KubernetesVersion = v
			return "", ""
		},
	},
	{
		Arg: Arg{Name: "etcd-members", Type: ArgEnum, Values: []string{"1", "3"}, Default: "1", Doc: "members of etcd"},
		set: func(c *api.ClusterSpec, v string) (string, string) {
			if v != "1" && v != "3" {
				return "want 1 or 3: two members of etcd are worse than one", ""
			}
			return setInt(&c.EtcdMembers, v, 1, 3), ""
		},
	},
	{
		Arg: Arg{Name: "api-servers", Type: ArgInt, Default: "1", Doc: "API servers behind the front door, 1 to 3"},
		set: func(c *api.ClusterSpec, v string) (string, string) {
			return setInt(&c.APIServers, v, 1, api.MaxAPIServers), ""
		},
	},
	{
		Arg: Arg{Name: "backup-keep", Type: ArgDuration, Default: "24h", Doc: "for how long every backup is kept"},
		set: func(c *api.ClusterSpec, v string) (string, string) {
			d, err := parseDuration(v)
			if err != nil || d <= 0 || d > maxSpan {
				return "want a duration with its unit, such as 24h or 2d, at most a year", ""
			}
			c.Backups.KeepAll = api.Duration(d)
			return "", ""
		},
	},
	{
		Arg: Arg{Name: "backup-daily", Type: ArgInt, Default: "7", Doc: "for how many days after that the last backup of each day is kept"},
		set: func(c *api.ClusterSpec, v string) (string, string) {
			return setInt(&c.Backups.KeepDaily, v, 1, maxKeepDaily), ""
		},
	},
	{
		Arg: Arg{Name: "feature-gates", Type: ArgText, Doc: "Kubernetes' feature gates that are not as by default: NAME=true, more of them behind commas"},
		set: func(c *api.ClusterSpec, v string) (string, string) {
			gates, err := api.ParseFeatureGates(v)
			if err != nil {
				return err.Error(), ""
			}
			c.FeatureGates = gates
			return "", ""
		},
	},
	{
		Arg: Arg{Name: "allow-unsupported-gates", Type: ArgEnum, Values: []string{"true", "false"}, Default: "false", Doc: "take feature gates that the support policy does not cover"},
		set: func(c *api.ClusterSpec, v string) (string, string) {
			if v != "true" && v != "false" {
				return "want true or false", ""
			}
			c.AllowUnsupportedGates = v == "true"
			return "", ""
		},
	},
	{
		Arg: Arg{Name: "webhook-egress", Type: ArgEnum, Values: []string{"true", "false"}, Default: "false", Doc: "let webhooks by URL reach any host, and not this machine only"},
		set: func(c *api.ClusterSpec, v string) (string, string) {
			if v != "true" && v != "false" {
				return "want true or false", ""
			}
			c.WebhookEgress = v == "true"
			return "", ""
		},
	},
	{
		Arg: Arg{Name: "seed", Type: ArgInt, Default: strconv.Itoa(defaultSeed), Doc: "makes the simulation's choices repeatable"},
		set: func(c *api.ClusterSpec, v string) (string, string) {
			n, err := strconv.ParseUint(v, 10, 64)
			if err != nil {
				return "want a whole number from 0", ""
			}
			c.Seed = n
			return "", ""
		},
	},
	{
		Arg: Arg{Name: "start", Type: ArgText, Default: defaultStart.Format(time.RFC3339), Doc: "virtual time at which the cluster is created, as RFC 3339"},
		set: func(c *api.ClusterSpec, v string) (string, string) {
			t, err := time.Parse(time.RFC3339, v)
			if err != nil || t.Year() < 2010 || t.Year() > 2100 {
				return "want a time between 2010 and 2100 such as " + defaultStart.Format(time.RFC3339), ""
			}
			c.Start = t.UTC()
			return "", ""
		},
	},
	{
		Arg: Arg{Name: "name", Type: ArgText, Default: defaultName, Doc: "the cluster's name"},
		set: func(c *api.ClusterSpec, v string) (string, string) {
			if !clusterName.MatchString(v) {
				return "want up to 40 lower-case letters, digits and hyphens, a letter first", ""
			}
			c.Name = v
			return "", ""
		},
	},
}

// setInt sets a whole number, or says what is wanted instead.
func setInt(to *int, value string, lowest, highest int) (wanted string) {
	n, err := strconv.Atoi(value)
	if err != nil || n < lowest || n > highest {
		return fmt.Sprintf("want a whole number from %d to %d", lowest, highest)
	}
	*to = n
	return ""
}

// clusterArgs are the properties, for help.
func clusterArgs() []Arg {
	args := make([]Arg, 0, len(clusterProperties))
	for _, x := range clusterProperties {
		args = append(args, x.Arg)
	}
	return args
}

// readCluster reads the cluster statement.
func (p *parser) readCluster(words []word) {
	switch {
	case p.cluster > 0:
		p.problem(words[0].col, "", "there is a cluster statement already, in line %d", p.cluster)
		return
	case p.statement:
		p.problem(words[0].col, "", "the cluster statement must come before every step")
	}
	p.cluster = p.line
	seen := map[string]bool{}
	for _, w := range words[1:] {
		name, value, ok := w.split()
		if !ok {
			p.problem(w.col, "", "want name=value, such as nodes=3, not %q", w.text)
			continue
		}
		if seen[name] {
			p.problem(w.col, "", "%s is given twice", name)
			continue
		}
		seen[name] = true
		p.setCluster(w, name, value)
	}
}

// setCluster sets one property of the cluster.
func (p *parser) setCluster(w word, name, value string) {
	i := slices.IndexFunc(clusterProperties, func(x property) bool { return x.Name == name })
	if i < 0 {
		names := argNames(clusterArgs())
		p.problem(w.col, fault.Suggest(name, names), "cluster has no property %q; it has %s", name, strings.Join(names, ", "))
		return
	}
	if wanted, suggestion := clusterProperties[i].set(&p.script.Cluster, value); wanted != "" {
		p.problem(w.at(len(name)+1), suggestion, "%s=%s: %s", name, value, wanted)
	}
}
