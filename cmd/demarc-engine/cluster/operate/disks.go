package operate

import (
	"slices"
	"strings"

	"demarc/nodes/cloud"
	"demarc/sim/api"

	corev1 "k8s.io/api/core/v1"
)

// NameVolumes enters which of the volumes names each disk, and which disks are orphans.
func NameVolumes(list []api.Disk, volumes []corev1.PersistentVolume) {
	names := map[string]string{} // by the disk's ID, in small letters: Azure writes the same in several ways
	for _, v := range volumes {
		if v.Spec.CSI != nil {
			names[strings.ToLower(v.Spec.CSI.VolumeHandle)] = v.Name
		}
	}
	for i, d := range list {
		list[i].Volume = names[strings.ToLower(d.ID)]
		list[i].Orphan = d.Claim != "" && list[i].Volume == ""
	}
}

// compareDisks are the disks that no volume names any more, and those that volumes name and
// that are gone.
func compareDisks(disks *cloud.Disks, volumes []corev1.PersistentVolume) (orphaned, lost []string) {
	list := disks.List()
	NameVolumes(list, volumes)
	there := map[string]bool{}
	for _, d := range list {
		there[strings.ToLower(d.Name)] = true
		if d.Orphan {
			orphaned = append(orphaned, d.Name)
		}
	}
	for _, v := range volumes {
		if s := v.Spec.CSI; s != nil && s.Driver == cloud.DiskDriver {
			if name := disks.NameOf(s.VolumeHandle); name != "" && !there[strings.ToLower(name)] {
				lost = append(lost, name)
			}
		}
	}
	slices.Sort(lost)
	return orphaned, lost
}
