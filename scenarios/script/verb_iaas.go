package script

import (
	"cmp"
	"context"
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
		{Name: "size", Type: ArgText, Doc: "for resize: the new size", of: []string{"resize"}, neededBy: []string{"resize"}},
		{Name: "tags", Type: ArgText, Doc: "for tag: KEY=VALUE, more of them behind commas; KEY= takes one away", of: []string{"tag"}, neededBy: []string{"tag"}},
		roleArg(api.RoleCustomer, "who does it"),
	},
	check: checkIaaS,
	title: byNode,
	run: func(ctx context.Context, a action) error {
		tags, err := parseTags(a.text("tags"))
		if err != nil {
			return err
		}
		return only(a.by().DoVM(ctx, api.VMRequest{Action: a.text("action"), VM: a.node, Size: a.text("size"), Tags: tags}))
	},
}

// checkIaaS checks sizes and tags.
func checkIaaS(p *parser, c *call) {
	if size, given := c.args["size"]; given {
		if _, err := cloud.Size(size.text); err != nil {
			p.problem(c.cols["size"], "", "size=%s: %v", size.text, err)
		}
	}
	if tags, given := c.args["tags"]; given {
		if _, err := parseTags(tags.text); err != nil {
			p.problem(c.cols["tags"], "", "tags=%s: %v", tags.text, err)
		}
	}
}

// parseTags reads KEY=VALUE,KEY=.
func parseTags(s string) (map[string]string, error) {
	if s == "" {
		return nil, nil
	}
	tags := map[string]string{}
	for part := range strings.SplitSeq(s, ",") {
		key, value, ok := strings.Cut(part, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("want KEY=VALUE, not %q", part)
		}
		tags[key] = value
	}
	return tags, nil
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
	check: checkNSG,
	title: func(a action) string { return byAction(a) + " " + nsgRule(a.call).Name },
	run: func(ctx context.Context, a action) error {
		if a.text("action") == "delete" {
			return a.by().DeleteNSGRule(ctx, a.text("name"))
		}
		return only(a.by().SetNSGRule(ctx, nsgRule(a.call)))
	},
}

// nsgRule is the rule that a call describes.
func nsgRule(c *call) api.NSGRule {
	rule := api.NSGRule{
		Name: c.text("name"), Priority: 200, Direction: cloud.Outbound, Access: cloud.Deny,
		Protocol: cmp.Or(c.text("protocol"), cloud.Any), Ports: strings.Split(c.text("port"), ","),
		Destination: cmp.Or(c.text("to"), cloud.Any), Source: cmp.Or(c.text("from"), cloud.Any),
	}
	if c.text("direction") == "inbound" {
		rule.Direction = cloud.Inbound
	}
	if c.text("action") == "allow" {
		rule.Access = cloud.Allow
	}
	if n, err := strconv.Atoi(c.text("priority")); err == nil {
		rule.Priority = n
	}
	if rule.Name == "" {
		ports := strings.NewReplacer(",", "_", cloud.Any, "all").Replace(c.text("port"))
		rule.Name = c.text("action") + "-" + c.text("direction") + "-" + ports
	}
	return rule
}

// checkNSG lets the model of the network security group check the rule.
func checkNSG(p *parser, c *call) {
	if c.text("action") == "delete" {
		for _, name := range slices.Sorted(maps.Keys(c.cols)) {
			if name != "action" && name != "name" && name != "by" {
				p.problem(c.cols[name], "", "nsg delete takes only name=")
			}
		}
		if c.text("name") == "" {
			p.problem(c.words[0].col, "", "nsg delete needs name=")
		}
		return
	}
	for _, needed := range []string{"direction", "port"} {
		if c.text(needed) == "" {
			p.problem(c.words[0].col, "", "nsg %s needs its %s, as in: nsg %[1]s outbound port=443", c.text("action"), needed)
			return
		}
	}
	if err := (&cloud.NSG{}).Set(nsgRule(c)); err != nil {
		p.problem(c.words[0].col, "", "%v", err)
	}
}
