package kubelet

import (
	"crypto/tls"
	"path"
	"regexp"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// certFlag and keyFlag are arguments by which programs are told where their certificate is,
// bundleFlag one that names a file with both.
var (
	certFlag = regexp.MustCompile(`^--?(?:tls-)?cert(?:-file|ificate)?=(.+)$`)
	keyFlag  = regexp.MustCompile(`^--?(?:tls-)?(?:private-)?key(?:-file)?=(.+)$`)

	bundleFlag = regexp.MustCompile(`^--?(?:server-)?cred(?:s|entials)(?:-file)?=(.+)$`)
)

// certificate is what the pod's server at a port shows to a client that wants to see a name:
// a gateway chooses, and any other program has one for all. Nil is none: a program that makes
// its own.
func (p *pod) certificate(port int32) func(name string) *tls.Certificate {
	p.k.ks.Lock.Lock()
	defer p.k.ks.Lock.Unlock()
	c := p.listener(port, false)
	if c == nil {
		return nil
	}
	if g := c.behaviour.Gateway; g != nil && g.Certificate(port, "") != nil {
		return func(name string) *tls.Certificate { return g.Certificate(port, name) }
	}
	pair := c.ownPair()
	if pair == nil {
		return nil
	}
	return func(string) *tls.Certificate { return pair }
}

// ownPair is the certificate of the files that a container's arguments name, or of a Secret for
// TLS that it mounts; nil if there is none.
func (c *container) ownPair() *tls.Certificate {
	if pair := c.pair(argument(c.program.Args, certFlag), argument(c.program.Args, keyFlag)); pair != nil {
		return pair
	}
	if bundle := argument(c.program.Args, bundleFlag); bundle != "" {
		if pair := c.pair(bundle, bundle); pair != nil {
			return pair
		}
	}
	for _, m := range c.program.Mounts {
		if pair := c.pair(path.Join(m.Path, corev1.TLSCertKey), path.Join(m.Path, corev1.TLSPrivateKeyKey)); pair != nil {
			return pair
		}
	}
	return nil
}

// argument is what a flag among arguments says.
func argument(args []string, flag *regexp.Regexp) string {
	for _, a := range args {
		if m := flag.FindStringSubmatch(a); m != nil {
			return m[1]
		}
	}
	return ""
}

// pair is the certificate of two files of volumes; nil if they are not there, or no pair.
func (c *container) pair(certFile, keyFile string) *tls.Certificate {
	files := scripts(c.program.Mounts, slices.DeleteFunc([]string{certFile, keyFile}, func(f string) bool { return f == "" }))
	pair, err := tls.X509KeyPair(files[path.Clean(certFile)], files[path.Clean(keyFile)])
	if err != nil {
		return nil
	}
	return &pair
}
