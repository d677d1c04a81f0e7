package program

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path"
	"strings"
	"time"

	"demarc/sim/clock"

	"github.com/coreos/go-oidc"
)

// accountDir is where a pod finds its token, and who signs the API server's certificate.
const accountDir = "/var/run/secrets/kubernetes.io/serviceaccount"

// inCluster is a client of the API server as a pod's program makes one of what it is given
// (client-go v0.37, rest: InClusterConfig), and where the API server is.
func (c *call) inCluster() (client *http.Client, server string, err error) {
	host, port := c.Env.Get("KUBERNETES_SERVICE_HOST").String(), c.Env.Get("KUBERNETES_SERVICE_PORT").String()
	if host == "" || port == "" {
		return nil, "", fmt.Errorf("unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined")
	}
	if _, err := c.readFile(path.Join(accountDir, "token")); err != nil {
		return nil, "", err
	}
	roots := x509.NewCertPool()
	if ca, err := c.Read(path.Join(accountDir, "ca.crt")); err == nil {
		roots.AppendCertsFromPEM(ca)
	}
	return &http.Client{Transport: &withToken{c, c.transport(&tls.Config{RootCAs: roots})}}, "https://" + net.JoinHostPort(host, port), nil
}

// transport carries requests over the container's network.
func (c *call) transport(secure *tls.Config) http.RoundTripper {
	return &http.Transport{DialContext: c.Shell.Dial, TLSClientConfig: secure, DisableKeepAlives: true}
}

// readFile reads a file, with a Go program's error.
func (c *call) readFile(name string) (string, error) {
	b, err := c.Read(name)
	if err != nil {
		return "", fmt.Errorf("open %s: no such file or directory", name)
	}
	return string(b), nil
}

// withToken adds the pod's token, as it is now.
type withToken struct {
	c    *call
	next http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (t *withToken) RoundTrip(r *http.Request) (*http.Response, error) {
	if token, err := t.c.readFile(path.Join(accountDir, "token")); err == nil {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(token))
	}
	return t.next.RoundTrip(r)
}

// log writes a line as Go's package log does, klog one as klog.
func (c *call) log(format string, args ...any) {
	fmt.Fprintf(c.Err, "%s %s\n", time.Now().UTC().Format("2006/01/02 15:04:05"), fmt.Sprintf(format, args...))
}

func (c *call) klog(level, format string, args ...any) {
	fmt.Fprintf(c.Err, "%s%s       1 main.go] %s\n", level, time.Now().UTC().Format("0102 15:04:05.000000"), fmt.Sprintf(format, args...))
}

// pollAPIServer asks the API server for its health from time to time, and says by a hash with
// which token.
func pollAPIServer(ctx context.Context, c *call, args []string) int {
	c.klog("I", "started")
	client, server, err := c.inCluster()
	if err != nil {
		c.log("err: %v", err)
		return 1
	}
	period := time.Duration(number(flag(args, "poll-interval"), 30)) * time.Second
	for clock.Sleep(ctx, period) {
		c.klog("I", "calling /healthz")
		token, _ := c.readFile(path.Join(accountDir, "token")) // was there
		hash := sha256.Sum256([]byte("salt|Bearer " + strings.TrimSpace(token)))
		c.klog("I", "authz_header=%s", base64.RawURLEncoding.EncodeToString(hash[:]))
		if _, err := get(ctx, client, server+"/healthz"); err != nil {
			c.klog("E", "status=failed")
			c.klog("E", "error checking /healthz: %v\n\n", err)
		}
	}
	return c.Shell.Interrupted()
}

// issuerAlgorithms are those by which API servers sign tokens.
var issuerAlgorithms = []string{oidc.RS256, oidc.ES256, oidc.ES384, oidc.ES512}

// discoverIssuer checks a token by what the issuer that it names publishes: at first as a
// client of the API server, then as anybody.
func discoverIssuer(ctx context.Context, c *call, args []string) int {
	token, err := c.readFile(flag(args, "token-path"))
	if err != nil {
		c.log("%v", err)
		return 1
	}
	c.log("OK: Got token")
	issuer, err := issuerOf(token)
	if err != nil {
		c.log("%v", err)
		return 1
	}
	c.log("validating with in-cluster discovery")
	client, _, err := c.inCluster()
	if err != nil {
		c.log("%v", err)
		return 1
	}
	if err = c.validate(ctx, client, issuer, token, flag(args, "audience")); err == nil {
		return 0
	}
	c.log("failed to validate with in-cluster discovery: %v", err)
	c.log("falling back to validating with external discovery")
	if err = c.validate(ctx, &http.Client{Transport: c.transport(nil)}, issuer, token, flag(args, "audience")); err != nil {
		c.log("%v", err)
		return 1
	}
	return 0
}

// issuerOf is who has issued a token, as it says itself.
func issuerOf(token string) (string, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", fmt.Errorf("square/go-jose: compact JWS format must have three parts")
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Issuer string `json:"iss"`
	}
	if err == nil {
		err = json.Unmarshal(b, &claims)
	}
	return claims.Issuer, err
}

func (c *call) validate(ctx context.Context, client *http.Client, issuer, token, audience string) error {
	c.log("OK: got issuer %s", issuer)
	ctx = oidc.ClientContext(ctx, client)
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return err
	}
	c.log("OK: Constructed OIDC provider for issuer %v", issuer)
	if _, err := provider.Verifier(&oidc.Config{ClientID: audience, SupportedSigningAlgs: issuerAlgorithms}).Verify(ctx, token); err != nil {
		return err
	}
	c.log("OK: Validated signature on JWT")
	c.log("OK: Got valid claims from token!")
	return nil
}
