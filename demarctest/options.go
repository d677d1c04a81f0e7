package demarctest

import "strconv"

// Option says what cluster is wanted. Without any it has the defaults of demarc up: three
// nodes, the oldest edition of the support policy, the newest Kubernetes, a clock at 1x.
type Option func(*options)

type options struct {
	flags []string
	rate  string
}

// Flags are flags of demarc exec for which there is no option here.
func Flags(flags ...string) Option {
	return func(o *options) { o.flags = append(o.flags, flags...) }
}

// Nodes is the number of worker nodes.
func Nodes(n int) Option { return Flags("--nodes", strconv.Itoa(n)) }

// EtcdMembers is the number of etcd's members, 1 or 3.
func EtcdMembers(n int) Option { return Flags("--etcd-members", strconv.Itoa(n)) }

// APIServers is the number of API servers, 1 to 3.
func APIServers(n int) Option { return Flags("--api-servers", strconv.Itoa(n)) }

// Edition is the edition of the support policy, such as 2026-08.
func Edition(id string) Option { return Flags("--edition", id) }

// KubernetesVersion is such as 1.36.
func KubernetesVersion(version string) Option { return Flags("--kubernetes-version", version) }

// Images is a file that says how containers behave by their images: demarc help images.
func Images(file string) Option { return Flags("--images", file) }

// Rate is how fast the clock goes when nothing advances it: 1x, 60x, 0.5x, pause, max.
func Rate(rate string) Option { return func(o *options) { o.rate = rate } }
