package nodes

import (
	"fmt"
	"hash/fnv"
	"time"

	"demarc/nodes/host"
)

// release is how often the archives have something new for a package of the node
// image.
type release struct {
	pkg string
	// every is how many days are between two patches.
	every int
	// reboot says that it has effect only after a reboot.
	reboot bool
}

// calendar is what the archives bring by themselves. The intervals are about those
// of Ubuntu 22.04's security notices in 2025.
var calendar = []release{
	{pkg: "openssl", every: 10},
	{pkg: "curl", every: 7},
	{pkg: "openssh-server", every: 30},
	{pkg: "systemd", every: 45},
	{pkg: "libc6", every: 30, reboot: true},
	{pkg: "linux-image-azure", every: 14, reboot: true},
	{pkg: "moby-containerd", every: 21},
	{pkg: "moby-runc", every: 28},
}

// stock publishes what the calendar has for the days since the cluster was made. The
// archives are looked at when somebody asks, and before every night's run.
func (f *archives) stock(now time.Time) {
	if f.created.IsZero() {
		return
	}
	const day = 24 * time.Hour
	today := int(now.UTC().Truncate(day).Sub(f.created.UTC().Truncate(day)) / day)
	for ; f.stocked < today; f.stocked++ {
		for _, s := range calendar {
			if s.due(f.seed, f.stocked+1) {
				version := f.archive.NextVersion(f.newestImage(), s.pkg)
				// What somebody has published by hand may be newer: then there is nothing.
				_, _ = f.publish(now, host.Patch{Package: s.pkg, Version: version, Reboot: s.reboot}, 0)
			}
		}
	}
}

// due says whether the archives have something new on a day of the cluster's life.
func (s release) due(seed uint64, day int) bool {
	h := fnv.New32a()
	fmt.Fprint(h, seed, s.pkg) // never fails
	return (day+int(h.Sum32()%uint32(s.every)))%s.every == 0
}
