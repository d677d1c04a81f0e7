package kubelet

import (
	"fmt"
	"strings"
	"time"

	"demarc/nodes/host"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// hostPathWords are what a kubelet calls what a hostPath is to be.
var hostPathWords = map[corev1.HostPathType]string{
	corev1.HostPathDirectoryOrCreate: "directory", corev1.HostPathDirectory: "directory",
	corev1.HostPathFileOrCreate: "file", corev1.HostPathFile: "file",
	corev1.HostPathSocket: "socket file", corev1.HostPathCharDev: "character device", corev1.HostPathBlockDev: "block device",
}

// checkHostPath says in the kubelet's words why a path of the node cannot be mounted
// (kubernetes 1.37, pkg/volume/hostpath: checkTypeInternal); nil if it can. It makes what
// is to be made.
func (k *Kubelet) checkHostPath(v *corev1.HostPathVolumeSource, now time.Time) error {
	kind := ptr.Deref(v.Type, corev1.HostPathUnset)
	f, err := k.m.OS.Stat(v.Path)
	missing := err != nil
	switch {
	case kind == corev1.HostPathUnset:
		return nil // the runtime makes a directory
	case missing && kind == corev1.HostPathDirectoryOrCreate:
		return k.m.OS.MakeDirs(now, v.Path, 0o755)
	case missing && kind == corev1.HostPathFileOrCreate:
		return k.m.OS.Write(now, v.Path, nil, false)
	case missing && k.special(kind, v.Path):
		return nil
	case missing:
		return fmt.Errorf("hostPath type check failed, %s is not a %s, unable to determine its type: path %q does not exist", v.Path, hostPathWords[kind], v.Path)
	}
	is, word := corev1.HostPathFile, "file"
	if f.Dir {
		is, word = corev1.HostPathDirectory, "directory"
	}
	if hostPathWords[kind] == word || k.special(kind, v.Path) {
		return nil
	}
	return fmt.Errorf("hostPath type check failed: %s is not a %s, it's a %s", v.Path, hostPathWords[kind], is)
}

// special says whether the path is of a kind that the node's disk does not show: the
// runtime's socket, and devices.
func (k *Kubelet) special(kind corev1.HostPathType, path string) bool {
	switch kind {
	case corev1.HostPathSocket:
		return strings.HasSuffix(path, "/run/containerd/containerd.sock") && k.m.OS.Running(host.Containerd)
	case corev1.HostPathCharDev, corev1.HostPathBlockDev:
		return strings.HasPrefix(path, "/dev/")
	}
	return false
}
