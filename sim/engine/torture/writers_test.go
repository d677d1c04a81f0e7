package torture

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// writers is how many write at once.
const writersCount = 8

// label marks what the bench has written.
const label = "demarc-torture"

// ack is a write that the API server has acknowledged.
type ack struct {
	value   string
	version int64     // the object's, which is etcd's revision of the write
	at      time.Time // virtual, to the second; zero if the answer does not tell
}

// ledger is all that was acknowledged in one cluster.
type ledger struct {
	mu    sync.Mutex
	next  int
	acked map[string]ack // by kind/name
	count int            // acknowledged since it was last asked
}

func newLedger() *ledger { return &ledger{acked: map[string]ack{}} }

// add enters an acknowledged write.
func (l *ledger) add(key string, a ack) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked[key] = a
	l.count++
}

// goodMany is how many writes are acknowledged before a blow, and patience how long
// they may take.
const (
	goodMany = 100
	patience = 3 * time.Second
)

// await waits until so many writes were acknowledged since it was last asked, or for
// as long as that may take.
func (l *ledger) await(ctx context.Context, n int) {
	for began := time.Now(); time.Since(began) < patience && ctx.Err() == nil; sleep(ctx, 5*time.Millisecond) {
		l.mu.Lock()
		enough := l.count >= n
		l.mu.Unlock()
		if enough {
			return
		}
	}
}

// take is how many writes were acknowledged since it was last asked.
func (l *ledger) take() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.count
	l.count = 0
	return n
}

// number is the next number of a write: none is used twice.
func (l *ledger) number() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	return l.next
}

// kube is a client with the customer's credentials.
func kube(kubeconfig string) (kubernetes.Interface, error) {
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	cfg.QPS, cfg.Timeout = -1, 10*time.Second
	return kubernetes.NewForConfig(cfg)
}

// write writes from several goroutines until ctx ends. Every other write makes a
// new ConfigMap, the others raise the number in the writer's own Secret.
func (l *ledger) write(ctx context.Context, kubeconfig string) {
	var all sync.WaitGroup
	for n := range writersCount {
		all.Go(func() {
			for ctx.Err() == nil {
				client, err := kube(kubeconfig)
				if err == nil {
					err = l.writeAll(ctx, client, n)
				}
				if err != nil {
					sleep(ctx, 20*time.Millisecond)
				}
			}
		})
	}
	all.Wait()
}

// writeAll writes until something fails.
func (l *ledger) writeAll(ctx context.Context, client kubernetes.Interface, writer int) error {
	for ctx.Err() == nil {
		i := l.number()
		m, err := client.CoreV1().ConfigMaps("default").Create(ctx, &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%d", label, i), Labels: map[string]string{label: "yes"}},
			Data:       map[string]string{"n": strconv.Itoa(i)},
		}, metav1.CreateOptions{})
		if err != nil {
			return err
		}
		l.add("ConfigMap/"+m.Name, ack{value: m.Data["n"], version: version(m.ResourceVersion), at: m.CreationTimestamp.Time})
		if err := l.raise(ctx, client, writer); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// raise raises the number in a writer's Secret.
func (l *ledger) raise(ctx context.Context, client kubernetes.Interface, writer int) error {
	secrets := client.CoreV1().Secrets("default")
	s := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%d", label, writer), Labels: map[string]string{label: "yes"}},
		StringData: map[string]string{"n": strconv.Itoa(l.number())},
	}
	value := s.StringData["n"]
	done, err := secrets.Update(ctx, s, metav1.UpdateOptions{})
	if err != nil {
		if done, err = secrets.Create(ctx, s, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	l.add("Secret/"+s.Name, ack{value: value, version: version(done.ResourceVersion)})
	return nil
}

func version(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64) // etcd's revisions are numbers
	return n
}

// stored is what the cluster has of the bench's writes.
func stored(ctx context.Context, client kubernetes.Interface) (map[string]string, error) {
	have := map[string]string{}
	options := metav1.ListOptions{LabelSelector: label}
	maps, err := client.CoreV1().ConfigMaps("default").List(ctx, options)
	if err != nil {
		return nil, err
	}
	for _, m := range maps.Items {
		have["ConfigMap/"+m.Name] = m.Data["n"]
	}
	secrets, err := client.CoreV1().Secrets("default").List(ctx, options)
	if err != nil {
		return nil, err
	}
	for _, s := range secrets.Items {
		have["Secret/"+s.Name] = string(s.Data["n"])
	}
	return have, nil
}

// missing is what was acknowledged and is not there, and forgets it. A Secret may
// have a later number than the last that was acknowledged.
func (l *ledger) missing(have map[string]string) map[string]ack {
	l.mu.Lock()
	defer l.mu.Unlock()
	lost := map[string]ack{}
	for _, key := range slices.Sorted(maps.Keys(l.acked)) {
		a := l.acked[key]
		now, ok := have[key]
		if ok && (now == a.value || key[:6] == "Secret" && version(now) > version(a.value)) {
			continue
		}
		lost[key] = a
		delete(l.acked, key)
	}
	return lost
}
