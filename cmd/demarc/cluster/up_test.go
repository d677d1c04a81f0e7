package cluster

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/command/commandtest"
	"demarc/sim/api"
)

func TestUpOptions(t *testing.T) {
	o := upOptions{nodes: 3, zones: "1,2", etcdMembers: 3, apiServers: 2, etcdQuota: "64Mi", backupKeep: 48 * time.Hour, backupDaily: 30, rate: "1x", edition: api.DefaultEdition, egress: true, policy: "calico", plugin: "kubenet", subnet: "10.224.0.0/26"}
	cfg, err := o.config("demarc")
	if err != nil {
		t.Fatal(err)
	}
	c := cfg.Cluster
	if want := (api.BackupPolicy{KeepAll: api.Duration(48 * time.Hour), KeepDaily: 30}); c.EtcdMembers != 3 || c.APIServers != 2 || c.EtcdQuota != 64<<20 || c.Backups != want || !c.WebhookEgress || c.NetworkPolicy != api.NetworkPolicyCalico || c.NetworkPlugin != api.NetworkKubenet || c.SubnetPrefix != o.subnet || !slices.Equal(c.Zones, []string{"1", "2"}) {
		t.Errorf("got %+v", c)
	}
	var said strings.Builder
	o.changed = func(string) bool { return true }
	warnKept(command.New(nil, nil, &said), o, api.Status{Name: "demarc", Cluster: api.ClusterSpec{Nodes: 3, Edition: api.DefaultEdition}})
	for _, want := range []string{"--zones has no effect: the cluster demarc was made with no zones (", "--etcd-members", "1 etcd member (", "--api-servers", "1 API server (", "an etcd of 8Gi (", "--webhook-egress=false (", "--network-policy=none (", "--network-plugin=azure-overlay (", "--subnet-prefix=10.224.0.0/16 (", "kept for 24h0m0s", "kept for 7 days"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("got no %q in:\n%s", want, said.String())
		}
	}
}

func TestUpWithAQuotaThatCannotBe(t *testing.T) {
	o := upOptions{nodes: 1, etcdMembers: 1, apiServers: 1, etcdQuota: "1Mi", backupKeep: time.Hour, backupDaily: 1, rate: "1x", edition: api.DefaultEdition, policy: "none", plugin: "azure-overlay", subnet: "10.224.0.0/16"}
	if _, err := o.config("demarc"); err == nil || !strings.Contains(err.Error(), "--etcd-quota 1Mi: want a size from 16Mi to 8Gi") {
		t.Errorf("got %v", err)
	}
}

func TestUpWithAVersionThatCannotBe(t *testing.T) {
	o := upOptions{nodes: 1, etcdMembers: 1, apiServers: 1, backupKeep: time.Hour, backupDaily: 1, edition: api.DefaultEdition, kubernetes: "1.20"}
	if err := o.check(); err == nil {
		t.Error("1.20 was accepted")
	}
	o.kubernetes = "1.36"
	if err := o.check(); err != nil {
		t.Error(err)
	}
}

// TestUpWhileAnotherEnds checks that up brings a cluster up whose engine ends just when it has
// been found.
func TestUpWhileAnotherEnds(t *testing.T) {
	home := commandtest.Engine(t, commandtest.Answers{"Clock": api.Clock{}, "Status": func() any { panic(http.ErrAbortHandler) }})
	code, out, errout := demarc.Run(t, home, "up")
	if code != command.BadRequest || out != "" || !strings.Contains(errout, "DEMARC_ENGINE names") {
		t.Errorf("got %d, %q, %q, want the engine to be started that there is not", code, out, errout)
	}
}

func TestUpWithANetworkPolicyEngineThatIsNone(t *testing.T) {
	o := upOptions{nodes: 1, etcdMembers: 1, apiServers: 1, etcdQuota: "8Gi", backupKeep: time.Hour, backupDaily: 1, rate: "1x", edition: api.DefaultEdition, policy: "weave", plugin: "azure-overlay", subnet: "10.224.0.0/16"}
	if _, err := o.config("demarc"); err == nil || err.Error() != "--network-policy weave: want azure, calico, cilium or none" {
		t.Errorf("got %v", err)
	}
}

func TestUpWithANetworkThatCannotBe(t *testing.T) {
	const whole = "10.224.0.0/16"
	for _, c := range []struct {
		plugin, policy string
		nodes          int
		subnet, pods   string
		want           string
	}{
		{"weave", "none", 1, whole, "", "'weave' is not a valid value for '--network-plugin'. Allowed values: azure, azure-overlay, kubenet."},
		{"kubenet", "azure", 1, whole, "", "(NetworkPolicyAzureNotSupportedForKubenet) NetworkPolicy azure is not supported for network plugin kubenet"},
		{"kubenet", "cilium", 1, whole, "", "(NetworkPolicyCiliumNotSupportedForKubenet) NetworkPolicy cilium is not supported for network plugin kubenet"},
		{"kubenet", "none", 401, whole, "", "(InvalidParameter) The value of parameter agentPoolProfile.count is invalid: a cluster with network plugin kubenet has 400 nodes at most, as a route table has 400 routes, not 401"},
		{"azure", "none", 2, "10.224.0.0/26", "", "(InsufficientSubnetSize) Pre-allocated IPs 62 exceeds IPs available 59 in Subnet Cidr 10.224.0.0/26, Subnet Name aks-subnet."},
		{"azure", "none", 4, "10.224.0.0/29", "10.225.0.0/24", "(InsufficientSubnetSize) Pre-allocated IPs 4 exceeds IPs available 3 in Subnet Cidr 10.224.0.0/29"},
		{"azure", "none", 1, "10.224.0.0/30", "", "(NetcfgInvalidSubnet) Subnet 'aks-subnet'"},
		{"azure", "none", 1, "10.0.0.0/24", "", "(NetcfgSubnetRangeOutsideVnet) Subnet 'aks-subnet'"},
		{"azure", "none", 1, "10.224.0.1/24", "", "the address prefix should be 10.224.0.0/24."},
		{"azure", "none", 1, "x", "", "(InvalidAddressPrefixFormat) Address prefix x"},
		{"azure", "none", 1, whole, "10.224.1.0/24", "(NetcfgSubnetRangesOverlap)"},
		{"azure", "none", 1, whole, "::/24", "(InvalidAddressPrefixFormat)"},
		{"kubenet", "none", 1, whole, "10.225.0.0/24", "(InvalidParameter) podSubnetID is only supported with network plugin azure"},
	} {
		o := upOptions{nodes: c.nodes, etcdMembers: 1, apiServers: 1, etcdQuota: "8Gi", backupKeep: time.Hour, backupDaily: 1, rate: "1x", edition: api.DefaultEdition, policy: c.policy,
			plugin: c.plugin, subnet: c.subnet, podSubnet: c.pods}
		if _, err := o.config("demarc"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v", c, err)
		}
	}
}
