package clock

import (
	"testing"
	"time"

	"demarc/sim/api"
)

func TestDebt(t *testing.T) {
	for _, tt := range []struct {
		name          string
		rate          api.Rate
		real, virtual time.Duration
		want          time.Duration
	}{
		{"nothing passed", 60, 0, 0, 0},
		{"one round at 60x", 60, 10 * time.Millisecond, 0, 600 * time.Millisecond},
		{"on time", 60, time.Second, time.Minute, 0},
		{"a burst of work is caught up", 60, 10 * time.Second, 2 * time.Minute, 8 * time.Minute},
		{"ahead after a long jump", 1, time.Second, 3 * time.Second, -2 * time.Second},
		{"slow motion", 0.5, time.Minute, 0, 30 * time.Second},
		{"paused", 0, time.Hour, 0, 0},
	} {
		if got := debt(tt.rate, tt.real, tt.virtual); got != tt.want {
			t.Errorf("%s: debt(%v, %v, %v) = %v, want %v", tt.name, tt.rate, tt.real, tt.virtual, got, tt.want)
		}
	}
}

func TestRealTimeBuildKnowsOneRate(t *testing.T) {
	if Virtual {
		t.Skip("this build has a virtual clock")
	}
	d := Start(time.Now().Add(time.Hour))
	if err := d.Set(1, time.Time{}); err != nil {
		t.Errorf("Set(1x) = %v, want nil", err)
	}
	if err := d.Set(60, time.Time{}); err != ErrRealTime {
		t.Errorf("Set(60x) = %v, want %v", err, ErrRealTime)
	}
	if got := d.Clock(); got.Rate != 1 || got.Virtual {
		t.Errorf("Clock() = %+v, want rate 1x and not virtual", got)
	}
}
