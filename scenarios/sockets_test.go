package scenarios_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"demarc/sim/api"
	"demarc/sim/engine"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"golang.org/x/crypto/ssh"
	"k8s.io/client-go/tools/clientcmd"
)

// patience is how long a stranger waits for an answer. Who is let in has one within
// milliseconds.
const patience = time.Second

// TestStrangers tries every socket that an engine listens on as somebody who has none
// of the cluster's files: a program of another user, or a web page. The customer is a
// stranger to etcd. With -v it prints what each port is and what protects it.
func TestStrangers(t *testing.T) {
	m := newMortalOf(t, api.ClusterSpec{Nodes: 1, EtcdMembers: 3, APIServers: 2, Sample: true})
	x := newStrangers(t, m.dir, m.p)
	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	seen := map[string]int{}
	for _, s := range x.listening(m.p.Client.Handle().PID) {
		k := x.kindOf(s)
		seen[k.name]++
		fmt.Fprintf(w, "%s\t%s\t%s\n", s.address, k.name, k.protection)
		if k.try == nil {
			t.Errorf("%s: nobody knows what this is", s.address)
			k.try = (*strangers).tryAll
		}
		x.work.Go(func() { k.try(x, s.address) })
	}
	x.work.Wait()
	w.Flush()
	t.Logf("the sockets of an engine:\n%s", table.String())
	for _, name := range []string{"management API", "SSH", "API server", "etcd, for API servers and the provider", "etcd, for other members", "tunnel", "load balancer"} {
		if seen[name] == 0 {
			t.Errorf("no %s was found: is the test looking?", name)
		}
	}
	// It is not for lack of time that strangers get nothing.
	for _, who := range []string{"the API server", "a member"} {
		if x.opened[who] == 0 {
			t.Errorf("etcd was not opened with the certificate of %s either", who)
		}
	}
}

// strangers are those who try, and what they know of the engine.
type strangers struct {
	t        *testing.T
	dir      string
	status   api.Status
	handle   api.Handle
	customer tls.Certificate
	selfMade tls.Certificate
	etcd     *tls.Config // of the API server
	peer     *tls.Config // of a member of etcd
	work     sync.WaitGroup

	mu     sync.Mutex
	opened map[string]int // how often a certificate of etcd's own authority opened what it is for
}

func newStrangers(t *testing.T, dir string, p *engine.Process) *strangers {
	x := &strangers{t: t, dir: dir, handle: p.Client.Handle(), selfMade: selfMade(t), opened: map[string]int{}}
	var err error
	if x.status, err = p.Client.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", x.status.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if x.customer, err = tls.X509KeyPair(cfg.CertData, cfg.KeyData); err != nil {
		t.Fatal(err)
	}
	x.etcd, x.peer = x.owner("apiserver-etcd-client"), x.owner("etcd-peer")
	return x
}

// owner is who has one of the engine's certificates.
func (x *strangers) owner(certificate string) *tls.Config {
	pki := filepath.Join(x.dir, "pki", certificate)
	own, err := tls.LoadX509KeyPair(pki+".crt", pki+".key")
	if err != nil {
		x.t.Fatal(err)
	}
	return insecure(own)
}

// selfMade is the certificate of an administrator, signed by nobody else.
func selfMade(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "front-proxy-client", Organization: []string{"system:masters"}},
		NotBefore: time.Now().AddDate(-30, 0, 0), NotAfter: time.Now().AddDate(30, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// insecure asks nothing of the server: a stranger is no victim. The certificate is
// shown even if the server has not asked for one of its authority.
func insecure(own ...tls.Certificate) *tls.Config {
	c := &tls.Config{InsecureSkipVerify: true}
	if len(own) > 0 {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own[0], nil }
	}
	return c
}

// socket is a listening socket: of a port, or of a path.
type socket struct {
	network, address string
}

// kind is what a socket is, what protects it, and how that is tried.
type kind struct {
	name, protection string
	try              func(x *strangers, address string)
}

func (x *strangers) kindOf(s socket) kind {
	switch {
	case s.network == "unix":
		return kind{"tunnel", "mode 0600, in a folder of mode 0700", (*strangers).tryFile}
	case s.address == x.handle.Address:
		return kind{"management API", "a token for each role; no web page", (*strangers).tryManagement}
	case s.address == x.sshAddress():
		return kind{"SSH", "two keys", (*strangers).trySSH}
	case slices.ContainsFunc(x.status.LoadBalancers, func(b api.LoadBalancer) bool { return b.Address == s.address }):
		return kind{"load balancer", "public, as it is meant to be", func(*strangers, string) {}}
	}
	switch x.certified(s.address) {
	case "kube-apiserver":
		return kind{"API server", "TLS, authentication and RBAC; X-Remote-User from the front proxy's certificate only", (*strangers).tryAPIServer}
	case "etcd-server":
		return kind{"etcd, for API servers and the provider", "TLS with a client certificate of etcd's own authority", (*strangers).tryEtcd}
	case "etcd-peer":
		return kind{"etcd, for other members", "TLS with the members' own certificate", (*strangers).tryPeer}
	}
	return kind{name: "?"}
}

