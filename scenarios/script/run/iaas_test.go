package run

import (
	"strings"
	"testing"

	"demarc/scenarios/script/parse"
	"demarc/sim/api"

	"github.com/google/go-cmp/cmp"
)

// TestIaaSVerbs checks what is asked of the world, and on whose behalf.
func TestIaaSVerbs(t *testing.T) {
	report, _, world := play(t, `
at 1s iaas stop node/0
at 2s iaas resize node/1 size=Standard_D8s_v5 by=provider
at 3s iaas tag node/0 tags=team=web,old=
at 4s refuse iaas start node/0 containing='is not stopped'
at 5s nsg deny outbound port=443 to=Internet
at 6s nsg allow inbound port=80,8000-8999 from=Internet priority=300 protocol=Tcp name=web by=provider
at 7s nsg deny outbound port=*
at 8s nsg delete name=web
at 9s refuse nsg delete name=none containing='not found'
at 10s iaas-disk create scratch size=32 sku=Premium_LRS zone=2
at 11s iaas-disk detach claim:default/data by=provider
at 12s iaas-disk resize scratch size=64
at 13s refuse iaas-disk delete claim:default/data containing='is attached to VM n-0'
at 14s check "disks.filter(d, d.vm != '').size() == 1 && disks.exists(d, d.orphan && d.claim == 'default/old') && disks.all(d, d.state in ['Attached', 'Unattached'])"
at 15s iaas-lb delete-rule service:default/shop
at 16s refuse iaas-lb delete-rule none containing='was not found'
at 17s check "loadbalancers.exists(l, l.name == 'kubernetes' && l.rules[0].persistence == 'Default') && securityRules.all(r, r.priority == 500)"
at 18s iaas-share resize claim:default/books size=9
at 19s check "shares.size() == 2 && shares.exists(s, s.orphan && s.claim == 'default/old')"
at 20s iaas-route delete node/0
at 21s refuse iaas-route delete node/1 containing='was not found'
at 22s check "routes.exists(r, r.name == 'n-0') && vnet.subnets[0].addresses == 251"
finally check 'true'
`, nil)
	if report.Verdict != api.VerdictHeld {
		t.Fatalf("got %s: %+v", report.Verdict, report.Expectations)
	}
	var got []string
	events, _ := world.Timeline().Since(0)
	for _, e := range events {
		got = append(got, strings.Join([]string{string(e.Actor), string(e.Verb), e.Subject, e.Message}, " "))
	}
	want := []string{
		"customer stop vm/n-0 map[]",
		"provider resize vm/n-1 Standard_D8s_v5map[]",
		"customer tag vm/n-0 map[old: team:web]",
		"customer set nsg/deny-outbound-443 {Name:deny-outbound-443 Priority:200 Direction:Outbound Access:Deny Protocol:* Ports:[443] Destination:Internet Source:*}",
		"provider set nsg/web {Name:web Priority:300 Direction:Inbound Access:Allow Protocol:Tcp Ports:[80 8000-8999] Destination:* Source:Internet}",
		"customer set nsg/deny-outbound-all {Name:deny-outbound-all Priority:200 Direction:Outbound Access:Deny Protocol:* Ports:[*] Destination:* Source:*}",
		"customer delete nsg/web ",
		"customer create manageddisk/scratch 32Premium_LRS2",
		"provider detach manageddisk/claim:default/data 0",
		"customer resize manageddisk/scratch 64",
		"customer delete-rule loadbalancer/service:default/shop ",
		"customer resize fileshare/claim:default/books 9",
		"customer delete route/n-0 ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
}

func TestIaaSMistakes(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"iaas stopp node/0", `did you mean "stop"?`},
		{"iaas stop", "iaas needs NODE"},
		{"iaas stop node/9", "there is no node 9"},
		{"iaas stop node/0 by=platform", "want one of customer, provider"},
		{"iaas resize node/0", "iaas resize needs size="},
		{"iaas stop node/0 size=Standard_D8s_v5", "iaas stop takes no size="},
		{"iaas resize node/0 size=Standard_D8_v5", `did you mean "Standard_D8s_v5"?`},
		{"iaas-lb delete x", `did you mean "delete-rule"?`},
		{"iaas-lb delete-rule", "iaas-lb needs RULE"},
		{"iaas-route delete", "iaas-route needs NODE"},
		{"iaas-disk delte x", `did you mean "delete"?`},
		{"iaas-disk delete", "iaas-disk needs DISK"},
		{"iaas-disk create x", "iaas-disk create needs size=: in GiB"},
		{"iaas-disk create x size=40000", "(InvalidParameter)"},
		{"iaas-disk create x size=4 sku=Premium_LSR", `did you mean "Premium_LRS"?`},
		{"iaas-disk create x size=4 zone=4", "(InvalidAvailabilityZone)"},
		{"iaas-disk delete x size=4", "iaas-disk delete takes no size="},
		{"iaas-disk resize x size=0", "(InvalidParameter)"},
		{"iaas-share resize x", "iaas-share resize needs size=: in GiB"},
		{"iaas-share create x", "want one of delete, resize"},
		{"iaas tag node/0", "iaas tag needs tags="},
		{"iaas tag node/0 tags=team", `want KEY=VALUE, not "team"`},
		{"iaas tag node/0 tags=a=b,=c", `want KEY=VALUE, not "=c"`},
		{"nsg deny port=443", "needs its direction"},
		{"nsg deny outbound", "needs its port"},
		{"nsg deny outbund port=443", `did you mean "outbound"?`},
		{"nsg deny outbound port=https", "(SecurityRuleInvalidPortRange)"},
		{"nsg deny outbound port=443 priority=99", "Allowed range 100-4096"},
		{"nsg deny outbound port=443 to=Internt", `did you mean "Internet"?`},
		{"nsg allow outbound port=443 protocol=http", "(InvalidRequestFormat)"},
		{"nsg deny outbound port=443 name=AllowVnetOutBound", "cannot be changed"},
		{"nsg delete", "nsg delete needs name="},
		{"nsg delete outbound name=x", "takes only name="},
		{"nsg delete name=x port=443", "takes only name="},
	} {
		_, problems := parse.Parse("x.txtar", []byte("# Title\nat 0s "+c.line+"\nfinally check 'now > 0.0'\n"))
		if len(problems) != 1 || !strings.Contains(problems[0].String(), c.want) {
			t.Errorf("%s: got %v, want one problem with %q", c.line, problems, c.want)
		}
	}
}
