package controlplane

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"demarc/sim/clock"
	"demarc/sim/disk"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// writeKubeconfig writes dir/kubeconfig/NAME.
func (p *Plane) writeKubeconfig(name string, cfg *clientcmdapi.Config) (string, error) {
	path := kubeconfigFile(p.cfg.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	b, err := clientcmd.Write(*cfg)
	if err != nil {
		return "", err
	}
	return path, disk.Replace(path, b, false) // it is written at each start
}

func kubeconfigFile(dir, name string) string { return filepath.Join(dir, "kubeconfig", name) }

// LastPort is the API server's port, as the customer's kubeconfig in a cluster's
// directory has it; 0 if there is none.
func LastPort(dir string) int {
	cfg, err := clientcmd.LoadFromFile(kubeconfigFile(dir, roleCustomer))
	if err != nil {
		return 0
	}
	for _, c := range cfg.Clusters {
		if u, err := url.Parse(c.Server); err == nil {
			port, _ := strconv.ParseUint(u.Port(), 10, 16)
			return int(port)
		}
	}
	return 0
}

// kubeconfig is a kubeconfig in AKS's form: context and cluster have the
// cluster's name, the user is clusterUser_ or clusterAdmin_.
func (p *Plane) kubeconfig(cluster *clientcmdapi.Cluster, as *clientcmdapi.AuthInfo) *clientcmdapi.Config {
	cfg, user := clientcmdapi.NewConfig(), "clusterAdmin_"+p.cfg.Name
	cfg.Clusters[p.cfg.Name], cfg.AuthInfos[user] = cluster, as
	cfg.Contexts[p.cfg.Name] = &clientcmdapi.Context{Cluster: p.cfg.Name, AuthInfo: user}
	cfg.CurrentContext = p.cfg.Name
	return cfg
}

// secureKubeconfig is a kubeconfig for a client outside, which has everything inside.
func (p *Plane) secureKubeconfig(server string, id identity) (*clientcmdapi.Config, error) {
	var data [3][]byte
	for i, f := range []string{p.pki.cert(clusterCA), p.pki.cert(id.file), p.pki.key(id.file)} {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		data[i] = b
	}
	// What never leaves the machine gains nothing by gzip.
	return p.kubeconfig(&clientcmdapi.Cluster{Server: server, CertificateAuthorityData: data[0], DisableCompression: true},
		&clientcmdapi.AuthInfo{ClientCertificateData: data[1], ClientKeyData: data[2]}), nil
}

// calls is a way to the API servers for a client inside the engine, with a connection of
// its own.
func (p *Plane) calls(role string, id identity, gates ...*gate) *apiCalls {
	return p.door.calls(role, p.customer.address(), p.parties.caller(id), gates...)
}

// restConfig is the configuration of such a client, without a rate limit. Its errors name
// the front door.
func (p *Plane) restConfig(role string, id identity) *rest.Config {
	return &rest.Config{Host: p.customer.url(), Transport: p.calls(role, id), QPS: -1, UserAgent: "demarc"}
}

// awaitAPIServer waits for an API server, as the init order of static pods does
// for the real components.
func (p *Plane) awaitAPIServer(ctx context.Context) error {
	for !p.apiServerAnswers(ctx, 0) {
		if !clock.Sleep(ctx, clock.UntilTick(time.Now(), time.Second)) {
			return fmt.Errorf("wait for the API server: %w", ctx.Err())
		}
	}
	return nil
}
