package host

// release is what tells a release of the node image from others.
type release struct {
	kernel string
	// packages are those whose versions are other than the newest image's.
	packages map[string]string
}

// newest is what the newest node images have, and releases what others have, by name. Kernels
// and packages are what Ubuntu had about then.
var (
	newest   = release{kernel: "5.15.0-1110-azure"}
	releases = map[string]release{
		"AKSUbuntu-2204gen2containerd-202601.07.0": {"5.15.0-1102-azure", older("1.18", "1.17", "0.8", "5.15.0.1102.99")},
		"AKSUbuntu-2204gen2containerd-202603.18.1": {"5.15.0-1106-azure", older("1.19", "1.17", "0.9", "5.15.0.1106.103")},
		"AKSUbuntu-2204gen2containerd-202604.24.0": {"5.15.0-1108-azure", older("1.19", "1.18", "0.10", "5.15.0.1108.105")},
	}
)

// older are the versions of packages in an older image, by what tells them from
// those of other images.
func older(curl, openssl, ssh, kernel string) map[string]string {
	return map[string]string{
		"curl": "7.81.0-1ubuntu" + curl, "openssl": "3.0.2-0ubuntu" + openssl, "openssh-server": "1:8.9p1-3ubuntu" + ssh, "linux-image-azure": kernel,
	}
}

// releaseOf is what a node image has.
func releaseOf(image string) release {
	if r, ok := releases[image]; ok {
		return r
	}
	return newest
}
