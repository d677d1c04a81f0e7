package run

import (
	"strings"
	"testing"

	"demarc/sim/api"

	"github.com/google/go-cmp/cmp"
)

// TestPatchVerbs checks what is asked of the world, and what checks see of it.
func TestPatchVerbs(t *testing.T) {
	report, _, world := play(t, `
at 1s os-patch publish openssl reboot=yes breaks=kubelet
at 2s os-patch withdraw openssl
at 3s refuse os-patch publish curl by=customer containing="is the provider's"
at 4s cve publish CVE-2026-1234 component=kernel severity=critical vendor-fix-age=1h
finally check 'patches.size() == 2 && patches[1].version == "2" && !patches[1].withdrawn'
finally check 'cves[0].state == "notified" && cves[0].vulnerable == ["n-0"]'
`, nil)
	if report.Verdict != api.VerdictHeld {
		t.Fatalf("got %s: %+v", report.Verdict, report.Expectations)
	}
	var got []string
	events, _ := world.Timeline().Since(0)
	for _, e := range events {
		got = append(got, strings.Join([]string{string(e.Verb), e.Subject, e.Message}, " "))
	}
	want := []string{
		"published patch/openssl {Package:openssl Version: Reboot:true Breaks:kubelet}",
		"withdrawn patch/openssl 2",
		"published cve/CVE-2026-1234 {ID:CVE-2026-1234 Component:kernel Severity:critical Fix: Version: Guidance: VendorFixAge:3600000000000}",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
}
