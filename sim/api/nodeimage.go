package api

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// NodeImageSupport is for how long a node image is supported (Microsoft, "Support policies for
// Azure Kubernetes Service", 2026-08-27).
const NodeImageSupport = 90 * 24 * time.Hour

// nodeImage is a release of the node image, and the minors of Kubernetes whose kubelet it has.
type nodeImage struct {
	name     string
	from, to string
}

// nodeImages are the node images that are known, oldest first. Their names are real ones (of
// AKS node pools of 2026, and Azure/AgentBaker's releases); which minors each serves is ours.
var nodeImages = []nodeImage{
	{"AKSUbuntu-2204gen2containerd-202601.07.0", "1.31", "1.35"},
	{"AKSUbuntu-2204gen2containerd-202603.18.1", "1.32", "1.36"},
	{"AKSUbuntu-2204gen2containerd-202604.24.0", "1.33", "1.37"},
	{"AKSUbuntu-2204gen2containerd-202605.14.0", "1.33", "1.37"},
}

// NodeImages are the node images that have a version of Kubernetes and that there are at a
// time, newest first: after those that are known there is one every week (Microsoft, "Upgrade
// Azure Kubernetes Service (AKS) node images"). A version that none has gets all: there is no
// other.
func NodeImages(kubernetes string, now time.Time) (list []string) {
	newest := nodeImages[len(nodeImages)-1].name
	for _, i := range nodeImages {
		if KubernetesSkew(kubernetes, i.from) >= 0 && KubernetesSkew(kubernetes, i.to) <= 0 {
			list = append(list, i.name)
		}
	}
	if list == nil {
		for _, i := range nodeImages {
			list = append(list, i.name)
		}
	}
	if list[len(list)-1] == newest {
		for next := NextNodeImage(newest); !NodeImageBuilt(next).After(now); next = NextNodeImage(next) {
			list = append(list, next)
		}
	}
	slices.Reverse(list)
	return list
}

// NextNodeImage is the node image of the week after.
func NextNodeImage(image string) string {
	return image[:strings.LastIndexByte(image, '-')+1] + NodeImageBuilt(image).AddDate(0, 0, 7).Format("200601.02") + ".0"
}

// NodeImageBuilt is the day in a node image's name, such as
// AKSUbuntu-2204gen2containerd-202605.14.0; zero if there is none.
func NodeImageBuilt(image string) time.Time {
	date := image[strings.LastIndexByte(image, '-')+1:]
	if len(date) < len("202605.14") {
		return time.Time{}
	}
	t, err := time.Parse("200601.02", date[:len("202605.14")])
	if err != nil {
		return time.Time{}
	}
	return t
}

// CheckNodeImage says why nodes with a version of Kubernetes cannot have a node image: it is
// none that there is or will be.
func CheckNodeImage(image, kubernetes string) error {
	list := NodeImages(kubernetes, NodeImageBuilt(image))
	if slices.Contains(list, image) {
		return nil
	}
	return fmt.Errorf("there is no node image %q for Kubernetes %s: want one such as %s", image, kubernetes, list[0])
}