func (x *strangers) sshAddress() string {
	b, err := os.ReadFile(filepath.Join(filepath.Dir(x.status.SSHConfig), "server.json"))
	if err != nil {
		x.t.Fatal(err)
	}
	var a struct{ Port int }
	if err := json.Unmarshal(b, &a); err != nil {
		x.t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(a.Port))
}

// certified is the name on a server's certificate; empty if it has none.
func (x *strangers) certified(address string) string {
	d := &net.Dialer{Timeout: patience}
	c, err := tls.DialWithDialer(d, "tcp", address, insecure())
	if err != nil {
		return ""
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].Subject.CommonName
}

// listening are the sockets on which a process listens. Each is to be on loopback.
func (x *strangers) listening(pid int) (list []socket) {
	x.t.Helper()
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	files, err := filepath.Glob(filepath.Join(proc, "fd", "*"))
	if err != nil || len(files) == 0 {
		x.t.Skip("this system has no /proc")
	}
	own := map[string]bool{}
	for _, f := range files {
		if to, err := os.Readlink(f); err == nil {
			own[to] = true
		}
	}
	each := func(table string, inode int, use func(fields []string)) {
		b, err := os.ReadFile(filepath.Join(proc, "net", table))
		if err != nil {
			x.t.Fatal(err)
		}
		for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
			if f := strings.Fields(lines.Text()); len(f) > inode && own["socket:["+f[inode]+"]"] {
				use(f)
			}
		}
	}
	for _, table := range []string{"tcp", "tcp6"} {
		each(table, 9, func(f []string) {
			address, port, _ := strings.Cut(f[1], ":")
			if f[3] != "0A" { // LISTEN
				return
			}
			if address != "0100007F" {
				x.t.Errorf("it listens on %s of %s, want 127.0.0.1", f[1], table)
			}
			n, err := strconv.ParseUint(port, 16, 16)
			if err != nil {
				x.t.Fatal(err)
			}
			list = append(list, socket{"tcp", net.JoinHostPort("127.0.0.1", strconv.FormatUint(n, 10))})
		})
	}
	each("unix", 6, func(f []string) {
		if flags, err := strconv.ParseUint(f[3], 16, 32); err == nil && flags&0x10000 != 0 && len(f) > 7 {
			list = append(list, socket{"unix", f[7]})
		}
	})
	slices.SortFunc(list, func(a, b socket) int { return strings.Compare(a.address, b.address) })
	return list
}

// tryAll tries a port in every way in which etcd was ever open.
func (x *strangers) tryAll(address string) {
	x.webPage(address)
	x.etcdClient(address, "without TLS", nil)
	for who, cfg := range x.certificates() {
		x.etcdClient(address, who, cfg)
		for _, path := range []string{"/v3/kv/range", "/members", "/raft", "/metrics", "/debug/vars", "/health"} {
			if r := x.ask(http.MethodGet, "https://"+address+path, cfg, nil); r.status == http.StatusOK {
				x.t.Errorf("%s: %s %s: %s", address, path, who, r.body)
			}
		}
	}
}

// certificates are what strangers show.
func (x *strangers) certificates() map[string]*tls.Config {
	return map[string]*tls.Config{
		"without a certificate":           insecure(),
		"with a self-made certificate":    insecure(x.selfMade),
		"with the customer's certificate": insecure(x.customer),
	}
}

// webPage is what a page of another site can have a browser send.
func (x *strangers) webPage(address string) {
	header := http.Header{"Origin": {"http://evil.example"}, "Content-Type": {"text/plain"}}
	for _, path := range []string{"/v3/kv/range", "/health", "/metrics", "/members", "/version", "/api/v1/secrets"} {
		r := x.ask(http.MethodPost, "http://"+address+path, nil, header)
		if g := x.ask(http.MethodGet, "http://"+address+path, nil, header); r.status != http.StatusOK && g.status == http.StatusOK {
			r = g
		}
		if r.status == http.StatusOK || r.header.Get("Access-Control-Allow-Origin") != "" {
			x.t.Errorf("%s: a web page may ask %s: %d %v %s", address, path, r.status, r.header, r.body)
		}
	}
}

// answer is what a stranger was told; its status is 0 if nothing.
type answer struct {
	status int
	header http.Header
	body   string
}

// everything is a range request of etcd's JSON gateway for all keys.
const everything = `{"key":"AA==","range_end":"AA==","limit":1}`

func (x *strangers) ask(method, url string, cfg *tls.Config, header http.Header) (a answer) {
	ctx, cancel := context.WithTimeout(x.t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(everything))
	if err != nil {
		x.t.Error(err)
		return a
	}
	if header != nil {
		req.Header = header
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: cfg, DisableKeepAlives: true}}
	r, err := client.Do(req)
	if err != nil {
		return a
	}
	defer r.Body.Close()
	b, _ := io.ReadAll(io.LimitReader(r.Body, 200)) // what is there of it
	return answer{r.StatusCode, r.Header, string(b)}
}

