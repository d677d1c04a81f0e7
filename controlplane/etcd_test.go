//go:build faketime

package controlplane

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

// writes says whether a ConfigMap can be created within the time given.
func writes(client kubernetes.Interface, name string, within time.Duration) error {
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}
	return wait.PollUntilContextTimeout(context.Background(), time.Second, within, true, func(ctx context.Context) (bool, error) {
		short, cancel := context.WithTimeout(ctx, 15*time.Second)
		defer cancel()
		_, err := client.CoreV1().ConfigMaps("default").Create(short, cm, metav1.CreateOptions{})
		return err == nil, nil
	})
}

func TestThreeEtcdMembers(t *testing.T) {
	ctx := context.Background()
	p, client := startPlane(t, 3, 1)
	if err := writes(client, "all", time.Second); err != nil {
		t.Fatalf("with three members: %v", err)
	}
	if err := p.Group("etcd/1")[0].Crash(); err != nil {
		t.Fatal(err)
	}
	if err := writes(client, "two-left", time.Minute); err != nil {
		t.Errorf("with one of three members lost: %v", err)
	}
	if err := p.Group("etcd/2")[0].Crash(); err != nil {
		t.Fatal(err)
	}
	if err := writes(client, "one-left", 2*time.Minute); err == nil {
		t.Error("a write was acknowledged by one of three members")
	}
	for _, name := range []string{"etcd/1", "etcd/2"} {
		go func() { _ = p.Group(name)[0].Start(ctx) }() // seen by the writes below
	}
	if err := writes(client, "again", 2*time.Minute); err != nil {
		t.Errorf("with the quorum back: %v", err)
	}
}

func TestMemberWithoutItsDiskIsReplaced(t *testing.T) {
	ctx := context.Background()
	p, client := startPlane(t, 3, 1)
	if err := writes(client, "before", time.Second); err != nil {
		t.Fatal(err)
	}
	if err := p.WipeEtcd("etcd/0"); err != nil {
		t.Fatal(err)
	}
	var lost *DataLostError
	if err := p.Group("etcd/0")[0].Start(ctx); !errors.As(err, &lost) {
		t.Fatalf("start of a member without data: got %v, want a DataLostError", err)
	}
	if got := p.EtcdMembers()[0]; got.Lost == "" || p.EtcdMembers()[1].Lost != "" {
		t.Errorf("members: got %+v, want the first one's data lost", p.EtcdMembers())
	}
	if err := writes(client, "without-it", time.Minute); err != nil {
		t.Fatalf("write with the two others: %v", err)
	}
	short, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	if err := p.ReplaceEtcdMember(short, "etcd/0"); err != nil {
		t.Fatal(err)
	}
	// It has a vote, and all that was written: the two others are not needed.
	if err := p.Group("etcd/2")[0].Crash(); err != nil {
		t.Fatal(err)
	}
	if err := writes(client, "after", 2*time.Minute); err != nil {
		t.Errorf("write with the replaced member and one other: %v", err)
	}
	if _, err := client.CoreV1().ConfigMaps("default").Get(ctx, "before", metav1.GetOptions{}); err != nil {
		t.Errorf("what was written before: %v", err)
	}
}

func TestDamagedDatabaseIsSaid(t *testing.T) {
	p, _ := startPlane(t, 1, 1)
	if err := p.CorruptEtcd("etcd"); err != nil {
		t.Fatal(err)
	}
	err := p.Group(Etcd)[0].Start(context.Background())
	var lost *DataLostError
	if !errors.As(err, &lost) || !strings.Contains(lost.Reason, "damaged") {
		t.Errorf("got %v, want that its database is damaged", err)
	}
}

func TestHeldComponentStaysDown(t *testing.T) {
	p, _ := startPlane(t, 1, 1)
	c := p.Group(Scheduler)[0]
	c.Hold("f1")
	var held *HeldError
	if err := c.Restart(context.Background(), c.Life()); !errors.As(err, &held) || c.Status().State != Running {
		t.Errorf("restart of a held component: got %v and %s, want a HeldError and that it was left alone", err, c.Status().State)
	}
	if err := c.Crash(); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(context.Background()); !errors.As(err, &held) {
		t.Errorf("start of a held component: got %v", err)
	}
	c.Release()
	if err := c.Start(context.Background()); err != nil {
		t.Error(err)
	}
}
