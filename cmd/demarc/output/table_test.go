package output

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	mark := func(s string) string { return "<" + s + ">" }
	tb := Table{Indent: " ", Paint: map[int]func(string) string{0: mark}}
	tb.Row("é", "x", strings.Repeat("word ", 8)+"end")
	tb.Row("long", "y", "z")
	var out strings.Builder
	if err := tb.Write(&out, 20); err != nil { // the last column has 30, the least
		t.Fatal(err)
	}
	want := ` <é>     x  word word word word word word
          word word end
 <long>  y  z
`
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}
