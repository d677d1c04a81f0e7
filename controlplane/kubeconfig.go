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

// writeKubeconfig writes dir/kubeconfig/NAME, which has everything inside.
func (p *Plane) writeKubeconfig(name, server string, id identity) (string, error) {
	cfg, err := p.kubeconfig(server, id)
	if err != nil {
		return "", err
	}
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
func (p *Plane) kubeconfig(server string, id identity) (*clientcmdapi.Config, error) {
	var data [3][]byte
	for i, f := range []string{p.pki.cert(clusterCA), p.pki.cert(id.file), p.pki.key(id.file)} {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		data[i] = b
	}
	cfg, user := clientcmdapi.NewConfig(), "clusterAdmin_"+p.cfg.Name
	// What never leaves the machine gains nothing by gzip.
	cfg.Clusters[p.cfg.Name] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: data[0], DisableCompression: true}
	cfg.AuthInfos[user] = &clientcmdapi.AuthInfo{ClientCertificateData: data[1], ClientKeyData: data[2]}
	cfg.Contexts[p.cfg.Name] = &clientcmdapi.Context{Cluster: p.cfg.Name, AuthInfo: user}
	cfg.CurrentContext = p.cfg.Name
	return cfg, nil
}

// restConfig is a client configuration without a rate limit.
func (p *Plane) restConfig(server string, id identity) (*rest.Config, error) {
	kc, err := p.kubeconfig(server, id)
	if err != nil {
		return nil, err
	}
	cfg, err := clientcmd.NewDefaultClientConfig(*kc, nil).ClientConfig()
	if err != nil {
		return nil, err
	}
	cfg.QPS = -1
	cfg.UserAgent = "demarc"
	return cfg, nil
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
