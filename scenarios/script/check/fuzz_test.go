package check

import "testing"

// FuzzCheck compiles checks and evaluates those that compile.
func FuzzCheck(f *testing.F) {
	for _, text := range []string{
		"now == 5.0", "'a'.matches('(a+)+$')", "[1,2].all(a, [3,4].exists(b, a < b))", "'x'.replace('x', 'yyyy').size() > 3", "quantity('1Gi').isGreaterThan(quantity('1Mi'))",
		"'%s %d'.format(['a', 1]) == 'a 1'", "[1,2,3].map(x, x * 2).sum() == 12", "url('https://a').getHost() == 'a'", "ip('::1').isLoopback()", "cidr('10.0.0.0/8').containsIP('10.1.2.3')",
		"duration('1h') > duration('1m')", "timestamp('2026-01-01T00:00:00Z').getFullYear() == 2026", "{'a': 1}.?a.orValue(2) == 1", "math.greatest(1, 2) == 2", "sets.contains([1], [1])",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, _ := Compile(text)
		if e == nil {
			return
		}
		// An error is an answer as well. The last step may cost more than was left.
		_, details, _ := e.program.Eval(map[string]any{"now": 5.0})
		if details != nil && details.ActualCost() != nil && *details.ActualCost() > 2*checkCost {
			t.Errorf("%q cost %d", text, *details.ActualCost())
		}
	})
}
