//go:build faketime

package controlplane

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const testQuota = 24 << 20

// TestFullEtcd fills etcd, with live data and with history, and does with it what
// the provider does.
func TestFullEtcd(t *testing.T) {
	for _, members := range []int{1, 3} {
		t.Run(fmt.Sprint(members, " members"), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
			defer cancel()
			p, client := startPlaneWith(t, Config{EtcdMembers: members, APIServers: 1, EtcdQuota: testQuota, Changed: func(Change) {}})
			fill(ctx, t, client, "big")
			wellWhileFull(ctx, t, p, client)
			knowsWhat(t, p)

			mend(ctx, t, p)
			fill(ctx, t, client, "more") // it was disarmed too early: what is live stays
			if got := p.EtcdSpace().Members[0]; got.InUse < testQuota*3/4 {
				t.Fatalf("live data: %d bytes in use, want nearly all of %d: compacting does not help", got.InUse, testQuota)
			}
			if err := client.CoreV1().ConfigMaps("default").DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "big"}); err != nil {
				t.Fatalf("delete while etcd is full: %v", err)
			}
			mend(ctx, t, p)
			for _, m := range p.EtcdSpace().Members {
				if m.Size > testQuota/2 || p.EtcdSpace().Alarm {
					t.Errorf("after deletes: %+v", p.EtcdSpace())
				}
			}
			if err := create(ctx, client, "again"); err != nil {
				t.Errorf("write after the alarm was disarmed: %v", err)
			}
		})
	}
}

// bigText is what a ConfigMap may hold, nearly.
var bigText = map[string]string{"text": strings.Repeat("0123456789abcdef", 900<<10/16)}

func create(ctx context.Context, client kubernetes.Interface, name string) error {
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"big": ""}}, Data: bigText}
	_, err := client.CoreV1().ConfigMaps("default").Create(ctx, cm, metav1.CreateOptions{})
	return err
}

// isFull says whether an error is what customers see of a full etcd.
func isFull(err error) bool {
	return err != nil && strings.Contains(err.Error(), "etcdserver: mvcc: database space exceeded")
}

// fill creates objects until etcd refuses one.
func fill(ctx context.Context, t *testing.T, client kubernetes.Interface, name string) {
	t.Helper()
	for i := range 2 * testQuota / (900 << 10) {
		time.Sleep(time.Second) // what a batch has gathered does not count
		if err := create(ctx, client, fmt.Sprint(name, "-", i)); err != nil {
			if !isFull(err) {
				t.Fatalf("etcd is full, and the customer is told %q", err)
			}
			return
		}
	}
	t.Fatal("etcd takes twice its quota")
}

// wellWhileFull wants everything to go on but writes.
func wellWhileFull(ctx context.Context, t *testing.T, p *Plane, client kubernetes.Interface) {
	t.Helper()
	if s := p.EtcdSpace(); !s.Alarm || s.Members[0].Quota != testQuota {
		t.Errorf("space: got %+v, want an alarm", s)
	}
	for _, c := range append(p.Group(Etcd), p.Group(APIServer)...) {
		if err := c.Healthy(ctx); err != nil {
			t.Errorf("%s lives, and would be restarted: %v", c.Name(), err)
		}
	}
	if _, err := client.CoreV1().ConfigMaps("default").Get(ctx, "big-0", metav1.GetOptions{}); err != nil {
		t.Errorf("read: %v", err)
	}
	member, err := p.ServingEtcd(ctx)
	if err != nil {
		t.Fatalf("no member serves a backup: %v", err)
	}
	etcd, err := p.EtcdClient(member)
	if err != nil {
		t.Fatal(err)
	}
	defer etcd.Close()
	snapshot, err := etcd.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	if n, err := io.Copy(io.Discard, snapshot); err != nil || n < testQuota*9/10 {
		t.Errorf("backup: %d bytes, %v", n, err)
	}
}

// knowsWhat wants the plane to know what takes etcd's space, and who has written it.
func knowsWhat(t *testing.T, p *Plane) {
	t.Helper()
	uses, err := p.EtcdUses()
	if err != nil {
		t.Fatal(err)
	}
	if u := uses[0]; u.Resource != "configmaps" || u.Namespace != "default" || u.Objects < 15 || u.Live < testQuota/2 {
		t.Errorf("what takes the most: got %+v", u)
	}
	if w := p.Writers("configmaps", "default"); len(w) == 0 {
		t.Error("nobody knows who has written the ConfigMaps")
	}
}

// mend compacts, defragments every member and disarms the alarm.
func mend(ctx context.Context, t *testing.T, p *Plane) {
	t.Helper()
	if err := p.CompactEtcd(ctx, p.EtcdSpace().Revision); err != nil {
		t.Fatal(err)
	}
	for _, c := range p.Group(Etcd) {
		if err := p.DefragmentEtcd(ctx, c.Name()); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.DisarmEtcd(ctx); err != nil {
		t.Fatal(err)
	}
}
