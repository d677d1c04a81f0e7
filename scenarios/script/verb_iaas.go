package script

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"demarc/nodes/cloud"
	"demarc/sim/api"
)

// voidsSupport is what the contract says of the verbs here.
const voidsSupport = "Changes of nodes by IaaS APIs, past AKS, void support (policy 2019-04)."

var verbIaaS = Verb{
	Name:    "iaas",
	Summary: "does something with a node's VM as an IaaS resource, past AKS",
	Doc: "A VM that is stopped still exists, one that is deallocated has lost its host, one that is deleted has lost its disk; " +
		"resize restarts it. " + voidsSupport,
	Example: "iaas resize node/0 size=Standard_D8s_v5",
	Args: []Arg{
		actionArg("stop", "deallocate", "start", "restart", "delete", "resize", "tag"),
		nodeArg,
		{Name: "size", Type: ArgText, Doc: "for resize: the new size", Of: []string{"resize"}, NeededBy: []string{"resize"}},
		{Name: "tags", Type: ArgText, Doc: "for tag: KEY=VALUE, more of them behind commas; KEY= takes one away", Of: []string{"tag"}, NeededBy: []string{"tag"}},
		roleArg(api.RoleCustomer, "who does it"),
	},
	Check: checkIaaS,
}

// checkIaaS checks sizes and tags.
func checkIaaS(k Checker, c *Call) {
	if size, given := c.Args["size"]; given {
		if _, err := cloud.Size(size.Text); err != nil {
			k.Problem(c.Cols["size"], "", "size=%s: %v", size.Text, err)
		}
	}
	if tags, given := c.Args["tags"]; given {
		if _, err := c.Tags(); err != nil {
			k.Problem(c.Cols["tags"], "", "tags=%s: %v", tags.Text, err)
		}
	}
}

// Tags are the tags that a call sets: KEY=VALUE,KEY=.
func (c *Call) Tags() (map[string]string, error) {
	if c.Text("tags") == "" {
		return nil, nil
	}
	tags := map[string]string{}
	for part := range strings.SplitSeq(c.Text("tags"), ",") {
		key, value, ok := strings.Cut(part, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("want KEY=VALUE, not %q", part)
		}
		tags[key] = value
	}
	return tags, nil
}

var verbIaaSDisk = Verb{
	Name:    "iaas-disk",
	Summary: "does something with a managed disk as an IaaS resource, past AKS",
	Doc: "A disk is named by its name, or by the claim that it was made for, as claim:NAMESPACE/NAME. An attached one cannot be deleted; detach takes it from " +
		"its VM, whoever uses it. " + voidsSupport,
	Example: "iaas-disk detach claim:default/data",
	Args: []Arg{
		actionArg(api.DiskActions...),
		{Name: "disk", Type: ArgText, Positional: true, Required: true, Doc: "its name, or claim:NAMESPACE/NAME"},
		{
			Name: "size", Type: ArgInt, Doc: "for create and resize: the size in GiB", Of: []string{api.DiskCreate, api.DiskResize},
			NeededBy: []string{api.DiskCreate, api.DiskResize}, Hint: "in GiB",
		},
		{Name: "sku", Type: ArgText, Doc: "for create: the kind [" + cloud.DefaultDiskSKU + "]", Of: []string{api.DiskCreate}},
		{Name: "zone", Type: ArgText, Doc: "for create: the availability zone; without it the disk is in none", Of: []string{api.DiskCreate}},
		roleArg(api.RoleCustomer, "who does it"),
	},
	Check: checkIaaSDisk,
}

// DiskRequest is what a call does with a managed disk.
func (c *Call) DiskRequest() api.DiskRequest {
	size, _ := strconv.ParseInt(c.Text("size"), 10, 64) // none is 0
	return api.DiskRequest{Action: c.Text("action"), Disk: c.Text("disk"), SizeGiB: size, SKU: c.Text("sku"), Zone: c.Text("zone")}
}

// checkIaaSDisk lets the model of managed disks check what can be known of the request.
func checkIaaSDisk(k Checker, c *Call) {
	req := c.DiskRequest()
	var err error
	switch _, sized := c.Args["size"]; {
	case req.Action == api.DiskCreate && sized:
		err = (&cloud.DiskSpec{Name: req.Disk, SizeGiB: req.SizeGiB, SKU: req.SKU, Zone: req.Zone}).Check()
	case req.Action == api.DiskResize && sized:
		err = cloud.CheckDiskSize(req.SizeGiB)
	}
	if err != nil {
		k.Problem(c.Cols["disk"], "", "%v", err)
	}
}

var verbIaaSLB = Verb{
	Name:    "iaas-lb",
	Summary: "does something with a load balancer as an IaaS resource, past AKS",
	Doc: "What comes to the port of a rule that is deleted is dropped. AKS makes it good when it looks at the Service next: when that changes, or when nodes come " +
		"and go. " + voidsSupport,
	Example: "iaas-lb delete-rule service:default/shop",
	Args: []Arg{
		actionArg(api.BalancerActions...),
		{Name: "rule", Type: ArgText, Positional: true, Required: true, Doc: "its name, or service:NAMESPACE/NAME for all of a Service"},
		roleArg(api.RoleCustomer, "who does it"),
	},
}

