package provider

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/timeline"
)

// newImage is the newest node image in a fakePools.
const newImage = "image-2"

// fakePools is the nodes of a test with a control plane whose version changes.
type fakePools struct {
	*fakeNodes
	turn    chan struct{} // of upgrades of the control plane: one at a time
	version string        // of the control plane
	budgets []Budget
	done    map[string]string // what requests gave, by key
	missing []string
	refusal error // of VMs
	scale   func(context.Context, *Scaler)
	preempt map[string]int64
}

func newFakePools(names ...string) *fakePools {
	f := &fakePools{fakeNodes: newFakeNodes(names...), version: "1.36.3", done: map[string]string{}}
	for _, n := range f.nodes {
		n.Version, n.Image = "1.36.3", "image-1"
	}
	return f
}

func (f *fakePools) Upgrade(ctx context.Context, version string, began func(string)) error {
	f.turn <- struct{}{}
	defer func() { <-f.turn }()
	for _, c := range []string{"kube-apiserver/0", "kube-scheduler"} {
		f.hook("upgrade " + c)
		f.mu.Lock()
		has := f.version == version
		f.mu.Unlock()
		if has {
			return nil
		}
		began(c)
		time.Sleep(10 * time.Second)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.version = version
	f.did("control plane %s", version)
	return ctx.Err()
}

func (f *fakePools) LatestImage(string) string { return newImage }

func (f *fakePools) AddVM(_ context.Context, key, pool, version string, surge bool, _ int64) (string, error) {
	defer f.hook("added")
	f.mu.Lock()
	defer f.mu.Unlock()
	if name, ok := f.done[key]; ok {
		return name, nil
	}
	if f.refusal != nil {
		return "", f.refusal
	}
	name := "surge" + string(rune('0'+len(f.done)))
	f.done[key] = name
	f.nodes[name] = &fakeNode{
		Node: Node{Name: name, Pool: pool, EverReady: true, Version: strings.TrimPrefix(version, "v"), Image: newImage, Surge: surge}, back: time.Now().Add(2 * time.Minute),
	}
	f.did("add %s", name)
	return name, nil
}

func (f *fakePools) RemoveVM(_ context.Context, key, node string, _ int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.done[key]; !ok {
		f.done[key] = node
		delete(f.nodes, node)
		f.did("remove %s", node)
	}
	return nil
}

func (f *fakePools) Evacuating() map[string]int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.preempt)
}

func (f *fakePools) Remediate(_ context.Context, node string, on bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nodes[node].Remediated, f.nodes[node].Unschedulable = on, on
	f.did("remediate %s %t", node, on)
	return f.api
}

func (f *fakePools) MissingVMs(string) []string { return f.missing }

func (f *fakePools) VMs(pool string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(f.nodes)), func(name string) bool { return cmp.Or(f.nodes[name].Pool, "p") != pool })
}

func (f *fakePools) SetPool(_ context.Context, pool string, shape api.PoolShape) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.did("set pool %s %s", pool, shape.Mode)
	return nil
}

func (f *fakePools) DeletePool(_ context.Context, pool string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.did("delete pool %s", pool)
	return nil
}

func (f *fakePools) Shape(_ context.Context, node string, _, after api.PoolShape) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.did("shape %s %v", node, after.Taints)
	return f.api
}

func (f *fakePools) UpgradeVM(_ context.Context, key, node, version, image string, cause int64) ([]string, error) {
	f.hook("reimage")
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.done[key]; ok {
		return []string{"emptyDir"}, nil
	}
	n := f.nodes[node]
	if n == nil {
		return nil, api.Coded("ResourceNotFound", "no such machine")
	}
	f.done[key] = node
	n.Ready, n.back, n.Version, n.Image = false, time.Now().Add(3*time.Minute), strings.TrimPrefix(version, "v"), image
	f.causes = append(f.causes, cause)
	f.did("reimage %s %s %s", node, n.Version, image)
	return []string{"emptyDir"}, nil
}

func (f *fakePools) Mark(_ context.Context, node string, upgrading bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.nodes[node] == nil {
		return errors.New("not found")
	}
	f.nodes[node].Upgrading = upgrading
	return f.api
}

func (f *fakePools) Budgets(context.Context) ([]Budget, error) { return f.budgets, nil }

// operatePools runs an operator on a cluster with one pool, p, of the nodes.
func operatePools(t *testing.T, f *fakePools, test func(w *nodeWorld)) {
	log := timeline.New()
	p := &fakeControlPlane{members: []Member{{Name: "etcd"}}, pools: f}
	operateWith(t, OperatorConfig{Name: "c", ControlPlane: p, Nodes: f, Cloud: f, Autoscale: f.scale, Note: log.Append}, func(t *testing.T, o *Operator, l *fakeLedger, r *Replicas) {
		f.turn = make(chan struct{}, 1) // of this bubble
		w := &nodeWorld{fakeNodes: f.fakeNodes, Operator: o, t: t, ledger: l, replicas: r, timeline: log}
		within(t, time.Minute, "a leader", func() bool { _, ok := r.Leader(); return ok })
		if err := r.Apply(t.Context(), SetCluster(Cluster{
			KubernetesVersion: "1.36.3", Pools: []Pool{{Name: "p", Count: len(f.nodes), KubernetesVersion: "1.36.3", NodeImage: "image-1"}},
		})); err != nil {
			t.Fatal(err)
		}
		time.Sleep(clock.UntilTick(time.Now(), time.Minute))
		synctest.Wait()
		f.mu.Lock()
		f.began = time.Now()
		f.mu.Unlock()
		test(w)
	})
}

// upgrade asks for an upgrade that is not refused.
func (w *nodeWorld) upgrade(req api.UpgradeRequest) api.Operation {
	w.t.Helper()
	op, err := w.Upgrade(w.t.Context(), w.replicas, req)
	if err != nil {
		w.t.Fatal(err)
	}
	return op
}

// last is the newest operation.
func (w *nodeWorld) last() api.Operation {
	w.t.Helper()
	list := w.Operations(w.replicas)
	if len(list) == 0 {
		w.t.Fatal("no operations")
	}
	return list[len(list)-1]
}
