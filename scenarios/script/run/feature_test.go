package run

import (
	"fmt"
	"strings"
	"testing"

	"demarc/scenarios/script/parse"
)

// TestFeatureVerbs plays the verbs of features, also where they are refused.
func TestFeatureVerbs(t *testing.T) {
	report, _, world := play(t, `cluster nodes=2 feature-gates=A=true,B=false allow-unsupported-gates=true
at 1s  feature register AKSAuditLog
at 1s  feature unregister AKSAuditLog
at 2s  refuse feature register Unknown containing='could not be found'
at 3s  update feature-gates=A=true,B=false allow-unsupported-gates=true
at 4s  refuse update kube-proxy-mode=IPVS containing='is not enabled'
at 4s  update load-balancer-outbound-ports=0 load-balancer-idle-timeout=4
at 5s  check 'outbound.nodes[0].used == 7'
at 5s  check 'features.size() == 1 && features[0].state == "Registered" && features[0].stage == "preview" && features[0].registered == 5.0'
at 5s  check 'gates.exists(g, g.name == "ContainerStopSignals" && g.enabled && g.stage == "alpha") && gates.size() == 2'
`, nil)
	if got, want := outcomes(report), "5 held@2, 7 held@4, 9 held@5, 10 held@5, 11 held@5"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	events, _ := world.log.Since(0)
	var got string
	for _, e := range events {
		got += string(e.Verb) + " " + e.Subject + " " + e.Message + "\n"
	}
	if want := "registers true feature/AKSAuditLog \nregisters false feature/AKSAuditLog \nupdated cluster/demarc map[A:true B:false] true\n" +
		"updated cluster/demarc map[] false 0 ports, 4 minutes\n"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// TestMaintenanceVerb plays what is planned of maintenance.
func TestMaintenanceVerb(t *testing.T) {
	const weekly = " schedule-type=Weekly interval-weeks=2 day-of-week=Friday start-time=22:00 duration=4 utc-offset=+02:00"
	report, _, world := play(t, "cluster nodes=2\n"+
		"at 1s  maintenance add aksManagedNodeOSUpgradeSchedule"+weekly+"\n"+
		"at 2s  refuse maintenance update aksManagedNodeOSUpgradeSchedule"+weekly+" containing='there is no maintenance configuration'\n"+
		"at 3s  maintenance delete aksManagedNodeOSUpgradeSchedule\n", nil)
	if got, want := outcomes(report), "4 held@2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	events, _ := world.log.Since(0)
	if len(events) != 2 || events[0].Message != "every 2 weeks on Friday from 22:00 (UTC+02:00) for 4 hours" || events[1].Verb != "deletes" {
		t.Errorf("got %v", events)
	}
	_, problems := parse.Parse("x.txtar", []byte("# t\nat 1s maintenance add aksManagedNodeOSUpgradeSchedule schedule-type=Weekly\nat 2s maintenance add other"+weekly+"\n"))
	if len(problems) < 2 || !strings.Contains(fmt.Sprint(problems), "--interval-weeks is missing") {
		t.Errorf("mistakes: %v", problems)
	}
}

func TestFeatureMistakes(t *testing.T) {
	s, problems := parse.Parse("x.txtar", []byte("# t\ncluster feature-gates=A=true,B allow-unsupported-gates=yes\nat 1s update feature-gates=A=maybe\nat 2s feature enable X\nat 3s update load-balancer-outbound-ports=9 load-balancer-idle-timeout=3\n"))
	if len(problems) != 6 {
		t.Errorf("%+v: %v", s, problems)
	}
	s, problems = parse.Parse("x.txtar", []byte("# t\ncluster feature-gates=A=true,B=false allow-unsupported-gates=true\nfinally check 'now > 0.0'\n"))
	if len(problems) != 0 || !s.Cluster.FeatureGates["A"] || len(s.Cluster.FeatureGates) != 2 || !s.Cluster.AllowUnsupportedGates {
		t.Errorf("%+v, %v", s, problems)
	}
}
