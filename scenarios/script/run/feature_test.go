package run

import (
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
