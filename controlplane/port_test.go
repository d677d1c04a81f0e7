//go:build faketime

package controlplane

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"demarc/backup"

	bolt "go.etcd.io/bbolt"
	"go.etcd.io/etcd/server/v3/etcdserver/api/membership"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// occupy takes a port away, as another program does.
func occupy(t *testing.T, port int) {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
}

// TestPortOfAnotherIsNotShared: a port is another's also while that one only holds it,
// as an engine does whose API server does not serve yet.
func TestPortOfAnotherIsNotShared(t *testing.T) {
	d := newFrontDoor(nil)
	first, err := d.open(roleCustomer, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer first.close()
	_, text, _ := net.SplitHostPort(first.addr)
	port, _ := strconv.Atoi(text)
	second, err := newFrontDoor(nil).open(roleCustomer, port)
	if err != nil {
		t.Fatal(err)
	}
	defer second.close()
	if second.addr == first.addr {
		t.Errorf("two engines have %s", first.addr)
	}
}

// TestMovedPeersFindEachOther resumes a cluster of three members after all that they
// remember of each other has become wrong: other programs have their ports, and it was
// made when members did not use TLS.
func TestMovedPeersFindEachOther(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	p, client := startPlaneIn(t, Config{Dir: dir, EtcdMembers: 3})
	if err := writes(client, "before", time.Minute); err != nil {
		t.Fatal(err)
	}
	port := p.seats.plan.Ports[0]
	apiPort, _ := strconv.Atoi(p.URL()[len("https://127.0.0.1:"):])
	stopPlane(p)
	for _, s := range p.seats.list {
		forgetTLS(t, backup.Database(s.dir))
		if err := backup.ForgetSums(s.dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, taken := range append([]int{apiPort}, p.seats.plan.Ports...) {
		occupy(t, taken)
	}
	p, client = startPlaneIn(t, Config{Dir: dir, EtcdMembers: 3, Port: apiPort})
	defer stopPlane(p)
	if p.seats.plan.Ports[0] == port {
		t.Error("the ports are the same")
	}
	if _, err := client.CoreV1().ConfigMaps("default").Get(ctx, "before", metav1.GetOptions{}); err != nil {
		t.Errorf("what was written before: %v", err)
	}
	// Each of them is needed, so each has found the others.
	for _, name := range []string{"etcd/0", "etcd/1", "etcd/2"} {
		c := p.Group(name)[0]
		if err := c.Crash(); err != nil {
			t.Fatal(err)
		}
		if err := writes(client, "without-"+name[len("etcd/"):], 2*time.Minute); err != nil {
			t.Errorf("write without %s: %v", name, err)
		}
		if err := c.Start(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(p.Kubeconfig()); err != nil || !bytes.Contains(b, []byte(p.URL())) {
		t.Errorf("the kubeconfig does not name %s: %v", p.URL(), err)
	}
}

// forgetTLS makes a member remember the others as an earlier version did.
func forgetTLS(t *testing.T, database string) {
	t.Helper()
	db, err := bolt.Open(database, 0o600, &bolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	changed := 0
	if err := db.Update(func(tx *bolt.Tx) error {
		old := map[string]membership.Member{}
		b := tx.Bucket(membersBucket)
		if err := b.ForEach(func(k, v []byte) error {
			var m membership.Member
			err := json.Unmarshal(v, &m)
			old[string(k)] = m
			return err
		}); err != nil {
			return err
		}
		for k, m := range old {
			m.PeerURLs[0] = "http" + m.PeerURLs[0][len("https"):]
			v, err := json.Marshal(m)
			if err != nil {
				return err
			}
			if err := b.Put([]byte(k), v); err != nil {
				return err
			}
			changed++
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if changed != 3 {
		t.Fatalf("%s remembers %d members, want 3", database, changed)
	}
}
