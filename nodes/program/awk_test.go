package program

import (
	"bytes"
	"testing"
)

func TestAWK(t *testing.T) {
	const table = "NAME READY RESTARTS\\nweb 1/1 0\\ndb 0/1 7\\n"
	for _, tt := range []struct{ program, want string }{
		{`'{print $1}'`, "NAME\nweb\ndb\n"},
		{`'NR>1 {print $1, $3; n++} END {print n " rows"}'`, "web 0\ndb 7\n2 rows\n"},
		{`'NR>1 && $3 > 5 {print $1}'`, "db\n"},
		{`'/^w/{print $2; exit}'`, "1/1\n"},
		{`'NR==2,NR==3'`, "web 1/1 0\ndb 0/1 7\n"},
		{`'{s += $3} END {printf "%d %.2f %s|%5s|\n", s, s/2, "x", "y"}'`, "7 3.50 x|    y|\n"},
		{`'$1 == "db" { split($2, a, "/"); print a[1] "-" a[2], length($1) }'`, "0-1 2\n"},
		{`'NR==2 {gsub(/[0-9]/, "<&>"); sub("web", "WEB"); print; print $1}'`, "WEB <1>/<1> <0>\nWEB\n"},
		{`'{ c[$2]++ } END { for (k in c) print k, c[k] }'`, "0/1 1\n1/1 1\nREADY 1\n"},
		{`'BEGIN { for (i = 0; i < 3; i++) { if (i == 1) continue; x = x i } print x; print toupper("a") substr("hello", 2, 3) index("abc", "c") }'`, "02\nAell3\n"},
		{`-F/ 'NR==2 {print $2 > "/tmp/o"} END { while (n < 2) n++; print n }' -; true`, "2\n"},
		{`-v who=me 'BEGIN { print who, ENVIRON["COLOUR"], 2^3, 7%4, -1 + 2 }'`, "me blue 8 3 1\n"},
		{`'BEGIN { print (1 > 0 ? "yes" : "no"), !0, "a" "b" == "ab" }'`, "yes 1 1\n"},
		{`'NF { $2 = "x"; print; NF = 1; print }' | tail -1`, "db\n"},
		{`'END { print NR, $0 }'`, "3 db 0/1 7\n"},
		{`'BEGIN { if (!("a" in m)) { m["a", 1] = 2; print length("x" "y") } else print "no"; if (("a", 1) in m) print "in" }'`, "2\nin\n"},
		{`'$2 ~ "^0" { print "down:", $1 } $2 !~ /0/ && NR > 1 { print "up:", $1 }'`, "up: web\ndown: db\n"},
		{`'BEGIN { exit 3 } END { print "end" }'; echo $?`, "end\n3\n"},
		{`'{ print $NF; print $(NF-1) }' | head -2`, "RESTARTS\nREADY\n"},
		{`'BEGIN { while ((getline l < "x") > 0) n++ }'; echo $?`, "awk: demarc's awk has no getline\n2\n"},
		{`'{ print '; echo $?`, "awk: syntax error near the end of the line\n2\n"},
		{`'BEGIN { print 1/0 }'; echo $?`, "awk: division by zero\n2\n"},
	} {
		var out bytes.Buffer
		if _, err := Exec(t.Context(), testSpec(), sh("cd /tmp; printf '"+table+"' | awk "+tt.program), nil, &out, &out); err != nil || out.String() != tt.want {
			t.Errorf("%s\n got %q, %v\nwant %q", tt.program, out.String(), err, tt.want)
		}
	}
}
