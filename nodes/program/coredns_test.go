package program

import (
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/nodes/coredns"
)

// TestCoreDNSStartsByItsCorefile plans CoreDNS by what is mounted: a broken Corefile ends it
// with the reason in its log, and of one that nobody can see nothing is known.
func TestCoreDNSStartsByItsCorefile(t *testing.T) {
	const file = "/etc/coredns/Corefile"
	spec := func(text string, known bool) Spec {
		return Spec{Image: "mcr.microsoft.com/oss/v2/kubernetes/coredns:v1.12.1", Args: []string{"-conf", file}, Ports: []int32{53, 9153}, UDPPorts: []int32{53},
			Env:    []string{"UPSTREAM=10.0.0.9"},
			Config: func(string) (coredns.Files, bool) { return coredns.Files{file: []byte(text)}, known }}
	}
	b := Plan(spec(".:53 {\n health\n ready\n forward . {$UPSTREAM}\n}\ncorp.test:5353 {\n whoami\n}", true))
	if b.Exits || b.Names == nil || !slices.Equal(b.UDPPorts, []int32{53, 5353}) || !slices.Equal(b.Ports, []int32{53, 5353, 8080, 8181}) {
		t.Errorf("got %+v", b)
	}
	if lines := strings.Join(b.Lines(time.Now()), "\n"); !strings.Contains(lines, "CoreDNS-1.12.1") || !strings.Contains(lines, "corp.test.:5353") {
		t.Errorf("it logs %s", lines)
	}
	b = Plan(spec(".:53 {\n foo\n}", true))
	if want := []string{file + ":2 - Error during parsing: Unknown directive 'foo'"}; !b.Exits || b.ExitCode != 1 || !b.Misconfigured || !slices.Equal(b.Lines(time.Now()), want) {
		t.Errorf("with a broken Corefile: got %+v, %q", b, b.Lines(time.Now()))
	}
	if b = Plan(spec("", false)); b.Exits || b.Names != nil || !slices.Contains(b.Ports, 53) {
		t.Errorf("with a Corefile that nobody can see: got %+v", b)
	}
}
