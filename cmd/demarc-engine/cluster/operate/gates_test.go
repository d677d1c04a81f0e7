package operate

import (
	"errors"
	"strings"
	"testing"

	"demarc/controlplane"
)

// TestGatesByEdition checks that an edition's own rules decide which gates are refused.
func TestGatesByEdition(t *testing.T) {
	const alpha, beta = "ContainerStopSignals", "SchedulerAsyncAPICalls"
	for _, tt := range []struct {
		edition, gate  string
		value, allowed bool
		refused        string
	}{
		{"2019-04", alpha, true, false, "alpha: only stable features are supported (edition 2019-04, clause features.alpha-beta)"},
		{"2019-04", beta, true, false, "beta: only stable"},
		{"2026-08", alpha, true, false, "alpha ones are not (edition 2026-08"},
		{"2026-08", beta, true, false, ""},
		{"2019-04", alpha, true, true, ""},
		{"2019-04", alpha, false, false, ""},
		{"2026-08", "Unknown", true, true, "unrecognized feature gate: Unknown"},
	} {
		_, err := CheckGates(tt.edition, map[string]bool{tt.gate: tt.value}, tt.allowed)
		var gate *controlplane.GateError
		switch {
		case tt.refused == "" && err != nil, tt.refused != "" && (!errors.As(err, &gate) || !strings.Contains(err.Error(), tt.refused)):
			t.Errorf("%+v: %v", tt, err)
		}
	}
}

func TestParseGates(t *testing.T) {
	got := parseGates("# HELP kubernetes_feature_enabled x\nkubernetes_feature_enabled{name=\"A\",stage=\"ALPHA\"} 1\nkubernetes_feature_enabled{name=\"B\",stage=\"\"} 0\nother 1\n")
	if len(got) != 2 || !got["A"] || got["B"] {
		t.Errorf("%v", got)
	}
}
