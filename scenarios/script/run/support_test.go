package run

import (
	"strings"
	"testing"

	"demarc/scenarios/script/parse"
	"demarc/sim/api"
)

// TestSupport plays cases: what is asked reaches the desk, and checks see them.
func TestSupport(t *testing.T) {
	report, _, world := play(t, `
at 1m   support open 'DNS fails' component=coredns severity=A
at 1m   check 'cases.size() == 1 && cases[0].id == "1" && cases[0].state == "opened" && cases[0].opened == 60.0 && cases[0].closed == 0.0'
at 2m   refuse support escalate 1 containing='offers no restart'
at 3m   support close 1
at 3m   check 'cases[0].state == "closed" && cases[0].closed == 180.0 && cases[0].closedBy == "customer"'
at 4m   refuse support close 7 containing='no such support case'
at 5m   support open 'pods end' namespace=shop
`, nil)
	if report.Verdict != api.VerdictHeld {
		t.Errorf("got %s: %s", report.Verdict, outcomes(report))
	}
	if list := world.Cases(); len(list) != 2 || list[0].Component != "coredns" || list[1].Namespace != "shop" || list[0].Symptom != "DNS fails" {
		t.Errorf("got cases %+v", list)
	}
}

// TestSupportIsChecked finds mistakes before anything starts.
func TestSupportIsChecked(t *testing.T) {
	for line, want := range map[string]string{
		`at 1m support open '' component=etcd`:               "a case needs a symptom",
		`at 1m support open 'x' component=etdc`:              "etdc",
		`at 1m support open 'x' namespace=a chart=b`:         "about one thing",
		`at 1m support close 1 severity=A`:                   "support close takes no severity=",
		`at 1m support reopen 1`:                             "reopen",
		`at 1m check 'cases.exists(c, c.covrage == "none")'`: "unknown field covrage",
	} {
		_, problems := parse.Parse("test.txtar", []byte("# Title\n"+line+"\n"))
		if len(problems) == 0 || !strings.Contains(problems[0].Message, want) {
			t.Errorf("%s: got %v\nwant %s", line, problems, want)
		}
	}
}
