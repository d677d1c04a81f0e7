package cluster

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"demarc/sim/api"
)

func TestClockText(t *testing.T) {
	now := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		clock      api.Clock
		text, json string // the ends
	}{
		{api.Clock{Rate: 1}, ", in real time", `"rate":"1x","virtual":false}`},
		{api.Clock{Virtual: true}, ", paused", `"rate":"pause","virtual":true}`},
		{api.Clock{Rate: 60, Virtual: true}, ", 60x", `"rate":"60x","virtual":true}`},
		{api.Clock{Rate: 60, Reached: 59.9, Virtual: true}, ", 60x", `"rate":"60x","reached":"59.9x","virtual":true}`},
		{api.Clock{Rate: 60, Reached: 41, Behind: api.Duration(12 * time.Second), Virtual: true}, ", asked for 60x, reached 41x, 12s behind", `"rate":"60x","reached":"41x","behind":"12s","virtual":true}`},
		{api.Clock{Rate: 60, Behind: api.Duration(time.Hour), Virtual: true}, ", asked for 60x, 1h0m0s behind", `"rate":"60x","behind":"1h0m0s","virtual":true}`},
		{api.Clock{Rate: api.FreeRun, Virtual: true}, ", as fast as the machine goes", `"rate":"max","virtual":true}`},
		{api.Clock{Rate: api.FreeRun, Reached: 1840, Virtual: true}, ", as fast as the machine goes: 1840x", `"rate":"max","reached":"1840x","virtual":true}`},
	} {
		tt.clock.Now = now
		if got := clockText(tt.clock); !strings.HasSuffix(got, tt.text) {
			t.Errorf("clockText(%+v) = %q, want it to end with %q", tt.clock, got, tt.text)
		}
		if b, err := json.Marshal(tt.clock); err != nil || !strings.HasSuffix(string(b), tt.json) {
			t.Errorf("%+v is %s, %v; want it to end with %s", tt.clock, b, err, tt.json)
		}
	}
}
