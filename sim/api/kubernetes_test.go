package api

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNewestKubernetesIsTheLinkedOne(t *testing.T) {
	b, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if want := "k8s.io/kubernetes v" + NewestKubernetes() + "\n"; !strings.Contains(string(b), want) {
		t.Errorf("go.mod has no line with %q", want)
	}
}

func TestResolveKubernetes(t *testing.T) {
	for version, want := range map[string]string{
		"": "1.37.2", "1.36": "1.36.3", "v1.36": "1.36.3", "1.36.3": "1.36.3", "1.36.2": "", "1.33": "", "1.38": "", "newest": "", "1": "",
	} {
		got, err := ResolveKubernetes(version)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q and error %v, want %q", version, got, err, want)
		}
		if err != nil && !strings.Contains(err.Error(), "K8sVersionNotSupported") {
			t.Errorf("%q: the error %q has no code", version, err)
		}
	}
}

func TestKubernetesUpgrades(t *testing.T) {
	for version, want := range map[string][]string{
		"1.35.4": {"1.36.3"}, "1.36.1": {"1.36.3", "1.37.2"}, "1.37.2": {},
	} {
		if diff := cmp.Diff(want, KubernetesUpgrades(version)); diff != "" {
			t.Errorf("from %s (-want +got):\n%s", version, diff)
		}
	}
	if got := KubernetesSkew("1.37.2", "v1.34.4"); got != 3 {
		t.Errorf("skew: got %d, want 3", got)
	}
}

func TestChannelRelease(t *testing.T) {
	for _, x := range []struct{ channel, from, want string }{
		{ChannelRapid, "1.35.4", "1.36.3"}, {ChannelRapid, "1.37.2", "1.37.2"}, {ChannelStable, "1.34.4", "1.35.4"}, {ChannelStable, "1.36.3", "1.36.3"},
		{ChannelStable, "1.37.2", "1.37.2"}, {ChannelPatch, "1.36.1", "1.36.3"}, {ChannelPatch, "1.36.3", "1.36.3"}, {ChannelNone, "1.34.4", "1.34.4"}, {ChannelNodeImage, "1.34.4", "1.34.4"},
	} {
		if got := ChannelRelease(x.channel, x.from); got != x.want {
			t.Errorf("channel %s from %s: got %s, want %s", x.channel, x.from, got, x.want)
		}
	}
}
