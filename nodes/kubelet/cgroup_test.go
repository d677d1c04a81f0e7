package kubelet

import "testing"

func TestWeight(t *testing.T) {
	for milli, want := range map[int64]int64{0: 1, 1000: 100, 1 << 30: 10000} {
		if got := weight(milli); got != want {
			t.Errorf("weight(%d) = %d, want %d", milli, got, want)
		}
	}
}
