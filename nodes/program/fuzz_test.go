package program

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"demarc/nodes/shell/guard"
	"demarc/sim/annotation"
)

// FuzzScript looks for scripts that panic, do not end or take more than they may.
func FuzzScript(f *testing.F) {
	faults := make(chan string, 1)
	guard.SetReport(func(text string) {
		select {
		case faults <- text:
		default:
		}
	})
	for _, script := range hostile {
		if len(script) < 1000 {
			f.Add(script)
		}
	}
	for _, script := range []string{
		"for i in $(seq 3); do echo $i >> f; done; sort -rn f | uniq -c | head -2 | tee g; wc -l < g", "cat <<-EOF | grep -c x\n\tx$HOME\nEOF",
		"f() { local a=(\"$@\"); echo ${#a[@]} ${a[-1]} ${a[@]:1:2}; }; f 1 2 3", "case $1 in a|b) ;; *) exit 3;; esac", "x=abcabc; echo ${x/b/-} ${x//[ab]} ${x%%c*} ${x^^} ${x:1:2} ${x@Q} ${!x}",
		"set -euo pipefail; trap 'echo end' EXIT; false | true", "while read -r a b; do echo $b; done <<< 'x y'", "[[ a1 =~ ^([a-z])([0-9])$ ]] && echo ${BASH_REMATCH[2]}",
		"printf '%5.2s|%-4d|%x\\n' abc 7 255 d", "date -d @99 +%s; timeout 1 sleep 2; env A=1 sh -c 'echo $A'", "echo $((1<<3|2)) $((x=5,x++)) $((9223372036854775807+1)) $((-9223372036854775808/-1))",
		"declare -A m=([a]=1 [b]=2); echo ${!m[@]} ${m[a]}", "exec 2>&1; nslookup x; wget -qO- http://x:1; kill -0 1; ls -la / | tail -1", "select x in a; do :; done", "mapfile -t a < /etc/passwd; echo ${a[0]}", "getopts ab: o -a -b c; echo $o",
	} {
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script string) {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		s := testSpec()
		s.Command = sh(script)
		Plan(s)
		began := time.Now()
		if code, err := Exec(ctx, s, s.Command, nil, io.Discard, io.Discard); err != nil || code < 0 || code > 255 {
			t.Errorf("got %d, %v", code, err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("took %v", took)
		}
		select {
		case text := <-faults:
			t.Log("a fault that was contained:", text) // of the interpreter's, and the script's end only
		default:
		}
	})
}

// FuzzAnnotations looks for annotations that panic, or that lead to what cannot be.
func FuzzAnnotations(f *testing.F) {
	for _, a := range [][2]string{{annotation.ExitAfter, "30s"}, {annotation.ExitCode, "256"}, {annotation.Latency, "-1s"}, {annotation.HTTPStatus, "99"}, {annotation.PullSeconds, "NaN"}, {annotation.IgnoreSIGTERM, "maybe"}, {annotation.ReadyAfter, "9999999h"}, {"demarc.dev/x.y", "1"}} {
		f.Add(a[0], a[1])
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		s := testSpec()
		s.Ports, s.Annotations = []int32{80}, map[string]string{name: value, name + "." + s.Container: value}
		delete(s.Annotations, annotation.Latency) // it would wait
		s.Image, s.Command = "nginx", nil
		b := Plan(s)
		if b.ReadyAfter < 0 || b.ExitAfter < 0 || b.ExitCode < 0 || b.ExitCode > 255 {
			t.Errorf("%s=%q: %+v", name, value, b)
		}
		if b.Handler != nil && s.Annotations[annotation.Latency+"."+s.Container] == "" {
			b.Handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
		}
	})
}
