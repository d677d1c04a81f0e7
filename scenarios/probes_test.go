package scenarios_test

import (
	"context"
	"math"
	"os"
	"strings"
	"testing"

	"demarc/scenarios"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/policy"
	"demarc/sim/report"
	"demarc/sim/timeline"
)

// probed takes one of two nodes away from everything that serves, and then both, out of band.
const probed = `# A customer stops one of two VMs, and then the other
cluster nodes=2 edition=2019-04
clause  iaas.out-of-band

at 0s           apply shop.yaml
within 2m       expect shop-up.yaml
at 5m           iaas stop node/0
at 10m          iaas stop node/1
at 15m          iaas start node/0
at 15m          iaas start node/1
within 5m       expect shop-up.yaml
at 25m          check 'true'

-- shop.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: shop}}}
      containers: [{name: shop, image: 'nginx:1.29', ports: [{containerPort: 80}]}]
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec:
  type: LoadBalancer
  selector: {app: shop}
  ports: [{port: 80}]
-- shop-up.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
status: {readyReplicas: 2}
`

// TestProbes has the provider's probes find the DNS, the tunnel and a load balancer up, then
// degraded for five minutes and down for five. Who stops VMs behind the service's back has
// what comes of it (iaas.out-of-band), so the minutes that they were down are the
// customer's; and that something is degraded is no incident: there are only the nodes'.
func TestProbes(t *testing.T) {
	if _, err := engine.Build(t.Context(), os.Stderr); err != nil {
		t.Fatalf("build the engine: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), scenarioTimeout)
	defer cancel()
	var events []timeline.Event
	r, err := scenarios.Drill{Name: "probes", File: "probes.txtar", Text: probed}.Run(ctx, func(api.Step) {}, func(e timeline.Event) { events = append(events, e) })
	if err != nil || r.Verdict != api.VerdictHeld {
		t.Fatalf("%s, %v: %+v", r.Verdict, err, r.Expectations)
	}
	edition, err := policy.Lookup("2019-04")
	if err != nil {
		t.Fatal(err)
	}
	all, err := recording{events, r}.judge(edition)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range r.Incidents {
		if !strings.HasPrefix(i.Subject, "node") {
			t.Errorf("an incident: %+v", i)
		}
	}
	found := map[string]report.Availability{}
	for _, a := range all.Report.Availability {
		found[a.Subject] = a
	}
	const slack = 1.0 // minutes: pods and nodes come back when they do
	for _, subject := range []string{api.ProbeDNS, api.ProbeTunnel, api.ProbeLoadBalancer + "default/shop"} {
		a, ok := found[subject]
		if !ok || len(a.Lapses) < 2 || a.Lapses[0].State != api.ProbeDegraded || a.Lapses[1].State != api.ProbeDown {
			t.Errorf("%s: got %+v", subject, a)
			continue
		}
		if d := a.Lapses[0].To.Sub(a.Lapses[0].From).Minutes(); d < 5-slack || d > 5+slack || a.Lapses[0].Owner != "" {
			t.Errorf("%s: degraded for %g minutes: %+v", subject, d, a.Lapses[0])
		}
		if a.DownMinutes < 5-slack || a.DownMinutes > 5+slack || math.Abs(a.Down.Customer-a.DownMinutes) > 1e-6 || a.Lapses[1].Incident == "" {
			t.Errorf("%s: down: %+v", subject, a)
		}
		if sum := a.UpMinutes + a.DegradedMinutes + a.DownMinutes; a.Percent < 100*(sum-a.DownMinutes)/sum-1e-6 || a.Percent > 100*(sum-a.DownMinutes)/sum+1e-6 {
			t.Errorf("%s: available %g%%: %+v", subject, a.Percent, a)
		}
	}
	var text strings.Builder
	if err := all.Report.Text(&text, func(s string) string { return s }); err != nil || !strings.Contains(text.String(), "PROBED") {
		t.Errorf("%v:\n%s", err, text.String())
	}
	text.Reset()
	if err := all.Report.HTML(&text); err != nil || !strings.Contains(text.String(), "<td>loadbalancer/default/shop</td>") {
		t.Errorf("%v: no availability in the page", err)
	}
}
