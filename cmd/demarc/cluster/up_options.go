package cluster

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/nodes/cloud"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/policy"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

// upOptions are the flags of demarc up.
type upOptions struct {
	nodes       int
	zones       string
	etcdMembers int
	apiServers  int
	etcdQuota   string
	backupKeep  time.Duration
	backupDaily int
	gates       string
	unsupported bool
	egress      bool
	policy      string
	plugin      string
	subnet      string
	podSubnet   string
	images      string
	rate        string
	edition     string
	kubernetes  string
	nodeImage   string
	detach      bool
	noSample    bool
	newKey      bool
	changed     func(flag string) bool
}

// Defaults and bounds of which backups are kept.
const (
	defaultBackupKeep  = 24 * time.Hour
	defaultBackupDaily = 7
	maxBackupKeep      = 366 * 24 * time.Hour
	maxBackupDaily     = 366
)

// describe gives a command the flags that say what cluster to bring up.
func (o *upOptions) describe(c *cobra.Command) {
	f := c.Flags()
	f.IntVar(&o.nodes, "nodes", api.DefaultNodes, "number of worker nodes of a new cluster")
	f.StringVar(&o.zones, "zones", "", "availability zones over which the nodes of a new cluster are spread, such as 1,2,3 (default none)")
	f.IntVar(&o.etcdMembers, "etcd-members", 1, "number of etcd members of a new cluster: 1 or 3")
	f.IntVar(&o.apiServers, "api-servers", 1, fmt.Sprintf("number of API servers of a new cluster: 1 to %d", api.MaxAPIServers))
	f.StringVar(&o.etcdQuota, "etcd-quota", api.Size(api.DefaultEtcdQuota), "size at which etcd of a new cluster refuses writes, such as 64Mi")
	f.StringVar(&o.gates, "feature-gates", "", "Kubernetes' feature gates of a new cluster that are not as by default: NAME=true, more of them behind commas")
	f.BoolVar(&o.unsupported, "allow-unsupported-feature-gates", false, "take feature gates that the support policy does not cover")
	f.BoolVar(&o.egress, "webhook-egress", false, "let admission and conversion webhooks by URL of a new cluster reach any host; without it they reach this machine only")
	f.StringVar(&o.policy, "network-policy", string(api.NetworkPolicyNone), "what enforces NetworkPolicies in a new cluster: "+strings.Join(api.NetworkPolicies, ", ")+"; with none they are ignored")
	f.StringVar(&o.plugin, "network-plugin", string(api.NetworkAzureOverlay), "where pods of a new cluster have their addresses from: "+strings.Join(api.NetworkPlugins, ", "))
	f.StringVar(&o.subnet, "subnet-prefix", api.NodePrefix.String(), "addresses of the subnet of a new cluster's nodes, within "+api.AddressSpace.String()+", such as 10.224.0.0/26")
	f.StringVar(&o.podSubnet, "pod-subnet-prefix", "", "addresses of a subnet of a new cluster's pods, with network plugin azure, such as 10.225.0.0/24 (default none: pods have addresses of the nodes' subnet)")
	f.StringVar(&o.images, "images", "", "file with a catalogue of images, which says how containers behave: demarc help images")
	f.StringVar(&o.rate, "rate", "1x", "speed of the virtual clock once the cluster is ready: 1x, 60x, max, pause")
	f.StringVar(&o.edition, "edition", api.Editions[0], "edition of the support policy of a new cluster: "+strings.Join(api.Editions, ", "))
	f.StringVar(&o.kubernetes, "kubernetes-version", "", "version of Kubernetes of a new cluster, such as 1.36 (default the newest, "+api.NewestKubernetes()+")")
	f.StringVar(&o.nodeImage, "node-image", "", "node image of a new cluster, as a snapshot of a node pool gives it (default the newest)")
	command.CompleteFlag(c, "zones", command.Words(strings.Join(cloud.Zones, ",")))
	command.CompleteFlag(c, "etcd-members", command.Words("1", "3"))
	command.CompleteFlag(c, "api-servers", command.Words("1", "2", "3"))
	command.CompleteFlag(c, "network-policy", command.Words(api.NetworkPolicies...))
	command.CompleteFlag(c, "network-plugin", command.Words(api.NetworkPlugins...))
	command.CompleteFlag(c, "rate", completeRates)
	command.CompleteFlag(c, "edition", command.Words(api.Editions...))
	command.CompleteFlag(c, "kubernetes-version", command.Words(api.KubernetesReleases...))
}

