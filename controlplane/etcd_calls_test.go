//go:build faketime

package controlplane

import (
	"context"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// TestEtcdLink breaks the link of an API server to the only member of etcd in every way
// that there is: it is what a connection would be.
func TestEtcdLink(t *testing.T) {
	p, client := startPlane(t, 1, 1)
	etcd := p.Group(Etcd)[0]
	write := func(name string, within time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		_, err := client.CoreV1().ConfigMaps("default").Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
		return err
	}
	seen := watchNames(t, client)
	expect := func(name string) {
		t.Helper()
		select {
		case got, ok := <-seen:
			if !ok || got != name {
				t.Fatalf("watch: %q, %v, want %q", got, ok, name)
			}
		case <-time.After(3 * time.Minute):
			t.Fatalf("watch: nothing in three minutes, want %q", name)
		}
	}
	if err := write("before", time.Minute); err != nil {
		t.Fatal(err)
	}
	expect("before")

	etcd.Hang()
	time.AfterFunc(20*time.Second, etcd.Heal)
	began := time.Now()
	if err := write("held", time.Minute); err != nil {
		t.Errorf("a write that was held up for 20 s: %v", err)
	}
	if took := time.Since(began); took < 20*time.Second {
		t.Errorf("a write took %v while etcd hung for 20 s", took)
	}
	expect("held")

	etcd.Slow(2 * time.Second)
	began = time.Now()
	if err := write("slow", time.Minute); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took < 2*time.Second {
		t.Errorf("a write took %v with etcd slowed by 2 s", took)
	}
	etcd.Heal()
	expect("slow")

	link := p.seats.newCalls("test")
	defer link.drop()
	direct, err := link.client()
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close()
	etcd.Hang()
	began = time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 3*etcdKeepalive)
	defer cancel()
	if _, err := direct.Get(ctx, "a"); status.Code(err) != codes.Unavailable {
		t.Errorf("a read while etcd hung: %v", err)
	}
	if took := time.Since(began); took < etcdKeepalive || took > etcdKeepalive+2*time.Second {
		t.Errorf("a silent etcd was given up after %v, want %v", took, etcdKeepalive)
	}
	etcd.Heal()
	time.Sleep(2 * time.Minute)
	if err := write("after-silence", time.Minute); err != nil {
		t.Errorf("after etcd was silent for longer than the client waits: %v", err)
	}
	expect("after-silence")

	if err := p.Partition(APIServer, Etcd); err != nil {
		t.Fatal(err)
	}
	if err := write("cut-off", 15*time.Second); err == nil {
		t.Error("a write passed a partition")
	}
	if err := p.Rejoin(APIServer, Etcd); err != nil {
		t.Fatal(err)
	}

	if err := etcd.Crash(); err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	if err := write("refused", time.Minute); err == nil {
		t.Error("a write succeeded without etcd")
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("a write without etcd was refused after %v", took)
	}
	time.Sleep(time.Minute)
	if err := etcd.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * time.Minute) // gRPC's longest pause between two attempts, and more
	if err := write("after", time.Minute); err != nil {
		t.Error(err)
	}
	expect("after")
}

// TestEtcdLinkToThree takes one member after the other away from an API server and the
// other members, and crashes it: writes go on, and so do watches, but for one at a member
// that has lost its leader, whose client watches anew.
func TestEtcdLinkToThree(t *testing.T) {
	p, client := startPlane(t, 3, 1)
	seen, ended := watchNames(t, client), 0
	wrote := func(name string) {
		t.Helper()
		if err := writes(client, name, 2*time.Minute); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		select {
		case got, ok := <-seen:
			switch {
			case !ok:
				ended++
				seen = watchNames(t, client)
			case got != name:
				t.Fatalf("watch: %q, want %q", got, name)
			}
		case <-time.After(3 * time.Minute):
			t.Fatalf("watch: nothing in three minutes, want %q", name)
		}
	}
	for _, s := range p.seats.list {
		c := s.component
		wrote("before-" + s.name)
		if err := p.Partition(c.Name(), Etcd); err != nil {
			t.Fatal(err)
		}
		wrote("cut-off-" + s.name)
		if err := p.Rejoin(c.Name(), Etcd); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if err := c.Crash(); err != nil {
			t.Fatal(err)
		}
		wrote("crashed-" + s.name)
		if err := c.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Minute) // gRPC's longest pause between two attempts, and more
	}
	if ended > len(p.seats.list) {
		t.Errorf("watches ended %d times", ended)
	}
	link := p.seats.newCalls("test")
	defer link.drop()
	reached := map[*etcdMember]bool{}
	for range 20 {
		c, err := link.connection(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		reached[c.member] = true
		time.Sleep(time.Millisecond)
	}
	if len(reached) != 3 {
		t.Errorf("requests go to %d members, want to all three in turn", len(reached))
	}
}

// TestWatchAtAMemberWithoutALeader has the two others of three members crash.
func TestWatchAtAMemberWithoutALeader(t *testing.T) {
	p, _ := startPlane(t, 3, 1)
	link := p.seats.newCalls("test")
	defer link.drop()
	c, err := link.connection(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	x := etcdWatch{watcher: newEtcdWatcher(link), op: clientv3.OpGet("/a"), out: make(chan<- clientv3.WatchResponse)}
	ended := make(chan bool)
	go func() { ended <- x.follow(t.Context(), c) }()
	for _, s := range p.seats.list {
		if s != c.member.seat {
			if err := s.component.Crash(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for wait := time.Minute; c.hasLeader() && wait > 0; wait -= 100 * time.Millisecond {
		time.Sleep(100 * time.Millisecond)
	}
	lost := time.Now()
	select {
	case over := <-ended:
		if took := time.Since(lost); !over || took > (noLeaderFor+1)*electionTicks*etcdTickOfOne {
			t.Errorf("the watch ended (%t) %v after its member lost its leader", over, took)
		}
	case <-time.After(time.Minute):
		t.Fatal("the watch goes on for a minute without a leader")
	}
	if !x.follow(t.Context(), c) {
		t.Error("a watch began without a leader")
	}
}

// watchNames are the names of the ConfigMaps of namespace default that come into being.
func watchNames(t *testing.T, client kubernetes.Interface) <-chan string {
	t.Helper()
	list, err := client.CoreV1().ConfigMaps("default").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := client.CoreV1().ConfigMaps("default").Watch(t.Context(), metav1.ListOptions{ResourceVersion: list.ResourceVersion})
	if err != nil {
		t.Fatal(err)
	}
	names := make(chan string, 20)
	go func() {
		defer close(names)
		for e := range w.ResultChan() {
			// A write that a partition held up may come to pass when that ends.
			if cm, ok := e.Object.(*corev1.ConfigMap); ok && cm.Name != "kube-root-ca.crt" && cm.Name != "cut-off" {
				names <- cm.Name
			}
		}
	}()
	return names
}
