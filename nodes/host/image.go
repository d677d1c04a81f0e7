package host

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"demarc/sim/api"
)

// Image is what all machines of one node image share. It does not change.
type Image struct {
	Version string // "AKSUbuntu-2204gen2containerd-202605.14.0"
	OS      string // "Ubuntu 22.04.5 LTS"
	Kernel  string // that a new machine runs

	kubelet   string // version
	built     time.Time
	units     map[string]*unitDef // those of packages that can be installed too
	unitNames []string
	packages  map[string]*packageDef
	files     map[string]*imageFile
	children  map[string][]string // names by directory
	links     map[string]string
	charge    map[string][]string // files that a monitor restores
	listed    int64               // bytes on disk of files
}

// imageFile is a file, directory or link of an image.
type imageFile struct {
	dir      bool
	mode     fs.FileMode
	size     int64 // 0: that of the content
	content  string
	named    bool   // the content has the machine's name in place of hostMark
	link     string // where a link leads
	bulk     int64  // bytes of a directory's files that are not listed
	provider bool
	unit     string // the unit that needs the file
	restored bool   // by a monitor
	pkg      string // the package that brings the file
	config   bool   // removed with the package only by a purge
}

// hostMark stands for the machine's name in a file's content.
const hostMark = "@HOST@"

func (f *imageFile) text(host string) string {
	if f.named {
		return strings.ReplaceAll(f.content, hostMark, host)
	}
	return f.content
}

func (f *imageFile) length(host string) int64 {
	if f.size > 0 || f.dir {
		return f.size
	}
	return int64(len(f.text(host)))
}

// NewImage returns an AKS node image of that version with a kubelet.
func NewImage(version, kubeletVersion string) *Image {
	i := &Image{
		Version: version,
		OS:      "Ubuntu 22.04.5 LTS",
		Kernel:  releaseOf(version).kernel,
		kubelet: strings.TrimPrefix(kubeletVersion, "v"),
		built:   buildTime(version),
		units:   map[string]*unitDef{},
		files:   map[string]*imageFile{},
		charge:  map[string][]string{},
		links: map[string]string{
			"/bin": "/usr/bin", "/sbin": "/usr/sbin", "/lib": "/usr/lib", "/var/run": "/run",
		},
	}
	i.packages = catalogue(i)
	for _, u := range append(imageUnits(), packageUnits()...) {
		i.units[u.name] = u
		i.unitNames = append(i.unitNames, u.name)
	}
	slices.Sort(i.unitNames)
	i.fill()
	i.index()
	return i
}

// KubeletVersion is the version of the kubelet, such as v1.37.2.
func (i *Image) KubeletVersion() string { return "v" + i.kubelet }

// buildTime is the day in an image's name, or that on which a cluster could have the first one.
func buildTime(version string) time.Time {
	if t := api.NodeImageBuilt(version); !t.IsZero() {
		return t
	}
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
}

// index makes what is derived from the files.
func (i *Image) index() {
	for p := range i.files {
		for q := path.Dir(p); i.files[q] == nil; q = path.Dir(q) {
			i.files[q] = &imageFile{dir: true, mode: fs.ModeDir | 0o755}
		}
	}
	i.children = map[string][]string{}
	for p, f := range i.files {
		if p != "/" {
			i.children[path.Dir(p)] = append(i.children[path.Dir(p)], path.Base(p))
		}
		if !strings.HasPrefix(p, "/run/") {
			i.listed += f.bulk + blocks(f.length(""))
		}
		if f.restored {
			i.charge[restorer(f.unit)] = append(i.charge[restorer(f.unit)], p)
		}
	}
	for _, names := range i.children {
		slices.Sort(names)
	}
	for _, paths := range i.charge {
		slices.Sort(paths)
	}
}

// restorer is the monitor that restores the files of a unit.
func restorer(unit string) string {
	if unit == Containerd {
		return ContainerdMonitor
	}
	return KubeletMonitor
}

// Next is the version of the image of the week after.
func (i *Image) Next() string {
	return api.NextNodeImage(i.Version)
}
