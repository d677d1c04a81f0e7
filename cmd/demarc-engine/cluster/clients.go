package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"demarc/cmd/demarc-engine/cluster/faults"
	"demarc/sim/clock"
	"demarc/sim/fault"
	"demarc/sim/timeline"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
)

// customerClients are programs of the customer's that do more than they should. They are
// outside the cluster, and what they ask goes the way of every client's request.
type customerClients struct{ c *Cluster }

var _ faults.Clients = customerClients{}

const (
	// fillTime is how long it takes to write as much as etcd may have.
	fillTime = 30
	// fillRetry is how long a client that was refused waits before it writes on.
	fillRetry = 5 * time.Second
	// mostDue is how many are written at once at the most.
	mostDue = 8
	// fillSize is the size of a ConfigMap, which may have a MiB at the most.
	fillSize = 512 << 10
	// filler names the ConfigMaps, and is their label.
	filler = "filler"
)

// client is one of the customer's.
func (x customerClients) client() (kubernetes.Interface, error) {
	return kubernetes.NewForConfig(x.c.plane.Customer())
}

// Fill implements [faults.Clients].
func (x customerClients) Fill(ctx context.Context, namespace, with string) (write func(int64), err error) {
	client, err := x.client()
	if err != nil {
		return nil, err
	}
	if _, err := client.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{}); err != nil {
		return nil, err
	}
	f := filling{log: x.c.log, maps: client.CoreV1().ConfigMaps(namespace), namespace: namespace, with: with, perSecond: x.c.plane.EtcdQuota() / fillTime, told: map[bool]bool{}}
	return func(because int64) { f.write(ctx, because) }, nil
}

// filling is a client that writes ConfigMaps until etcd has no room for more.
type filling struct {
	log       *timeline.Log
	maps      typedcorev1.ConfigMapInterface
	namespace string
	with      string
	perSecond int64 // bytes

	n    int // of ConfigMaps or revisions that it has tried to write
	mu   sync.Mutex
	told map[bool]bool // that it was refused: for want of space, or for anything else
}

// write writes until ctx ends, or, with revisions, until it is refused for want of space. It
// keeps its pace however long one write takes: what is due is written at once.
func (f *filling) write(ctx context.Context, because int64) {
	size := min(f.perSecond, fillSize)
	began, written := time.Now(), 0
	for wait := time.Second; clock.Sleep(ctx, wait); {
		due := min(int(time.Since(began).Seconds()*float64(f.perSecond/size))-written, mostDue)
		err := f.writeSome(ctx, due, int(size), because)
		if ctx.Err() != nil {
			return
		}
		written += due
		if wait = time.Second; err == nil {
			continue
		}
		if f.with == fault.WithRevisions && noSpaceLeft(err) {
			return
		}
		// Etcd is full, or elects a leader, or an API server is restarted.
		wait = fillRetry
		began, written = time.Now().Add(fillRetry-time.Second), 0
	}
}

// writeSome writes some ConfigMaps or revisions side by side, and returns the first error: that
// there is no space, if one of them was refused for that.
func (f *filling) writeSome(ctx context.Context, some, size int, because int64) (first error) {
	var writes sync.WaitGroup
	for range some {
		f.n++
		m := fillerMap(f.n, size, f.with)
		writes.Go(func() {
			err := put(ctx, f.maps, m)
			f.mu.Lock()
			defer f.mu.Unlock()
			if err == nil || ctx.Err() != nil {
				return
			}
			f.refused(m.Name, err, because)
			if first == nil || noSpaceLeft(err) {
				first = err
			}
		})
	}
	writes.Wait()
	return first
}

// noSpaceLeft says whether a write was refused since etcd has raised its alarm.
func noSpaceLeft(err error) bool { return strings.Contains(err.Error(), rpctypes.ErrNoSpace.Error()) }

// refused tells of the first write that was refused for want of space, and of the first that
// was for anything else. The lock is held.
func (f *filling) refused(name string, err error, because int64) {
	if f.told[noSpaceLeft(err)] {
		return
	}
	f.told[noSpaceLeft(err)] = true
	f.log.Append(timeline.Event{
		Actor: timeline.Customer, Verb: "was refused", Subject: "configmap/" + f.namespace + "/" + name, Cause: because, Message: err.Error(),
	})
}

// fillerMap is the n-th ConfigMap of a client that fills etcd with objects, or the n-th
// revision of its only one.
func fillerMap(n, size int, with string) *corev1.ConfigMap {
	m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: filler, Labels: map[string]string{"app": filler}}}
	if with == fault.WithObjects {
		m.Name = fmt.Sprintf("%s-%05d", filler, n)
	}
	line := fmt.Sprintf("%063d\n", n)
	m.Data = map[string]string{"text": strings.Repeat(line, size/len(line))}
	return m
}

// put creates a ConfigMap, or changes the one that is there.
func put(ctx context.Context, maps typedcorev1.ConfigMapInterface, m *corev1.ConfigMap) error {
	_, err := maps.Update(ctx, m, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		_, err = maps.Create(ctx, m, metav1.CreateOptions{})
	}
	if apierrors.IsAlreadyExists(err) { // another write of that second was first
		_, err = maps.Update(ctx, m, metav1.UpdateOptions{})
	}
	return err
}

// Empty implements [faults.Clients].
func (x customerClients) Empty(ctx context.Context, namespace string) error {
	client, err := x.client()
	if err != nil {
		return err
	}
	return client.CoreV1().ConfigMaps(namespace).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "app=" + filler})
}

// Flood implements [faults.Clients].
func (x customerClients) Flood(ctx context.Context, namespace, account string, rate int, takes time.Duration) (ask, end func(), err error) {
	client, err := x.client()
	if err != nil {
		return nil, nil, err
	}
	token, err := client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, account, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		return nil, nil, err
	}
	cfg := x.c.plane.Customer()
	ctx, end = context.WithCancel(ctx)
	list := func() (*http.Response, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, cfg.Host+"/api/v1/pods", http.NoBody)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Authorization", "Bearer "+token.Status.Token)
		r.Header.Set("User-Agent", "flood")
		return cfg.Transport.RoundTrip(r)
	}
	if err := allowed(list()); err != nil {
		end()
		return nil, nil, err
	}
	user := "system:serviceaccount:" + namespace + ":" + account
	return func() {
		x.c.plane.Burden(user, takes)
		defer x.c.plane.Burden(user, 0)
		var requests sync.WaitGroup
		defer requests.Wait()
		for clock.Sleep(ctx, clock.UntilTick(time.Now(), time.Second)) {
			for range rate {
				requests.Go(func() {
					if resp, err := list(); err == nil {
						resp.Body.Close()
					}
				})
			}
		}
	}, end, nil
}

// allowed says why a request was answered with an error, in the API server's words.
func allowed(resp *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode < http.StatusBadRequest {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return err
	}
	var status metav1.Status
	if err := json.Unmarshal(body, &status); err != nil || status.Message == "" {
		return errors.New(resp.Status)
	}
	return errors.New(status.Message)
}