// config checks the flags and makes the engine's configuration of them.
func (o upOptions) config(name string) (api.EngineConfig, error) {
	rate, err := api.ParseRate(o.rate)
	if err != nil {
		return api.EngineConfig{}, command.BadInput(err)
	}
	if err := o.check(); err != nil {
		return api.EngineConfig{}, err
	}
	gates, err := api.ParseFeatureGates(o.gates)
	if err != nil {
		return api.EngineConfig{}, command.BadInput(fmt.Errorf("--feature-gates: %w", err))
	}
	quota, err := api.ParseEtcdQuota(o.etcdQuota)
	if err != nil {
		return api.EngineConfig{}, command.BadInput(fmt.Errorf("--etcd-quota %s: %w", o.etcdQuota, err))
	}
	zones, err := cloud.ParseZones(o.zones)
	if err != nil {
		return api.EngineConfig{}, command.BadInput(fmt.Errorf("--zones %s: %w", o.zones, err))
	}
	engine, err := api.ParseNetworkPolicy(o.policy)
	if err != nil {
		return api.EngineConfig{}, command.BadInput(fmt.Errorf("--network-policy %s: %w", o.policy, err))
	}
	plugin, err := api.ParseNetworkPlugin(o.plugin)
	if err != nil {
		return api.EngineConfig{}, command.BadInput(err)
	}
	images, err := command.ReadImages(o.images)
	if err != nil {
		return api.EngineConfig{}, err
	}
	spec := api.ClusterSpec{
		Name: name, Nodes: o.nodes, Zones: zones, Edition: o.edition, KubernetesVersion: o.kubernetes, NodeImage: o.nodeImage, Seed: 1, Sample: !o.noSample, EtcdMembers: o.etcdMembers, APIServers: o.apiServers, EtcdQuota: quota,
		Backups:      api.BackupPolicy{KeepAll: api.Duration(o.backupKeep), KeepDaily: o.backupDaily},
		FeatureGates: gates, AllowUnsupportedGates: o.unsupported, WebhookEgress: o.egress, NetworkPolicy: engine, NetworkPlugin: plugin, PodSubnetPrefix: o.podSubnet, Images: images,
	}
	if o.subnet != api.NodePrefix.String() {
		spec.SubnetPrefix = o.subnet
	}
	if err := spec.CheckNewNetwork(); err != nil {
		return api.EngineConfig{}, command.BadInput(err)
	}
	return api.EngineConfig{Rate: rate, NewBackupKey: o.newKey, Cluster: spec}, nil
}

// check checks the flags that describe a cluster.
func (o upOptions) check() error {
	wrong := func(format string, args ...any) error {
		return &engine.InputError{Message: fmt.Sprintf(format, args...)}
	}
	switch {
	case o.nodes < 1 || o.nodes > api.MaxNodes:
		return wrong("--nodes %d: want 1 to %d", o.nodes, api.MaxNodes)
	case o.etcdMembers != 1 && o.etcdMembers != 3:
		return wrong("--etcd-members %d: want 1 or 3", o.etcdMembers)
	case o.apiServers < 1 || o.apiServers > api.MaxAPIServers:
		return wrong("--api-servers %d: want 1 to %d", o.apiServers, api.MaxAPIServers)
	case o.backupKeep <= 0 || o.backupKeep > maxBackupKeep:
		return wrong("--backup-keep %s: want more than nothing and at most a year", o.backupKeep)
	case o.backupDaily < 1 || o.backupDaily > maxBackupDaily:
		return wrong("--backup-daily %d: want 1 to %d", o.backupDaily, maxBackupDaily)
	}
	if _, err := api.ResolveKubernetes(o.kubernetes); err != nil {
		return wrong("--kubernetes-version %s: want %s, or one without its patch number", o.kubernetes, strings.Join(api.KubernetesReleases, ", "))
	}
	if version, _ := api.ResolveKubernetes(o.kubernetes); o.nodeImage != "" {
		if err := api.CheckNodeImage(o.nodeImage, version); err != nil {
			return wrong("--node-image: %v", err)
		}
	}
	if _, err := policy.Lookup(o.edition); err != nil {
		return command.BadInput(fmt.Errorf("--edition: %w", err))
	}
	return nil
}

