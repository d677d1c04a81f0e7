package script

import (
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"0s": 0, "90s": 90 * time.Second, "2h10m": 130 * time.Minute, "1d": 24 * time.Hour, "1d12h": 36 * time.Hour, "0.5d": 12 * time.Hour,
	} {
		if got, err := ParseDuration(in); err != nil || got != want {
			t.Errorf("ParseDuration(%q): got %v, %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "5", "x", "d", "1d5", "-1d", "1y", "NaNd", "1d-5h", "100000d2000000h"} {
		if got, err := ParseDuration(in); err == nil {
			t.Errorf("ParseDuration(%q): got %v, want an error", in, got)
		}
	}
}
