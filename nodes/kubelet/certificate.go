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

// certificate is what the pod's server at a port shows: that of the files that its arguments
// name, or of a Secret for TLS that it mounts. Nil is none: a program that makes its own.
func (p *pod) certificate(port int32) *tls.Certificate {
	p.k.ks.Lock.Lock()
	defer p.k.ks.Lock.Unlock()
	c := p.listener(port, false)
	if c == nil {
		return nil
	}
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
