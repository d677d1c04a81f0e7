package host

import (
	"fmt"
	"io/fs"
	"path"
)

// fill makes the files of the image.
func (i *Image) fill() {
	for from, to := range i.links {
		i.files[from] = &imageFile{mode: fs.ModeSymlink | 0o777, link: to}
	}
	i.dirs()
	i.systemFiles()
	i.providerFiles()
	i.programs()
	for _, u := range i.units {
		if u.base {
			i.files[u.file] = &imageFile{mode: 0o644, content: u.content(), pkg: u.pkg}
		}
	}
	for _, name := range []string{Kubelet, CNS, NPD, KubeletMonitor, ContainerdMonitor, Containerd, Agent} {
		f := i.files[i.units[name].file]
		f.provider, f.unit, f.restored = true, name, true
	}
}

// dirs makes the directories that hold more than is listed.
func (i *Image) dirs() {
	const mib = 1 << 20
	for p, bulk := range map[string]int64{
		"/": 0, "/usr": 4200 * mib, "/usr/lib/modules": 420 * mib, "/opt": 1700 * mib, "/opt/cni/bin": 120 * mib,
		"/var/lib/containerd": 9800 * mib, "/var/cache/apt/archives": 240 * mib,
		"/var/lib/dpkg": 60 * mib, "/var/log/azure": 14 * mib, "/var/log/journal": 96 * mib,
		"/boot": 110 * mib, "/snap": 300 * mib, "/root": 0, "/home/azureuser": 0, "/tmp": 0, "/var/tmp": 0,
		"/var/log/pods": 0, "/var/log/containers": 0, "/dev": 0, "/proc": 0, "/sys": 0, "/run": 0,
		"/mnt": 0, "/srv": 0, "/media": 0, "/etc/systemd/system/kubelet.service.d": 0,
		"/etc/kubernetes/manifests": 0, "/etc/cni/net.d": 0, "/etc/containerd/certs.d": 0,
		"/var/lib/kubelet/pods": 0, "/var/lib/kubelet/pki": 0, "/etc/apt/sources.list.d": 0, "/etc/default": 0,
		cacheDir: 130 * mib,
	} {
		i.files[p] = &imageFile{dir: true, mode: fs.ModeDir | 0o755, bulk: bulk}
	}
	i.files["/tmp"].mode = fs.ModeDir | fs.ModeSticky | 0o777
	i.files["/var/tmp"].mode = fs.ModeDir | fs.ModeSticky | 0o777
	i.files["/root"].mode = fs.ModeDir | 0o700
}

// systemFiles makes Ubuntu's own.
func (i *Image) systemFiles() {
	for p, content := range map[string]string{
		"/etc/os-release":                      fmt.Sprintf("PRETTY_NAME=%q\nNAME=\"Ubuntu\"\nVERSION_ID=\"22.04\"\nVERSION_CODENAME=jammy\nID=ubuntu\nID_LIKE=debian\n", i.OS),
		"/etc/resolv.conf":                     "nameserver 168.63.129.16\nsearch internal.cloudapp.net\n",
		"/etc/fstab":                           "# device  directory  type  options  dump  pass\nUUID=0f2c8a54-0c1e-4b0e-9e0a-6a5f3d1b7c11 / ext4 discard,errors=remount-ro 0 1\nUUID=7A31-9C04 /boot/efi vfat umask=0077 0 1\n/dev/disk/cloud/azure_resource-part1 /mnt auto defaults,nofail 0 2\n",
		"/etc/motd":                            "",
		"/etc/passwd":                          "root:x:0:0:root:/root:/bin/bash\nazureuser:x:1000:1000::/home/azureuser:/bin/bash\n",
		"/etc/group":                           "root:x:0:\nazureuser:x:1000:\n",
		"/etc/shells":                          "/bin/sh\n/bin/bash\n",
		"/etc/ssh/sshd_config":                 "PasswordAuthentication no\nPermitRootLogin no\n",
		"/etc/sysctl.conf":                     "# Settings of the kernel.\n",
		"/etc/apt/sources.list":                "deb http://azure.archive.ubuntu.com/ubuntu/ jammy main restricted universe multiverse\ndeb http://azure.archive.ubuntu.com/ubuntu/ jammy-updates main restricted universe multiverse\n",
		"/etc/default/grub":                    "GRUB_DEFAULT=0\nGRUB_TIMEOUT=0\n",
		"/boot/grub/grub.cfg":                  grubConfig([]string{i.Kernel}),
		"/home/azureuser/.bashrc":              "# Settings of the shell.\n",
		"/root/.bashrc":                        "# Settings of the shell.\n",
		"/var/lib/dpkg/status":                 "",
		"/var/lib/dpkg/lock-frontend":          "",
		"/var/log/azure/cluster-provision.log": "provisioning started\nkubelet configured\nprovisioning ended with exit code 0\n",
	} {
		i.files[p] = &imageFile{mode: 0o644, content: content}
	}
	i.files["/etc/hostname"] = &imageFile{mode: 0o644, content: hostMark + "\n", named: true}
	i.files["/etc/hosts"] = &imageFile{mode: 0o644, content: "127.0.0.1 localhost\n127.0.1.1 " + hostMark + "\n::1 localhost ip6-localhost ip6-loopback\n", named: true}
	i.files["/var/log/syslog"] = &imageFile{mode: 0o640, content: hostMark + " kernel: Linux version " + i.Kernel + "\n" + hostMark + " systemd[1]: Reached target Multi-User System.\n", named: true}
	i.files["/dev/null"] = &imageFile{mode: fs.ModeDevice | fs.ModeCharDevice | 0o666}
	kernel := "linux-image-" + i.Kernel
	i.files["/boot/vmlinuz-"+i.Kernel] = &imageFile{mode: 0o600, size: kernelSize, content: "MZ", pkg: kernel}
	i.files["/boot/initrd.img-"+i.Kernel] = &imageFile{mode: 0o644, size: initrdSize, content: "070701", pkg: kernel}
	i.files["/usr/lib/modules/"+i.Kernel] = &imageFile{dir: true, mode: fs.ModeDir | 0o755, bulk: modulesSize, pkg: kernel}
}

