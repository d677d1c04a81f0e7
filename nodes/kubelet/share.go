package kubelet

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"demarc/nodes/cloud"
	"demarc/nodes/host"
	"demarc/nodes/shell"

	corev1 "k8s.io/api/core/v1"
)

// fileShare is a file share as a node has it mounted. Any number of nodes may.
type fileShare struct {
	key    string // as [cloud.Shares.Key] has it
	source string // what is mounted, in the words of mount
	// nfs says that files have owners and modes of their own. By SMB all have those of the
	// mount.
	nfs               bool
	owner             shell.Owner
	dirMode, fileMode fs.FileMode
}

// owns is whose all files on the share are, or all directories, and what may be done with them.
func (s *fileShare) owns(dir bool) (shell.Owner, fs.FileMode) {
	if dir {
		return s.owner, s.dirMode
	}
	return s.owner, s.fileMode
}

// volume is the file system of the share. Of one that was deleted there is none. The lock is
// held.
func (s *fileShare) volume(shares *cloud.Shares) (*host.Volume, error) {
	v, ok := shares.Files(s.key)
	if !ok {
		return nil, syscall.EIO
	}
	return v, nil
}

// shareType is the kind of file system that a file share is mounted as.
func shareType(s *corev1.CSIPersistentVolumeSource) string {
	if strings.EqualFold(attribute(s, "protocol"), "nfs") {
		return "nfs4"
	}
	return "cifs"
}

// attribute is what a volume says of itself. Case does not matter in its key.
func attribute(s *corev1.CSIPersistentVolumeSource, key string) string {
	for k, v := range s.VolumeAttributes {
		if strings.EqualFold(k, key) {
			return v
		}
	}
	return ""
}

// shareOf is the resource group, the account and the name of the share of a volume
// (kubernetes-sigs/azurefile-csi-driver, pkg/azurefile: GetAccountInfo).
// What the volume's attributes say counts more than its handle.
func shareOf(s *corev1.CSIPersistentVolumeSource) (group, account, name string, err error) {
	group, account, name, err = cloud.SplitShareHandle(s.VolumeHandle)
	account, name = cmp.Or(attribute(s, "storageAccount"), account), cmp.Or(attribute(s, "shareName"), name)
	if err != nil && (account == "" || name == "") {
		return "", "", "", fmt.Errorf("rpc error: code = InvalidArgument desc = GetAccountInfo(%s) failed with error: %w", s.VolumeHandle, err)
	}
	return cmp.Or(attribute(s, "resourceGroup"), group), account, name, nil
}

// fileShare is the share of a volume as a pod has it, with the mode that the driver gives all
// files if the volume's mount options name none (pkg/azurefile: appendDefaultCifsMountOptions).
// Its group is the pod's fsGroup.
func (p *pod) fileShare(pv *corev1.PersistentVolume) *fileShare {
	s := pv.Spec.CSI
	group, account, name, _ := shareOf(s) // or it would not be mounted
	out := &fileShare{
		key: p.k.ks.Shares.Key(group, account, name), nfs: shareType(s) != "cifs", dirMode: 0o777, fileMode: 0o777,
		source: fmt.Sprintf("//%s.file.core.windows.net/%s", account, name),
	}
	if out.nfs {
		out.source = fmt.Sprintf("%s.file.core.windows.net:/%s/%s", account, account, name)
	}
	if sc := p.spec.Spec.SecurityContext; sc != nil && sc.FSGroup != nil {
		out.owner.Group = strconv.FormatInt(*sc.FSGroup, 10)
	}
	for _, o := range strings.Split(strings.Join(pv.Spec.MountOptions, ","), ",") {
		key, value, _ := strings.Cut(o, "=")
		mode, err := strconv.ParseUint(value, 8, 32)
		switch {
		case key == "uid":
			out.owner.User = value
		case key == "gid":
			out.owner.Group = value
		case err != nil:
		case key == "dir_mode":
			out.dirMode = fs.FileMode(mode).Perm()
		case key == "file_mode":
			out.fileMode = fs.FileMode(mode).Perm()
		}
	}
	return out
}

// sharable says in the driver's words why a share cannot be mounted; nil if it can be. The
// words of mount are those of cifs-utils and k8s.io/mount-utils.
func (p *pod) sharable(pv *corev1.PersistentVolume) error {
	s := pv.Spec.CSI
	if _, _, _, err := shareOf(s); err != nil {
		return err
	}
	share := p.fileShare(pv)
	if _, err := share.volume(p.k.ks.Shares); err == nil {
		return nil
	}
	at := fmt.Sprintf("/var/lib/kubelet/plugins/kubernetes.io/csi/%s/%x/globalmount", s.Driver, sha256.Sum256([]byte(s.VolumeHandle)))
	options, said := slices.Clone(pv.Spec.MountOptions), "mount.nfs4: mounting "+share.source+" failed, reason given by server: No such file or directory"
	if share.nfs {
		options = append(options, "vers=4,minorversion=1,sec=sys")
	} else {
		for _, o := range []string{"file_mode=0777", "dir_mode=0777", "actimeo=30", "mfsymlinks"} {
			name, _, _ := strings.Cut(o, "=")
			if !slices.ContainsFunc(options, func(given string) bool { return strings.HasPrefix(given, name) }) {
				options = append(options, o)
			}
		}
		options = append(options, "<masked>")
		said = "mount error(2): No such file or directory\nRefer to the mount.cifs(8) manual page (e.g. man mount.cifs) and kernel log messages (dmesg)"
	}
	kind := strings.TrimSuffix(shareType(s), "4")
	//lint:ignore ST1005 it is the driver's text
	return fmt.Errorf("rpc error: code = Internal desc = volume(%s) mount %s on %s failed with mount failed: exit status 32\nMounting command: mount\nMounting arguments: -t %s -o %s %[2]s %[3]s\n"+
		"Output: %[6]s\n\nPlease refer to http://aka.ms/filemounterror for possible causes and solutions for mount errors.", s.VolumeHandle, share.source, at, kind, strings.Join(options, ","), said)
}
