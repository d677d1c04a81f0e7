package operate

import (
	"slices"
	"strings"

	"demarc/nodes/cloud"
	"demarc/sim/api"

	corev1 "k8s.io/api/core/v1"
)

// resource is a resource of the cloud that volumes are made of, with what there is to enter
// of it.
type resource struct {
	key, name, claim string
	volume           *string
	orphan           *bool
}

// MatchDisks enters which of the volumes names each disk of the list. It returns the names of
// those that are orphans, and of those that volumes name and that are gone.
func MatchDisks(list []api.Disk, disks *cloud.Disks, volumes []corev1.PersistentVolume) (orphaned, lost []string) {
	var all []resource
	for i := range list {
		d := &list[i]
		all = append(all, resource{d.Name, d.Name, d.Claim, &d.Volume, &d.Orphan})
	}
	return match(all, volumes, cloud.DiskDriver, disks.NameOf)
}

// MatchShares does that with file shares.
func MatchShares(list []api.FileShare, shares *cloud.Shares, volumes []corev1.PersistentVolume) (orphaned, lost []string) {
	var all []resource
	for i := range list {
		s := &list[i]
		all = append(all, resource{s.Account + "/" + s.Name, s.Name, s.Claim, &s.Volume, &s.Orphan})
	}
	return match(all, volumes, cloud.FileDriver, shares.KeyOf)
}

// match enters which volume names each resource, by the key that keyOf has for the volume's
// handle. An orphan was made for a claim, and no volume names it; what is lost is named by a
// volume, and is not there. Azure writes the same name in several ways.
func match(all []resource, volumes []corev1.PersistentVolume, driver string, keyOf func(handle string) string) (orphaned, lost []string) {
	named := map[string]string{} // the volumes, by the key in small letters
	for _, v := range volumes {
		if s := v.Spec.CSI; s != nil && s.Driver == driver {
			if key := keyOf(s.VolumeHandle); key != "" {
				named[strings.ToLower(key)] = v.Name
			}
		}
	}
	for _, r := range all {
		key := strings.ToLower(r.key)
		*r.volume = named[key]
		delete(named, key)
		if *r.orphan = r.claim != "" && *r.volume == ""; *r.orphan {
			orphaned = append(orphaned, r.name)
		}
	}
	for key := range named {
		lost = append(lost, key[strings.LastIndex(key, "/")+1:])
	}
	slices.Sort(orphaned)
	slices.Sort(lost)
	return orphaned, lost
}
