package api

import (
	"slices"
	"testing"
	"time"
)

func TestNodeImages(t *testing.T) {
	const prefix = "AKSUbuntu-2204gen2containerd-"
	for _, x := range []struct{ kubernetes, now, newest string }{
		{"1.37.2", "2026-01-05", "202605.14.0"}, {"1.37.2", "2026-05-20", "202605.14.0"}, {"1.37.2", "2026-05-21", "202605.21.0"},
		{"1.36.3", "2026-12-01", "202611.26.0"}, {"1.31.1", "2026-12-01", "202601.07.0"}, {"1.32.1", "2026-12-01", "202603.18.1"},
	} {
		now, _ := time.Parse(time.DateOnly, x.now)
		if got := NodeImages(x.kubernetes, now)[0]; got != prefix+x.newest {
			t.Errorf("Kubernetes %s on %s: got %s, want %s", x.kubernetes, x.now, got, x.newest)
		}
	}
	if got := NodeImages("1.37.2", time.Time{}); len(got) != 2 || !slices.IsSortedFunc(got, func(a, b string) int { return -NodeImageBuilt(a).Compare(NodeImageBuilt(b)) }) {
		t.Errorf("got %q, want two, the newest first", got)
	}
	for image, ok := range map[string]bool{"202605.14.0": true, "202605.21.0": true, "202605.22.0": false, "202601.07.0": false, "": false, "x": false} {
		if err := CheckNodeImage(prefix+image, "1.37.2"); (err == nil) != ok {
			t.Errorf("%s: %v", image, err)
		}
	}
	if !NodeImageBuilt("image").IsZero() || !NodeImageBuilt("").IsZero() {
		t.Error("a name without a day has one")
	}
}
