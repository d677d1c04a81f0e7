package shell

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// Secure is a system whose programs reach servers that have certificates. Authorities are
// those whom it trusts, in PEM; not ok means that there are no such servers.
type Secure interface {
	Authorities() (pem []byte, ok bool)
}

// errAuthority is a file of authorities that cannot be read.
var errAuthority = errors.New("error setting certificate verify locations")

// secure asks by TLS. What it trusts is what the system does, or a file says.
func (c *Call) secure(ctx context.Context, conn net.Conn, authorities []byte, r request) (*http.Response, []byte, error) {
	if r.authority != "" {
		var err error
		if authorities, err = c.Read(r.authority); err != nil {
			return nil, nil, errAuthority
		}
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authorities)
	req, err := http.NewRequestWithContext(ctx, r.method, r.url.String(), strings.NewReader(r.body))
	if err != nil {
		return nil, nil, err
	}
	req.Header = r.header
	transport := &http.Transport{
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return conn, nil },
		TLSClientConfig:   &tls.Config{RootCAs: roots, InsecureSkipVerify: r.insecure},
		DisableKeepAlives: true, DisableCompression: true,
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	b, err := c.memory.ReadAll(ctx, io.LimitReader(resp.Body, MaxRead))
	return resp, b, err
}

// untrusted says why a server's certificate is not accepted; empty if it is not that.
func untrusted(err error, host string) string {
	var name x509.HostnameError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &name):
		return fmt.Sprintf("SSL: no alternative certificate subject name matches target host name '%s'", host)
	case errors.As(err, &authority):
		return "SSL certificate problem: unable to get local issuer certificate"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "SSL certificate problem: certificate has expired"
	case errors.As(err, &invalid):
		return "SSL certificate problem: unsuitable certificate purpose"
	}
	return ""
}

// moreOfCertificates is what curl says behind a certificate that it does not accept.
const moreOfCertificates = "\nMore details here: https://curl.se/docs/sslcerts.html\n\n" +
	"curl failed to verify the legitimacy of the server and therefore could not\nestablish a secure connection to it. To learn more about this situation and\nhow to fix it, please visit the web page mentioned above."