// providerFiles makes the configuration that is AKS's.
func (i *Image) providerFiles() {
	add := func(p, unit string, mode fs.FileMode, content string) {
		i.files[p] = &imageFile{mode: mode, content: content, provider: true, unit: unit, restored: true}
	}
	add("/etc/default/kubelet", Kubelet, 0o644, "KUBELET_NODE_LABELS=kubernetes.azure.com/mode=user\nKUBELET_FLAGS=--v=2\n")
	add("/var/lib/kubelet/config.yaml", Kubelet, 0o644, kubeletSettings)
	add("/var/lib/kubelet/kubeconfig", Kubelet, 0o600, "apiVersion: v1\nkind: Config\nusers:\n- name: client\n  user:\n    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem\n")
	add("/etc/kubernetes/azure.json", Kubelet, 0o600, "{\"cloud\": \"AzurePublicCloud\", \"vmType\": \"vmss\", \"useInstanceMetadata\": true}\n")
	add("/etc/kubernetes/certs/ca.crt", Kubelet, 0o644, "-----BEGIN CERTIFICATE-----\n(the cluster's authority)\n-----END CERTIFICATE-----\n")
	add("/etc/containerd/config.toml", Containerd, 0o644, containerdSettings)
	i.files["/etc/containerd/config.toml"].pkg = "moby-containerd"
	i.files["/etc/containerd/config.toml"].config = true
	add(monitorScript, KubeletMonitor, 0o755, "#!/usr/bin/env bash\n# Looks every 30 s whether what it is given to watch is well.\n")
	i.files["/etc/crictl.yaml"] = &imageFile{mode: 0o644, content: "runtime-endpoint: unix:///run/containerd/containerd.sock\n", provider: true}
}

const kubeletSettings = `kind: KubeletConfiguration
apiVersion: kubelet.config.k8s.io/v1beta1
address: 0.0.0.0
staticPodPath: /etc/kubernetes/manifests
cgroupDriver: systemd
maxPods: 110
nodeStatusUpdateFrequency: 10s
evictionHard:
  memory.available: 100Mi
  nodefs.available: 10%
  nodefs.inodesFree: 5%
`

const containerdSettings = `version = 2
oom_score = -999
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "mcr.microsoft.com/oss/kubernetes/pause:3.6"
[plugins."io.containerd.grpc.v1.cri".containerd]
  default_runtime_name = "runc"
`

// programs makes the files that run.
func (i *Image) programs() {
	add := func(p string, size int64, pkg string) *imageFile {
		i.files[p] = &imageFile{mode: 0o755, size: size, content: "\x7fELF", pkg: pkg}
		return i.files[p]
	}
	for p, unit := range map[string]string{"/usr/local/bin/kubelet": Kubelet, "/opt/azure/azure-cns": CNS, "/usr/local/bin/node-problem-detector": NPD} {
		f := add(p, 78<<20, "")
		f.provider, f.unit, f.restored = true, unit, true
	}
	add("/usr/local/bin/kubectl", 56<<20, "").provider = true
	add("/usr/bin/crictl", 38<<20, "").provider = true
	add("/usr/bin/containerd", 39<<20, "moby-containerd").provider = true
	add("/usr/bin/containerd-shim-runc-v2", 12<<20, "moby-containerd").provider = true
	add("/usr/bin/ctr", 20<<20, "moby-containerd").provider = true
	add("/usr/bin/runc", 10<<20, "moby-runc").provider = true
	add("/usr/sbin/waagent", 40<<10, "walinuxagent").provider = true
	add("/usr/sbin/sshd", 920<<10, "openssh-server")
	add("/usr/sbin/cron", 56<<10, "cron")
	add("/usr/sbin/chronyd", 300<<10, "chrony")
	add("/usr/sbin/rsyslogd", 740<<10, "rsyslog")
	for _, name := range []string{
		"bash", "sh", "ls", "cat", "rm", "cp", "mv", "mkdir", "ps", "kill", "grep", "sed", "awk", "df", "free",
		"journalctl", "systemctl", "apt-get", "apt", "dpkg", "python3", "dbus-daemon", "curl", "tar", "uname", "fallocate", "dd",
	} {
		add("/usr/bin/"+name, 140<<10, "")
	}
	for _, name := range []string{"iptables", "iptables-save", "reboot", "poweroff", "shutdown", "sysctl", "ip"} {
		add("/usr/sbin/"+name, 100<<10, "")
	}
	i.files["/usr/sbin/init"] = &imageFile{mode: 0o755, size: 1600 << 10, content: "\x7fELF"}
	for _, name := range []string{"systemd", "systemd-journald", "systemd-logind", "systemd-networkd", "systemd-resolved", "systemd-udevd"} {
		add(path.Join("/usr/lib/systemd", name), 180<<10, "")
	}
}
