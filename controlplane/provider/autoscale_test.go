package provider

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/strictjson"
)

// autoscaled is a pool that the cluster autoscaler scales.
func autoscaled(p Pool) (Pool, error) {
	p.Autoscaling = api.Autoscaling{EnableAutoScaling: true, MinCount: 1, MaxCount: 5}
	return p, nil
}

// count is how many nodes the log says that the pool has.
func (w *nodeWorld) count() int { return w.replicas.State().Cluster.Pools[0].Count }

func TestScalerChangesPools(t *testing.T) {
	pools, got := newFakePools("a", "b"), atomic.Pointer[Scaler]{}
	pools.scale = func(ctx context.Context, s *Scaler) {
		got.Store(s)
		<-ctx.Done()
	}
	operatePools(t, pools, func(w *nodeWorld) {
		s, ctx := got.Load(), w.t.Context()
		if list, busy := s.Pools(); len(list) != 0 || busy != nil {
			t.Errorf("without the autoscaler: %+v, %v", list, busy)
		}
		if err := s.Grow(ctx, "p", 1, 1); !api.HasCode(err, "NotFound") {
			t.Errorf("of a pool without it: %v", err)
		}
		if _, err := w.UpdatePool(ctx, w.replicas, "p", autoscaled); err != nil {
			t.Fatal(err)
		}
		if err := s.Grow(ctx, "p", 1, 1); !api.HasCode(err, "OperationNotAllowed") {
			t.Errorf("during an operation: %v", err)
		}
		w.until(time.Minute)
		select {
		case <-s.Changed():
		default:
			t.Error("the end of the operation wakes nobody")
		}
		if list, busy := s.Pools(); len(list) != 1 || busy != nil || list[0].MaxCount != 5 || list[0].KubernetesVersion != "1.36.3" {
			t.Errorf("with it: %+v, %v", list, busy)
		}
		if err := s.Grow(ctx, "p", 2, 3); err != nil || len(pools.VMs("p")) != 4 || w.count() != 4 {
			t.Errorf("it grew: %v, VMs %q, count %d", err, pools.VMs("p"), w.count())
		}
		if e := w.noted("scaled"); len(e) != 1 || !strings.Contains(e[0].Message, "from 2 to 4 nodes (max: 5), for 3 pods") {
			t.Errorf("told %+v", e)
		}
		if err := s.Shrink(ctx, "p", "b"); err != nil || w.count() != 3 {
			t.Errorf("it shrank: %v, count %d", err, w.count())
		}
		if _, err := w.ScalePool(ctx, w.replicas, "p", 2); !api.HasCode(err, "OperationNotAllowed") || !strings.Contains(err.Error(), "Cannot scale cluster autoscaler enabled node pool.") {
			t.Errorf("by hand: %v", err)
		}
		pools.mu.Lock()
		pools.refusal = api.Coded("OperationNotAllowed", "quota")
		pools.mu.Unlock()
		if err := s.Grow(ctx, "p", 1, 1); err == nil || !strings.Contains(err.Error(), "quota") || w.count() != 3 {
			t.Errorf("the cloud refuses: %v, count %d", err, w.count())
		}
	})
}

func TestPoolIsAddedWithinItsBounds(t *testing.T) {
	operatePools(t, newFakePools("a"), func(w *nodeWorld) {
		p, _ := autoscaled(shaped("q", api.ModeUser, 6))
		if _, err := w.AddPool(w.t.Context(), w.replicas, p); err == nil || !strings.Contains(err.Error(), "node-count is not in the range of min-count and max-count") {
			t.Errorf("got %v", err)
		}
	})
}

// What an earlier version has written has no autoscaler, and without one nothing new is
// written.
func TestAutoscalingIsKept(t *testing.T) {
	for _, p := range []Pool{{Name: "p", Count: 3}, {Name: "p", Count: 3, Autoscaling: api.Autoscaling{EnableAutoScaling: true, MaxCount: 5}}} {
		data, err := encodeJSON(p)
		if err != nil {
			t.Fatal(err)
		}
		var back Pool
		if err := strictjson.Decode(data, &back); err != nil || back.Autoscaling != p.Autoscaling || !p.EnableAutoScaling && strings.Contains(string(data), "uto") {
			t.Errorf("%s: %+v, %v", data, back, err)
		}
	}
}
