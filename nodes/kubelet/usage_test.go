package kubelet

import (
	"math"
	"testing"
	"time"
)

func TestRate(t *testing.T) {
	var a asked
	start := time.Unix(1500, 0) // a window begins
	for i := range 300 {
		a.note(start.Add(time.Duration(i) * 100 * time.Millisecond)) // ten a second, for 30 s
	}
	for _, tt := range []struct {
		after time.Duration
		want  float64
	}{{29900 * time.Millisecond, 10}, {30 * time.Second, 10}, {45 * time.Second, 0}, {time.Hour, 0}} {
		if got := a.rate(start.Add(tt.after)); math.Abs(got-tt.want) > 0.1 {
			t.Errorf("after %s: %v requests a second, want %v", tt.after, got, tt.want)
		}
	}
}
