package kubelet

import "testing"

func TestCertificateArguments(t *testing.T) {
	args := []string{"webhook", "--tls-cert-file=/c/tls.crt", "--tls-private-key-file=/c/tls.key", "-v=4"}
	if cert, key := argument(args, certFlag), argument(args, keyFlag); cert != "/c/tls.crt" || key != "/c/tls.key" {
		t.Errorf("got %q and %q", cert, key)
	}
	if got := argument([]string{"--server-creds=/c/all.pem"}, bundleFlag); got != "/c/all.pem" {
		t.Errorf("a bundle: got %q", got)
	}
	if got := argument([]string{"--certs-dir=/c"}, certFlag); got != "" {
		t.Errorf("a directory is taken for a certificate: %q", got)
	}
}
