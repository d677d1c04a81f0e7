package upstream

import (
	"reflect"
	"sync"
	_ "unsafe" // for go:linkname

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/kubernetes"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	_ "k8s.io/apiserver/pkg/storage/storagebackend/factory" // for go:linkname
)

// newETCD3Client is how an API server makes its clients of etcd, one per resource.
// Each would have a connection of its own, through the kernel: where it is under way
// the runtime believes that all is idle, and the virtual clock moves on.
//
//go:linkname newETCD3Client k8s.io/apiserver/pkg/storage/storagebackend/factory.newETCD3Client
var newETCD3Client func(storagebackend.TransportConfig) (*kubernetes.Client, error)

// etcdClients is what makes the clients of the addresses that are served in this
// process.
var etcdClients = struct {
	sync.Mutex
	byServer map[string]func() (*clientv3.Client, error)
}{byServer: map[string]func() (*clientv3.Client, error){}}

func init() {
	overNetwork := newETCD3Client
	newETCD3Client = func(c storagebackend.TransportConfig) (*kubernetes.Client, error) {
		etcdClients.Lock()
		make := etcdClients.byServer[c.ServerList[0]]
		etcdClients.Unlock()
		if make == nil {
			return overNetwork(c)
		}
		client, err := make()
		if err != nil {
			return nil, err
		}
		if err := setEndpoints(client, c.ServerList); err != nil {
			return nil, err
		}
		k := &kubernetes.Client{Client: client}
		k.Kubernetes = k
		return k, nil
	}
}

// ServeEtcd has API servers whose --etcd-servers is the address given use the
// clients that make returns. What it returns ends that.
func ServeEtcd(server string, make func() (*clientv3.Client, error)) (stop func()) {
	etcdClients.Lock()
	defer etcdClients.Unlock()
	etcdClients.byServer[server] = make
	return func() {
		etcdClients.Lock()
		defer etcdClients.Unlock()
		delete(etcdClients.byServer, server)
	}
}

// setEndpoints sets the endpoints of a client that has no connection. API servers
// compact etcd once per endpoint: without, never.
func setEndpoints(c *clientv3.Client, endpoints []string) error {
	f, err := field[[]string](reflect.ValueOf(c), "endpoints")
	if err != nil {
		return err
	}
	*f = endpoints
	return nil
}
