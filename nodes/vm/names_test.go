package nodes

import "testing"

func TestNames(t *testing.T) {
	if got, want := instanceID(150), "000046"; got != want {
		t.Errorf("instanceID(150) = %s, want %s", got, want)
	}
	if got, want := podCIDR(257).String(), "10.245.1.0/24"; got != want {
		t.Errorf("podCIDR(257) = %s, want %s", got, want)
	}
	if got, want := nodeIP(999).String(), "10.224.3.235"; got != want {
		t.Errorf("nodeIP(999) = %s, want %s", got, want)
	}
}