// BalancerRequest is what a call does with a load balancer.
func (c *Call) BalancerRequest() api.BalancerRequest {
	return api.BalancerRequest{Action: c.Text("action"), Rule: c.Text("rule")}
}

var verbIaaSRoute = Verb{
	Name:    "iaas-route",
	Summary: "does something with a route of the nodes' subnet as an IaaS resource, past AKS",
	Doc: "A route leads to the pods of one node, whose name it has, in a cluster with network-plugin=kubenet: without it what other nodes send there is dropped, and " +
		"what they answer. AKS's route controller makes it again within three minutes. " + voidsSupport,
	Example: "iaas-route delete node/0",
	Args: []Arg{
		actionArg(api.RouteActions...),
		nodeArg,
		roleArg(api.RoleCustomer, "who does it"),
	},
}

var verbIaaSShare = Verb{
	Name:    "iaas-share",
	Summary: "does something with a file share as an IaaS resource, past AKS",
	Doc: "A share is named as ACCOUNT/NAME, or by the claim that it was made for, as claim:NAMESPACE/NAME. It can be deleted though nodes have it mounted. " +
		voidsSupport,
	Example: "iaas-share delete claim:default/books",
	Args: []Arg{
		actionArg(api.ShareActions...),
		{Name: "share", Type: ArgText, Positional: true, Required: true, Doc: "ACCOUNT/NAME, or claim:NAMESPACE/NAME"},
		{
			Name: "size", Type: ArgInt, Doc: "for resize: the quota in GiB", Of: []string{api.ShareResize},
			NeededBy: []string{api.ShareResize}, Hint: "in GiB",
		},
		roleArg(api.RoleCustomer, "who does it"),
	},
}

// ShareRequest is what a call does with a file share.
func (c *Call) ShareRequest() api.ShareRequest {
	size, _ := strconv.ParseInt(c.Text("size"), 10, 64) // none is 0
	return api.ShareRequest{Action: c.Text("action"), Share: c.Text("share"), QuotaGiB: size}
}

var verbNSG = Verb{
	Name:    "nsg",
	Summary: "sets or deletes a rule of the network security group of the nodes' subnet",
	Doc: "A rule is looked at before those of a higher priority number, and Azure's own come last. Two rules of a direction " +
		"cannot have the same priority. Without name= a rule is named after what it does, such as deny-outbound-443. " + voidsSupport,
	Example: "nsg deny outbound port=443 to=Internet",
	Args: []Arg{
		actionArg("deny", "allow", "delete"),
		{Name: "direction", Type: ArgEnum, Positional: true, Values: []string{"outbound", "inbound"}, Doc: "of the packets; deny and allow need it"},
		{Name: "port", Type: ArgText, Doc: "a port, a range such as 8000-8999, several of them behind commas, or *; deny and allow need it"},
		{Name: "name", Type: ArgText, Doc: "the rule's name; delete needs it"},
		{Name: "priority", Type: ArgInt, Doc: "100 to 4096 [200]"},
		{Name: "protocol", Type: ArgText, Doc: "Tcp, Udp or * [*]"},
		{Name: "to", Type: ArgText, Doc: "Internet, MicrosoftContainerRegistry, AzureCloud, another service tag, an address prefix, or * [*]"},
		{Name: "from", Type: ArgText, Doc: "likewise, where packets come from [*]"},
		roleArg(api.RoleCustomer, "who does it"),
	},
	Check: checkNSG,
}

// NSGRule is the rule that a call describes.
func (c *Call) NSGRule() api.NSGRule {
	rule := api.NSGRule{
		Name: c.Text("name"), Priority: 200, Direction: cloud.Outbound, Access: cloud.Deny,
		Protocol: cmp.Or(c.Text("protocol"), cloud.Any), Ports: strings.Split(c.Text("port"), ","),
		Destination: cmp.Or(c.Text("to"), cloud.Any), Source: cmp.Or(c.Text("from"), cloud.Any),
	}
	if c.Text("direction") == "inbound" {
		rule.Direction = cloud.Inbound
	}
	if c.Text("action") == "allow" {
		rule.Access = cloud.Allow
	}
	if n, err := strconv.Atoi(c.Text("priority")); err == nil {
		rule.Priority = n
	}
	if rule.Name == "" {
		ports := strings.NewReplacer(",", "_", cloud.Any, "all").Replace(c.Text("port"))
		rule.Name = c.Text("action") + "-" + c.Text("direction") + "-" + ports
	}
	return rule
}

// checkNSG lets the model of the network security group check the rule.
func checkNSG(k Checker, c *Call) {
	if c.Text("action") == "delete" {
		for _, name := range slices.Sorted(maps.Keys(c.Cols)) {
			if name != "action" && name != "name" && name != "by" {
				k.Problem(c.Cols[name], "", "nsg delete takes only name=")
			}
		}
		if c.Text("name") == "" {
			k.Problem(c.Words[0].Col, "", "nsg delete needs name=")
		}
		return
	}
	for _, needed := range []string{"direction", "port"} {
		if c.Text(needed) == "" {
			k.Problem(c.Words[0].Col, "", "nsg %s needs its %s, as in: nsg %[1]s outbound port=443", c.Text("action"), needed)
			return
		}
	}
	if err := (&cloud.NSG{}).Set(c.NSGRule()); err != nil {
		k.Problem(c.Words[0].Col, "", "%v", err)
	}
}
