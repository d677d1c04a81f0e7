package shell

import (
	"strings"
	"testing"
)

func TestOptions(t *testing.T) {
	for _, tt := range []struct{ known, line, given, operands string }{
		{"n,lines= q", "-qn 5 f -- -x", "n=5 q=", "f -x"},
		{"n,lines= q", "f --lines=5 --lines 6 -n7", "n=5,6,7", "f"},
		{"n=", "-n", "n=", ""},
		{"n=", "-n -n --long=v -", "n=-n long=v", "-"},
		{"+n=", "-n 1 -0 cmd -n 2", "n=1 0=", "cmd -n 2"},
		{"+", "-a -- -b", "a=", "-b"},
		{"H,header=", "--header=", "H=", ""},
	} {
		c := &Call{Args: strings.Fields(tt.line)}
		o := c.Options(tt.known)
		var given []string
		for _, name := range []string{"n", "q", "long", "0", "a", "H"} {
			if o.Has(name) {
				given = append(given, name+"="+strings.Join(o.All(name), ","))
			}
		}
		if got := strings.Join(given, " "); got != tt.given || strings.Join(o.Operands, " ") != tt.operands {
			t.Errorf("%q of %s: got %q and the operands %q, want %q and %q", tt.line, tt.known, got, o.Operands, tt.given, tt.operands)
		}
	}
}
