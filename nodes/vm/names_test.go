package vm

import "testing"

func TestNames(t *testing.T) {
	if got, want := InstanceID(150), "000046"; got != want {
		t.Errorf("InstanceID(150) = %s, want %s", got, want)
	}
	if got, want := PodCIDR(257).String(), "10.245.1.0/24"; got != want {
		t.Errorf("PodCIDR(257) = %s, want %s", got, want)
	}
	if got, want := NodeIP(999).String(), "10.224.3.235"; got != want {
		t.Errorf("NodeIP(999) = %s, want %s", got, want)
	}
}
