package report

import (
	"strings"
	"testing"

	"demarc/sim/api"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestAvailability sums up what probes have found in an hour: what was down counts against
// the service level, by the owners of the incident that explains it, and what was degraded
// does not. A degraded thing is no outage.
func TestAvailability(t *testing.T) {
	lapse := func(state string, from, to float64) api.Lapse {
		l := api.Lapse{State: state, From: after(from), Of: 2}
		if to != 0 {
			l.To = after(to)
		}
		return l
	}
	in := Input{
		From: eight, To: after(60),
		Incidents: []api.JudgedIncident{judged("i1", "addon/deployment/coredns", 10, 20, share("customer", 10, 11), share("provider", 11, 20))},
		Availability: []api.Availability{
			{Subject: api.ProbeTunnel, Since: after(30), Lapses: []api.Lapse{lapse(api.ProbeDegraded, 40, 50), lapse(api.ProbeDown, 57, 0)}},
			{Subject: api.ProbeDNS, Since: after(-5), Lapses: []api.Lapse{lapse(api.ProbeDown, -4, -2), lapse(api.ProbeDegraded, -1, 3), lapse(api.ProbeDown, 10, 22)}},
			{Subject: "of later", Since: after(70), Lapses: []api.Lapse{}},
		},
	}
	r := Make(in)
	want := []Availability{
		{Subject: api.ProbeDNS, UpMinutes: 45, DegradedMinutes: 3, DownMinutes: 12, Down: Minutes{Total: 12, Provider: 11, Customer: 1}, Percent: 80, Lapses: []Lapse{
			{State: api.ProbeDegraded, From: eight, To: after(3), Of: 2},
			{State: api.ProbeDown, From: after(10), To: after(22), Of: 2, Owner: OwnerCustomer, Incident: "i1"},
		}},
		{Subject: api.ProbeTunnel, UpMinutes: 17, DegradedMinutes: 10, DownMinutes: 3, Down: Minutes{Total: 3, Shared: 3}, Percent: 90, Lapses: []Lapse{
			{State: api.ProbeDegraded, From: after(40), To: after(50), Of: 2},
			{State: api.ProbeDown, From: after(57), To: after(60), Open: true, Of: 2, Owner: OwnerShared},
		}},
	}
	if diff := cmp.Diff(want, r.Availability, cmpopts.IgnoreFields(Lapse{}, "Why"), cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(r.Outages) != 1 || r.Outages[0].Minutes.Total != 10 {
		t.Errorf("the outages are %+v", r.Outages)
	}
	var b strings.Builder
	if err := r.Text(&b, func(s string) string { return s }); err != nil || !strings.Contains(b.String(), "80.000%") || !strings.Contains(b.String(), "90.000%") {
		t.Errorf("%v:\n%s", err, b.String())
	}
}