// etcdClient says whether etcd's own client can read from a port, which is an error.
func (x *strangers) etcdClient(address, who string, cfg *tls.Config) {
	if n, err := x.read(address, cfg); err == nil {
		x.t.Errorf("%s: etcd's client reads %d keys %s", address, n, who)
	}
}

func (x *strangers) read(address string, cfg *tls.Config) (int64, error) {
	ctx, cancel := context.WithTimeout(x.t.Context(), patience)
	defer cancel()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{address}, TLS: cfg, Context: ctx, DialTimeout: patience, Logger: zap.NewNop()})
	if err != nil {
		return 0, err
	}
	defer c.Close()
	r, err := c.Get(ctx, "/registry/", clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		return 0, err
	}
	return r.Count, nil
}

// tryEtcd also opens etcd as one who may.
func (x *strangers) tryEtcd(address string) {
	x.tryAll(address)
	n, err := x.read(address, x.etcd)
	if err != nil || n == 0 {
		x.t.Errorf("%s: the API server's own certificate: %d keys, %v", address, n, err)
		return
	}
	x.open("the API server")
}

// tryPeer also tries the members' port as the API server, whose certificate is of
// etcd's own authority, and as a member.
func (x *strangers) tryPeer(address string) {
	x.tryAll(address)
	url := "https://" + address + "/members"
	if r := x.ask(http.MethodGet, url, x.etcd, nil); r.status != 0 {
		x.t.Errorf("%s: with the API server's certificate: %d %s", url, r.status, r.body)
	}
	if r := x.ask(http.MethodGet, url, x.peer, nil); r.status != http.StatusOK {
		x.t.Errorf("%s: with the members' certificate: %d %s", url, r.status, r.body)
		return
	}
	x.open("a member")
}

func (x *strangers) open(who string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.opened[who]++
}

// tryAPIServer claims to be somebody by the headers of a front proxy.
func (x *strangers) tryAPIServer(address string) {
	x.webPage(address)
	for who, cfg := range x.certificates() {
		x.etcdClient(address, who, cfg)
		for _, group := range []string{"system:nodes", "system:masters"} {
			header := http.Header{"X-Remote-User": {"system:node:aks-nodepool1-vmss000000"}, "X-Remote-Group": {group}}
			r := x.ask(http.MethodGet, "https://"+address+"/api/v1/secrets?limit=1", cfg, header)
			if who != "with the customer's certificate" && r.status != http.StatusUnauthorized && r.status != http.StatusForbidden && r.status != 0 {
				x.t.Errorf("%s: secrets for %s %s: %d %s", address, group, who, r.status, r.body)
			}
		}
	}
	if name := x.whoAmI(address); name != "masterclient" {
		x.t.Errorf("%s: the customer's certificate and X-Remote-User make somebody %q, want the customer", address, name)
	}
}

// whoAmI is the name under which the API server knows a customer who says that he is a
// node.
func (x *strangers) whoAmI(address string) string {
	body := `{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}`
	ctx, cancel := context.WithTimeout(x.t.Context(), 5*patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+address+"/apis/authentication.k8s.io/v1/selfsubjectreviews", strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Remote-User", "system:node:aks-nodepool1-vmss000000")
	client := http.Client{Transport: &http.Transport{TLSClientConfig: insecure(x.customer), DisableKeepAlives: true}}
	r, err := client.Do(req)
	if err != nil {
		return err.Error()
	}
	defer r.Body.Close()
	var review struct {
		Status struct {
			UserInfo struct{ Username string }
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
		return err.Error()
	}
	return review.Status.UserInfo.Username
}

// tryManagement asks the management API without its token.
func (x *strangers) tryManagement(address string) {
	x.webPage(address)
	for _, path := range []string{"/v1/status", "/v1/timeline", "/v1/faults"} {
		for _, token := range []string{"", "Bearer ", "Bearer wrong"} {
			if r := x.ask(http.MethodGet, "http://"+address+path, nil, http.Header{"Authorization": {token}}); r.status != http.StatusUnauthorized {
				x.t.Errorf("%s%s with the token %q: %d %s", address, path, token, r.status, r.body)
			}
		}
	}
}

// trySSH logs in with a key of its own and with a password.
func (x *strangers) trySSH(address string) {
	x.webPage(address)
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		x.t.Error(err)
		return
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		x.t.Error(err)
		return
	}
	c, err := ssh.Dial("tcp", address, &ssh.ClientConfig{
		User: "0", Auth: []ssh.AuthMethod{ssh.PublicKeys(signer), ssh.Password("")},
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: patience,
	})
	if err == nil {
		c.Close()
		x.t.Errorf("%s: anybody's key opens a node", address)
	}
}

// tryFile looks whether others than the owner could connect to a Unix socket.
func (x *strangers) tryFile(path string) {
	for _, p := range []string{path, filepath.Dir(path)} {
		info, err := os.Stat(p)
		if err != nil {
			x.t.Error(err)
			continue
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			x.t.Errorf("%s has mode %o: others may use it", p, mode)
		}
	}
}