// warnKept says which flags had no effect on a cluster that was there before.
func warnKept(env *command.Env, o upOptions, s api.Status) {
	kept := func(flag, have string) {
		terminal.Fprintf(env.Err, "demarc: --%s has no effect: the cluster %s was made with %s (demarc down --delete removes it)\n", flag, s.Name, have)
	}
	if o.changed("nodes") && s.Cluster.Nodes != o.nodes {
		kept("nodes", fmt.Sprintf("%d nodes", s.Cluster.Nodes))
	}
	if zones, _ := cloud.ParseZones(o.zones); o.changed("zones") && !slices.Equal(zones, s.Cluster.Zones) {
		kept("zones", cmp.Or(strings.Join(s.Cluster.Zones, ","), "no")+" zones")
	}
	if o.changed("edition") && s.Cluster.Edition != o.edition {
		kept("edition", "edition "+s.Cluster.Edition)
	}
	if gates, _ := api.ParseFeatureGates(o.gates); o.changed("feature-gates") && !maps.Equal(gates, s.Cluster.FeatureGates) {
		terminal.Fprintf(env.Err, "demarc: --feature-gates has no effect on a cluster that was made already: demarc aks update changes them\n")
	}
	if o.changed("kubernetes-version") && s.Cluster.KubernetesVersion != o.kubernetes {
		kept("kubernetes-version", "Kubernetes "+cmp.Or(s.Cluster.KubernetesVersion, api.NewestKubernetes()))
	}
	if o.changed("node-image") && s.Cluster.NodeImage != o.nodeImage {
		kept("node-image", cmp.Or(s.Cluster.NodeImage, "the newest node image"))
	}
	if o.changed("webhook-egress") && s.Cluster.WebhookEgress != o.egress {
		kept("webhook-egress", fmt.Sprintf("--webhook-egress=%t", s.Cluster.WebhookEgress))
	}
	if o.changed("network-policy") && s.Cluster.NetworkPolicy.String() != o.policy {
		kept("network-policy", "--network-policy="+s.Cluster.NetworkPolicy.String())
	}
	if o.changed("network-plugin") && s.Cluster.NetworkPlugin.String() != o.plugin {
		kept("network-plugin", "--network-plugin="+s.Cluster.NetworkPlugin.String())
	}
	if have := cmp.Or(s.Cluster.SubnetPrefix, api.NodePrefix.String()); o.changed("subnet-prefix") && have != o.subnet {
		kept("subnet-prefix", "--subnet-prefix="+have)
	}
	if have := s.Cluster.PodSubnetPrefix; o.changed("pod-subnet-prefix") && have != o.podSubnet {
		kept("pod-subnet-prefix", "--pod-subnet-prefix="+have)
	}
	if images, err := command.ReadImages(o.images); err == nil && images != s.Cluster.Images && o.changed("images") {
		terminal.Fprintf(env.Err, "demarc: --images has no effect on a cluster that runs: demarc down, and then up with it\n")
	}
	// A cluster of an earlier version says nothing of these.
	if n := cmp.Or(s.Cluster.EtcdMembers, 1); o.changed("etcd-members") && n != o.etcdMembers {
		kept("etcd-members", output.Count(n, "etcd member"))
	}
	if n := cmp.Or(s.Cluster.APIServers, 1); o.changed("api-servers") && n != o.apiServers {
		kept("api-servers", output.Count(n, "API server"))
	}
	if n := cmp.Or(s.Cluster.EtcdQuota, api.DefaultEtcdQuota); o.changed("etcd-quota") {
		if asked, err := api.ParseEtcdQuota(o.etcdQuota); err == nil && asked != n {
			kept("etcd-quota", "an etcd of "+api.Size(n))
		}
	}
	if d := cmp.Or(time.Duration(s.Cluster.Backups.KeepAll), defaultBackupKeep); o.changed("backup-keep") && d != o.backupKeep {
		kept("backup-keep", "backups kept for "+d.String())
	}
	if n := cmp.Or(s.Cluster.Backups.KeepDaily, defaultBackupDaily); o.changed("backup-daily") && n != o.backupDaily {
		kept("backup-daily", "daily backups kept for "+output.Count(n, "day"))
	}
}

// warnMoved says which ports are not those of the last run any more, and which files
// name the new ones.
func warnMoved(env *command.Env, s api.Status) {
	for _, p := range s.MovedPorts {
		terminal.Fprintf(env.Err, "demarc: another program has taken port %d: the %s is at port %d now, and copies of %s made before are out of date\n",
			p.From, p.Of, p.To, p.File)
	}
}
