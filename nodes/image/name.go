package image

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Name is the parts of an image's name.
type Name struct{ Registry, Repository, Tag, Digest string }

// dockerHub is where an image is whose name has no registry.
const dockerHub = "docker.io"

// Split takes a name apart as a container runtime does: docker.io and latest are what is
// not said, and library what Docker Hub's own images are in.
func Split(name string) Name {
	var n Name
	name, n.Digest, _ = strings.Cut(name, "@")
	if i := strings.LastIndex(name, ":"); i > strings.LastIndex(name, "/") {
		name, n.Tag = name[:i], name[i+1:]
	}
	first, rest, deep := strings.Cut(name, "/")
	switch {
	case !deep:
		n.Registry, n.Repository = dockerHub, "library/"+name
	case strings.ContainsAny(first, ".:") || first == "localhost" || strings.ToLower(first) != first:
		n.Registry, n.Repository = first, rest
	default:
		n.Registry, n.Repository = dockerHub, name
	}
	if n.Tag == "" && n.Digest == "" {
		n.Tag = "latest"
	}
	return n
}

// Short is the last part of an image's name, without tag and digest.
func Short(name string) string { return path.Base(Split(name).Repository) }

// String is the whole name.
func (n Name) String() string {
	s := n.Registry + "/" + n.Repository
	if n.Tag != "" {
		s += ":" + n.Tag
	}
	if n.Digest != "" {
		s += "@" + n.Digest
	}
	return s
}

// The grammar of names (distribution/reference).
var (
	domain     = regexp.MustCompile(`^(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*(?::[0-9]+)?$`)
	repository = regexp.MustCompile(`^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$`)
	tag        = regexp.MustCompile(`^\w[\w.-]{0,127}$`)
	digest     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$`)
)

// CheckName says why a name cannot be an image's, in the words of a kubelet.
func CheckName(name string) error {
	first, rest, deep := strings.Cut(name, "/")
	if !deep || !strings.ContainsAny(first, ".:") && first != "localhost" && strings.ToLower(first) == first {
		first, rest = dockerHub, cmp.Or(map[bool]string{false: "library/" + name}[deep], name)
	}
	remote, _, _ := strings.Cut(rest, ":")
	if strings.ToLower(remote) != remote {
		return fmt.Errorf("couldn't parse image name %q: invalid reference format: repository name (%s) must be lowercase", name, remote)
	}
	rest, sum, summed := strings.Cut(rest, "@")
	repo, version, tagged := strings.Cut(rest, ":")
	if !domain.MatchString(first) || !repository.MatchString(repo) || tagged && !tag.MatchString(version) || summed && !digest.MatchString(sum) {
		return fmt.Errorf("couldn't parse image name %q: invalid reference format", name)
	}
	return nil
}

// matches says whether an image is the entry's. A pattern is that of a whole repository, or
// of its last parts, as path.Match has them: nginx is also bitnami/nginx, and
// aks-store-demo/* only what is in such a folder. One with a registry is for that alone.
func (e *Entry) matches(n Name) bool {
	return slices.ContainsFunc(e.Match, func(p string) bool { return n.ends(p) })
}

// ends says whether a name ends as a pattern does.
func (n Name) ends(pattern string) bool {
	parts := strings.Split(n.Registry+"/"+n.Repository, "/")
	depth := strings.Count(pattern, "/") + 1
	return depth <= len(parts) && fits(pattern, strings.Join(parts[len(parts)-depth:], "/"))
}

func fits(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// vouches says whether what the entry has of tags and users is true of an image: it is of
// those of a registry that the entry names, or of Docker Hub's own. A mirror has others.
func (e *Entry) vouches(n Name) bool {
	own := n.Registry == dockerHub && strings.HasPrefix(n.Repository, "library/")
	return own || slices.ContainsFunc(e.Match, func(p string) bool { return n.ends(p) && strings.HasPrefix(p, n.Registry+"/") })
}

// UserOf is as whom the programs of an image run; empty if nobody knows.
func (e *Entry) UserOf(n Name) string {
	if !e.vouches(n) {
		return ""
	}
	return e.User
}

// Exists says whether there is such a tag, as far as the entry knows.
func (e *Entry) Exists(n Name) bool {
	if e.Tags == "" || n.Tag == "" || !e.vouches(n) {
		return true
	}
	re, err := regexp.Compile("^(?:" + e.Tags + ")$")
	return err != nil || re.MatchString(n.Tag)
}

// SystemOf is what an image has beside its own programs: those tagged alpine have BusyBox.
func (e *Entry) SystemOf(n Name) string {
	if e.System == Debian && strings.Contains(n.Tag, "alpine") {
		return Busybox
	}
	return e.System
}
