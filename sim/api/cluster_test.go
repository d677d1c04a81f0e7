package api

import "testing"

func TestParseEtcdQuota(t *testing.T) {
	for text, want := range map[string]int64{"16Mi": 16 << 20, "64M": 64_000_000, "8Gi": 8 << 30, "9Gi": 0, "15Mi": 0, "": 0, "big": 0, "-16Mi": 0, "1e30": 0} {
		if got, err := ParseEtcdQuota(text); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
	if got := Size(DefaultEtcdQuota); got != "8Gi" {
		t.Errorf("AKS's limit: got %s", got)
	}
}
