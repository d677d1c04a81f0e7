package host

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// release is a release of the node image.
type release struct {
	version string
	// from and to are the minors of Kubernetes whose kubelet it has.
	from, to int
	kernel   string
	// packages are those whose versions are other than the newest image's.
	packages map[string]string
}

// releases are the node images, oldest first. Their names are real ones (of
// AKS node pools of 2026, and Azure/AgentBaker's releases); kernels and packages
// are what Ubuntu had about then, and which minors an image serves is ours.
var releases = []release{
	{"AKSUbuntu-2204gen2containerd-202601.07.0", 31, 35, "5.15.0-1102-azure", older("1.18", "1.17", "0.8", "5.15.0.1102.99")},
	{"AKSUbuntu-2204gen2containerd-202603.18.1", 32, 36, "5.15.0-1106-azure", older("1.19", "1.17", "0.9", "5.15.0.1106.103")},
	{"AKSUbuntu-2204gen2containerd-202604.24.0", 33, 37, "5.15.0-1108-azure", older("1.19", "1.18", "0.10", "5.15.0.1108.105")},
	{"AKSUbuntu-2204gen2containerd-202605.14.0", 33, 37, "5.15.0-1110-azure", nil},
}

// older are the versions of packages in an older image, by what tells them from
// those of other images.
func older(curl, openssl, ssh, kernel string) map[string]string {
	return map[string]string{
		"curl": "7.81.0-1ubuntu" + curl, "openssl": "3.0.2-0ubuntu" + openssl, "openssh-server": "1:8.9p1-3ubuntu" + ssh, "linux-image-azure": kernel,
	}
}

// week is how often there is a new image (Microsoft, "Upgrade Azure Kubernetes Service (AKS)
// node images").
const week = 7

// weekAfter is the name of the image of the week after.
func weekAfter(version string) string {
	return version[:strings.LastIndexByte(version, '-')+1] + buildTime(version).AddDate(0, 0, week).Format("200601.02") + ".0"
}

// Releases are the versions of the node images that have a kubelet's minor and that there
// are at a time, newest first: after those that are known there is one every week, with what
// the last of them has. A minor that no image knows gets all: there is no other.
func Releases(kubeletVersion string, now time.Time) []string {
	named := shipping(kubeletVersion)
	if named[0] != releases[len(releases)-1].version {
		return named
	}
	var weekly []string
	for next := weekAfter(named[0]); !buildTime(next).After(now); next = weekAfter(next) {
		weekly = append(weekly, next)
	}
	slices.Reverse(weekly)
	return append(weekly, named...)
}

// shipping are the releases that are known by name and have a kubelet's minor, newest first.
func shipping(kubeletVersion string) []string {
	var all, fit []string
	minor := minorOf(kubeletVersion)
	for _, r := range slices.Backward(releases) {
		all = append(all, r.version)
		if r.from <= minor && minor <= r.to {
			fit = append(fit, r.version)
		}
	}
	if fit == nil {
		return all
	}
	return fit
}

// minorOf is the minor in a version such as v1.37.2, or 0.
func minorOf(version string) int {
	parts := strings.Split(strings.TrimPrefix(version, "v"), ".")
	if len(parts) < 2 || parts[0] != "1" {
		return 0
	}
	minor, err := strconv.Atoi(parts[1])
	if err != nil {
		return 0
	}
	return minor
}

// releaseOf is the release of an image's version. One that is not known is as
// the newest.
func releaseOf(version string) release {
	for _, r := range releases {
		if r.version == version {
			return r
		}
	}
	return releases[len(releases)-1]
}
