package cluster

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"demarc/sim/fault"
	"demarc/sim/timeline"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	clienttesting "k8s.io/client-go/testing"
)

// A client fills etcd at a rate, tells once that it is refused, and goes on with objects, for
// which there may be room again, but not with revisions.
func TestFilling(t *testing.T) {
	for with, want := range map[string]struct {
		objects int
		updates int32 // in a minute
	}{fault.WithObjects: {10, 10 + 11*2}, fault.WithRevisions: {1, 10 + 2}} {
		synctest.Test(t, func(t *testing.T) {
			client, log := fake.NewClientset(), timeline.New()
			if with == fault.WithRevisions { // so that no two of them create it
				if _, err := client.CoreV1().ConfigMaps("load").Create(t.Context(), fillerMap(0, fillSize, with), metav1.CreateOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			var updates atomic.Int32
			client.PrependReactor("update", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
				if updates.Add(1) > 10 {
					return true, nil, errors.New(rpctypes.ErrNoSpace.Error())
				}
				return false, nil, nil
			})
			f := filling{log: log, maps: client.CoreV1().ConfigMaps("load"), namespace: "load", with: with, perSecond: 2 * fillSize, told: map[bool]bool{}}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute-time.Millisecond)
			defer cancel()
			f.write(ctx, 7)
			// Ten writes take five seconds; then two are refused each five seconds.
			list, err := client.CoreV1().ConfigMaps("load").List(t.Context(), metav1.ListOptions{LabelSelector: "app=" + filler})
			if err != nil || len(list.Items) != want.objects || len(list.Items[0].Data["text"]) != fillSize {
				t.Errorf("%s: got %d ConfigMaps, %v", with, len(list.Items), err)
			}
			if got := updates.Load(); got != want.updates {
				t.Errorf("%s: got %d updates, want %d", with, got, want.updates)
			}
			events, _ := log.Since(0)
			if len(events) != 1 || events[0].Verb != "was refused" || events[0].Cause != 7 || !strings.HasPrefix(events[0].Subject, "configmap/load/"+filler) {
				t.Errorf("%s: told %+v", with, events)
			}
		})
	}
}

// While an API server is restarted a client is patient, and says so once.
func TestFillingGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, log, tries := fake.NewClientset(), timeline.New(), 0
		client.PrependReactor("update", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
			if tries++; tries < 3 {
				return true, nil, errors.New("connection refused")
			}
			return false, nil, nil
		})
		f := filling{log: log, maps: client.CoreV1().ConfigMaps("load"), with: fault.WithRevisions, perSecond: 1 << 10, told: map[bool]bool{}}
		ctx, cancel := context.WithTimeout(t.Context(), 15500*time.Millisecond)
		defer cancel()
		f.write(ctx, 0)
		if tries != 7 { // after 1 s, 6 s, 11 s, then each second
			t.Errorf("got %d writes", tries)
		}
		if events, _ := log.Since(0); len(events) != 1 || events[0].Message != "connection refused" {
			t.Errorf("told %+v", events)
		}
	})
}

// slowMaps take three seconds for each write.
type slowMaps struct{ typedcorev1.ConfigMapInterface }

func (slowMaps) Update(_ context.Context, m *corev1.ConfigMap, _ metav1.UpdateOptions) (*corev1.ConfigMap, error) {
	time.Sleep(3 * time.Second)
	return m, nil
}

// A client keeps its pace where each write takes longer than a second.
func TestFillingKeepsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := filling{log: timeline.New(), maps: slowMaps{}, with: fault.WithRevisions, perSecond: 1 << 10, told: map[bool]bool{}}
		ctx, cancel := context.WithTimeout(t.Context(), 30500*time.Millisecond)
		defer cancel()
		f.write(ctx, 0)
		if f.n != 29 { // those of the 30th second are not due yet: the last round began in the 29th
			t.Errorf("got %d writes in 30 seconds", f.n)
		}
	})
}

func TestAllowed(t *testing.T) {
	for _, c := range []struct {
		code       int
		body, want string
	}{
		{200, "{}", ""},
		{403, `{"message": "pods is forbidden"}`, "pods is forbidden"},
		{429, "too many", "429 Too Many Requests"},
	} {
		err := allowed(&http.Response{StatusCode: c.code, Status: "429 Too Many Requests", Body: io.NopCloser(strings.NewReader(c.body))}, nil)
		if (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
			t.Errorf("%d: got %v, want %q", c.code, err, c.want)
		}
	}
	if err := allowed(nil, io.ErrUnexpectedEOF); err != io.ErrUnexpectedEOF {
		t.Errorf("no answer: got %v", err)
	}
}
