package api

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// KubernetesReleases are the versions of Kubernetes that a cluster can have,
// oldest first: the newest patch release of each minor version that kube-apiserver
// of the newest one emulates, which is three minor versions back (Kubernetes
// v1.37, apiserver/pkg/util/compatibility).
var KubernetesReleases = []string{"1.34.4", "1.35.4", "1.36.3", "1.37.2"}

// NewestKubernetes is the release that is linked in.
func NewestKubernetes() string { return KubernetesReleases[len(KubernetesReleases)-1] }

// ResolveKubernetes is the release that a version means: 1.36 is its newest patch
// release, empty the newest of all. The error has AKS's code K8sVersionNotSupported
// (MicrosoftDocs/SupportArticles-docs, errors of upgrades).
func ResolveKubernetes(version string) (string, error) {
	v := strings.TrimPrefix(version, "v")
	if v == "" {
		return NewestKubernetes(), nil
	}
	for _, r := range slices.Backward(KubernetesReleases) {
		if v == r || v == KubernetesMinor(r) {
			return r, nil
		}
	}
	return "", fmt.Errorf("(K8sVersionNotSupported) Managed cluster does not support Kubernetes version %s: the versions are %s",
		version, strings.Join(KubernetesReleases, ", "))
}

// KubernetesMinor is 1.36 for 1.36.3.
func KubernetesMinor(version string) string {
	major, minor, _ := kubernetesParts(version)
	return fmt.Sprintf("%d.%d", major, minor)
}

// KubernetesSkew is how many minor versions a is newer than b; negative if it is
// older.
func KubernetesSkew(a, b string) int {
	amajor, aminor, _ := kubernetesParts(a)
	bmajor, bminor, _ := kubernetesParts(b)
	return (amajor-bmajor)*1000 + aminor - bminor
}

// CompareKubernetes orders versions, the older one first.
func CompareKubernetes(a, b string) int {
	amajor, aminor, apatch := kubernetesParts(a)
	bmajor, bminor, bpatch := kubernetesParts(b)
	return slices.Compare([]int{amajor, aminor, apatch}, []int{bmajor, bminor, bpatch})
}

// KubernetesUpgrades are the releases that a control plane can be upgraded to:
// newer patches of its minor version and those of the next. None is skipped.
func KubernetesUpgrades(version string) []string {
	list := []string{}
	for _, r := range KubernetesReleases {
		if CompareKubernetes(r, version) > 0 && KubernetesSkew(r, version) <= 1 {
			list = append(list, r)
		}
	}
	return list
}

// ChannelRelease is the release to which a channel brings a control plane next: no minor
// version is skipped. It is the one that it has if there is nothing to do.
func ChannelRelease(channel, version string) string {
	newest := NewestKubernetes()
	goal := version
	for _, r := range KubernetesReleases {
		skew := KubernetesSkew(newest, r)
		if channel == ChannelRapid && skew == 0 || channel == ChannelStable && skew == 1 || channel == ChannelPatch && KubernetesSkew(r, version) == 0 {
			goal = r
		}
	}
	next := version
	for _, r := range KubernetesUpgrades(version) {
		if CompareKubernetes(r, goal) <= 0 {
			next = r
		}
	}
	return next
}

func kubernetesParts(version string) (major, minor, patch int) {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	var n [3]int
	for i, p := range parts {
		n[i], _ = strconv.Atoi(p) // what is no number counts as 0: only releases get here
	}
	return n[0], n[1], n[2]
}
