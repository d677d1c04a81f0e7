package guard

import (
	"errors"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/interp"
)

// What a script says of itself comes back as the same script from its text.
func TestSafeIsAScript(t *testing.T) {
	p := &Process{Language: func(s string) (*File, error) { return Parse(s, "") }}
	for _, script := range []string{
		"x=$a$b; echo ${x//a/$b} $(cat f) \"$@\"", "cat <<A | grep \"$x\" > y &\n$x\nA", "for i in $x; do echo $i | cat; done",
		"f() { [[ $x == $y* ]] && return; }", "case $x in $y) ;; esac", "a=($x); a[1+$y]=${z:=$x}", "echo $(<f) `echo \\`x\\``",
	} {
		text, err := p.Safely(t.Context(), script)
		if err != nil {
			t.Errorf("%s: %v", script, err)
			continue
		}
		if _, err := Parse(text, ""); err != nil || !strings.Contains(text, "/.demarc") {
			t.Errorf("%s became\n%s: %v", script, text, err)
		}
	}
}

// A function is counted where it is declared, also in a script that has been text, and
// never given back: scripts can write formulas of their own.
func TestFunctionsAreCounted(t *testing.T) {
	p := &Process{Language: func(s string) (*File, error) { return Parse(s, "") }}
	text, err := p.Safely(t.Context(), "f() { echo; }")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse(text, "")
	if err != nil || len(f.Stmts) != 1 || len(f.Stmts[0].Redirs) != 1 {
		t.Errorf("it is counted when it runs: %s, %v", text, err)
	}
	if !p.keep("f", maxKept) || !p.keep("f", 0) || p.keep("g", 1) {
		t.Errorf("%d bytes are kept", p.kept)
	}
}

// A script that is read again and again pays for its length.
func TestReadingIsPaidFor(t *testing.T) {
	p := &Process{Language: func(s string) (*File, error) { return Parse(s, "") }}
	if _, err := p.Safely(t.Context(), strings.Repeat(":", 1000*reading)); err != nil {
		t.Fatal(err)
	}
	if p.Meter.left != maxBurst-1000 {
		t.Errorf("%v commands are left, want %d", p.Meter.left, maxBurst-1000)
	}
}

func TestCompile(t *testing.T) {
	for _, good := range []string{"a+", "^[0-9]{1,3}(\\.[0-9]{1,3}){3}$", strings.Repeat("ab?", 500)} {
		if _, err := Compile(good); err != nil {
			t.Errorf("%.40s: %v", good, err)
		}
	}
	for _, bad := range []string{"(.{1000}){50}(.{1000}){50}", strings.Repeat(".{1000}", 60), strings.Repeat("(", 10_000), strings.Repeat("a", 10_000)} {
		if _, err := Compile(bad); err == nil {
			t.Errorf("%.40s: was compiled", bad)
		}
	}
}

func TestPrinted(t *testing.T) {
	for _, tt := range []struct {
		argv  []string
		least int64
	}{{[]string{"%5d%5d\n", "1", "2", "3"}, 20}, {[]string{"%999999999999999999999d"}, maxArguments + 1}, {[]string{"%.99999999f", "1"}, 99999999}, {[]string{"100%%"}, 5}} {
		if n := printed(tt.argv); n < tt.least || tt.least < 100 && n > 2000 {
			t.Errorf("%v: got %d, want at least %d", tt.argv, n, tt.least)
		}
	}
}

func TestContain(t *testing.T) {
	told := ""
	SetReport(func(text string) { told = text })
	defer SetReport(nil)
	err := Contain(func() error { panic("odd") })
	if !errors.Is(err, ErrFault) || !strings.Contains(told, "odd") || !strings.Contains(told, "TestContain") {
		t.Errorf("got %v, told %q", err, told)
	}
}

// The interpreter's parameters are read past its API.
func TestInterpreterHasParameters(t *testing.T) {
	r, err := interp.New()
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Params
	var h interp.HandlerContext
	if f := interpreter(h); !f.IsValid() || f.Type().String() != "*interp.Runner" {
		t.Errorf("a handler's context has no runner: %v", f)
	}
}
