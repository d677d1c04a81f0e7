package incident

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// TestHealthSumsUp asks three etcd members, one of which is sick, an API server that is
// down, and a scheduler.
func TestHealthSumsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := newTestLedger()
		l.Broke("etcd/0", timeline.Event{}, time.Now().Add(-time.Hour))
		var asked atomic.Int32
		well := func(context.Context) error { asked.Add(1); return nil }
		component := func(name, state string, check func(context.Context) error) Component {
			return Component{api.Component{Name: name, State: state, Starts: 1}, check}
		}
		h := &Health{Ledger: l, Context: t.Context(), Quorum: well, Components: func() []Component {
			return []Component{
				component("etcd/0", running, well), component("etcd/1", running, func(context.Context) error { return errors.New("sick") }),
				component("kube-apiserver/0", "crashed", nil), component("kube-scheduler", running, well),
			}
		}}
		want := []struct {
			name    string
			healthy bool
			starts  int
		}{{"etcd", true, 2}, {"kube-apiserver", false, 1}, {"etcd/0", true, 1}, {"etcd/1", false, 1}, {"kube-apiserver/0", false, 1}, {"kube-scheduler", true, 1}}
		got := h.Now()
		if len(got) != len(want) {
			t.Fatalf("got %+v", got)
		}
		for i, w := range want {
			if x := got[i]; x.Name != w.name || x.Healthy != w.healthy || x.Starts != w.starts {
				t.Errorf("got %+v, want %+v", x, w)
			}
		}
		if got[3].Message != "sick" {
			t.Errorf("the sick one says %q", got[3].Message)
		}
		if i, open := l.Open("etcd/0"); open {
			t.Errorf("its outage goes on: %+v", i)
		}

		if n := asked.Load(); n < 3 {
			t.Errorf("%d checks", n)
		}
	})
}

// TestHealthIsAskedOnce: a component that does not answer in time is unwell, though it
// would answer the next time. Only an election is waited for.
func TestHealthIsAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := newTestLedger()
		for _, quorum := range []func(context.Context) error{nil, func(context.Context) error { return nil }} {
			asked := 0
			h := &Health{Ledger: l, Context: t.Context(), Quorum: quorum, Components: func() []Component {
				return []Component{{api.Component{Name: "etcd", State: running}, func(ctx context.Context) error {
					if asked++; asked == 1 {
						<-ctx.Done()
					}
					return ctx.Err()
				}}}
			}}
			if got, members := h.Now()[0], quorum != nil; got.Healthy != members {
				t.Errorf("asked %d times, with a quorum to wait for: %t: %+v", asked, members, got)
			}
		}
	})
}
