package program

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"time"

	"demarc/sim/clock"
)

// mutualClient asks a server every ten seconds, and shows it the certificate of a volume.
func mutualClient(ctx context.Context, c *call, args []string) int {
	for clock.Sleep(ctx, 10*time.Second) {
		if text, err := c.askMutually(ctx, flag(args, "fetch-url"), flag(args, "server-trust-bundle"), flag(args, "client-cred-bundle")); err != nil {
			c.klog("E", "while sending requests to the server: %v", err)
		} else {
			c.log("Got response body: %s", text)
		}
	}
	return c.Shell.Interrupted()
}

func (c *call) askMutually(ctx context.Context, address, trust, credentials string) (string, error) {
	authorities, err := c.readFile(trust)
	if err != nil {
		return "", fmt.Errorf("while reading service trust bundle: %w", err)
	}
	bundle, err := c.readFile(credentials)
	if err != nil {
		return "", fmt.Errorf("while reading client credential bundle: %w", err)
	}
	pair, err := tls.X509KeyPair([]byte(bundle), []byte(bundle))
	if err != nil {
		return "", err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(authorities))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	resp, err := (&http.Client{Transport: c.transport(&tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}})}).Do(req)
	if err != nil {
		return "", fmt.Errorf("while getting URL: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode >= 300 {
		return "", fmt.Errorf("non-2xx status %d %q", resp.StatusCode, resp.Status)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return string(b), err
}

// mutualServer tells its clients who they are, by the certificates that they show.
func mutualServer(s Spec, args []string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /spiffe-echo", func(w http.ResponseWriter, r *http.Request) {
		const wanted = "SPIFFE client certificate authentication required"
		if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
			http.Error(w, wanted, http.StatusUnauthorized)
			return
		}
		authorities, err := newShell(s).System.Read(s.user(), flag(args, "spiffe-trust-bundle"))
		if err != nil {
			http.Error(w, "Internal Error", http.StatusInternalServerError)
			return
		}
		o := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool()}
		o.Roots.AppendCertsFromPEM(authorities)
		for _, c := range r.TLS.PeerCertificates[1:] {
			o.Intermediates.AddCert(c)
		}
		leaf := r.TLS.PeerCertificates[0]
		switch _, err := leaf.Verify(o); {
		case err != nil:
			http.Error(w, wanted, http.StatusUnauthorized)
		case len(leaf.URIs) != 1:
			http.Error(w, "Malformed SPIFFE certificate", http.StatusUnauthorized)
		default:
			say(w, "Client Identity: %s", leaf.URIs[0])
		}
	})
	return mux
}
