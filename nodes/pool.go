package nodes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"demarc/nodes/host"
	"demarc/nodes/timers"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// createTime is what passes between the request for another VM and its first
// boot. Azure publishes no time; a VM from a fresh disk is here what one is that
// is reimaged.
const createTime = reimageTime

// Images are the versions of the node images that there are by now and that have a kubelet
// version's minor, newest first.
func Images(kubeletVersion string) []string {
	return api.NodeImages(strings.TrimPrefix(kubeletVersion, "v"), time.Now())
}

// pool is a node pool, with a scale set of its own.
type pool struct {
	name  string
	shape api.PoolShape
	next  int // instance number
}

// nodePools is what the managed service asks the cloud for.
type nodePools struct {
	*scaleSet
	asked map[string]answered // for machines to come and go, by the requests' keys
}

// pool is the pool of that name, or nil. The lock is held.
func (f *scaleSet) pool(name string) *pool {
	if i := slices.IndexFunc(f.pools, func(p *pool) bool { return p.name == name }); i >= 0 {
		return f.pools[i]
	}
	return nil
}

// sort puts machines in the order of their pools, and of their indices in each.
func (f *scaleSet) sort(machines []*machine) {
	place := map[string]int{}
	for i, p := range f.pools {
		place[p.name] = i
	}
	slices.SortFunc(machines, func(a, b *machine) int {
		return cmp.Or(place[a.Pool]-place[b.Pool], a.Index-b.Index)
	})
}

// SetPool makes a scale set for a pool, or gives the one that it has another shape, which
// counts for nodes from now on.
func (f *nodePools) SetPool(name string, shape api.PoolShape) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.pool(name)
	if p == nil {
		p = &pool{name: name}
		f.pools = append(f.pools, p)
	}
	p.shape = shape
	for _, m := range inPool(f.machines(), name) {
		m.Shape = shape
	}
}

// DeletePool deletes the scale set of a pool that has no machines any more.
func (f *nodePools) DeletePool(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if left := inPool(f.machines(), name); len(left) > 0 {
		return api.Coded("OperationNotAllowed", "the scale set of node pool %s still has %d VMs", name, len(left))
	}
	f.pools = slices.DeleteFunc(slices.Clone(f.pools), func(p *pool) bool { return p.name == name })
	f.watcher.Mended(poolSubject(name), time.Now())
	return nil
}

// PoolNodes are the names of a pool's nodes, without those whose machines were deleted.
func (f *nodePools) PoolNodes(pool string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return names(living(inPool(f.machines(), pool)))
}

// imageOf is the image of a version with a kubelet. The lock is held, or the
// fleet is being made.
func (f *archives) imageOf(version, kubelet string) *host.Image {
	if version == "" {
		version = Images(kubelet)[0]
	}
	key := [2]string{version, kubelet}
	if f.images[key] == nil {
		f.images[key] = host.NewImage(version, kubelet)
	}
	return f.images[key]
}

// poolImage is the image of a machine that is added with a kubelet. That of an
// upgrade is the newest; else it is the newest that the pool's machines have: AKS
// scales a pool on its own image.
func (f *nodePools) poolImage(pool, kubelet string, surge bool) *host.Image {
	var newest *host.Image
	for _, m := range inPool(f.machines(), pool) {
		if i := m.OS.Image(); i.KubeletVersion() == kubelet && (newest == nil || i.Version > newest.Version) {
			newest = i
		}
	}
	if surge || newest == nil {
		return f.imageOf("", kubelet)
	}
	return newest
}

// Add asks the cloud for another VM of a pool, whose kubelet has a version such
// as v1.37.2, and returns the name of the node that it will be. It boots in two
// minutes. surge says that it is there for an upgrade: it has the newest node
// image. The key names the request: asked again, it does nothing and gives the
// same answer. Cause is the event that it is done for; 0 is none. The error
// has an error code of AKS; with a name, the VM was made and cannot become a
// node.
func (f *nodePools) Add(key, pool, version string, surge bool, cause int64) (name string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a, known := f.asked[key]; known {
		return a.Name, a.err()
	}
	p := f.pool(pool)
	if p == nil {
		return "", api.Coded("ResourceNotFound", "node pool %s has no scale set", pool)
	}
	if have := len(living(inPool(f.machines(), pool))); have >= MaxNodes {
		return "", api.Coded("InvalidParameter", "node pool %s has %d nodes, which is the most", pool, have)
	}
	if err := f.room(p.shape); err != nil {
		return "", err
	}
	if p.next, err = f.nextOf(p); err != nil {
		return "", err
	}
	now := time.Now()
	m := newMachine(f.scaleSet, p, p.next, f.present.Load().slot(p.next), f.poolImage(pool, version, surge))
	if err := f.attach(m, savedMachine{}); err != nil {
		return "", err // there was room
	}
	m.surge = surge
	p.next++
	f.join(m)
	what := "another VM"
	if surge {
		what = "a VM for the surge of an upgrade"
	}
	m.ActsOn(now, timeline.Provider, "created", "node/"+m.Name,
		fmt.Sprintf("the provider asked the cloud for %s, with image %s and kubelet %s", what, m.OS.Image().Version, version), cause)
	m.kubelet.NotBooted()
	m.OS.PowerLost(now)
	m.BootAt = timers.Tick(now.Add(createTime + bootTime))
	f.timers.Wake(m)
	a := answered{Name: m.Name}
	a.isolated(f.subnet.egress(m.OS))
	f.asked[key] = a
	return a.Name, a.err()
}

// lingerTime is how long a machine that is no longer the pool's runs on: no load
// balancer sends it new connections, and those that it has can end. Azure
// publishes no time for the deletion of a VM.
const lingerTime = 10 * time.Second

// Remove has the cloud delete a node's VM, which is no outage, and the pool
// forget it at once; what runs on it has ten seconds more. Its Node object is left to the caller, or to the cloud node
// lifecycle controller, which finds that there is no such VM. A VM that somebody
// deleted outside of AKS is only forgotten; when no such is left, the pool has
// the VMs that it should. The key names the request, as in [Fleet.Add].
func (f *nodePools) Remove(key, name string, cause int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, done := f.asked[key]; done {
		return nil
	}
	m := f.named(name)
	if m == nil || !m.leaves.IsZero() {
		return api.Coded("ResourceNotFound", "the scale set has no VM %s", name)
	}
	now := time.Now()
	known := m.deleted()
	if !known {
		m.ActsOn(now, timeline.Provider, "deleted", "node/"+m.Name, "the provider asked the cloud to delete the VM", cause)
		m.endOutages(now)
		m.Unschedule()
		if m.Up() {
			m.leaves, m.Closed = timers.Tick(now.Add(lingerTime)), true
			f.timers.Wake(m)
		} else {
			m.remove(now)
		}
	}
	f.part(m, !m.leaves.IsZero())
	f.routes.Forget(name)
	if known && len(f.missing(m.Pool)) == 0 {
		f.watcher.Mended(poolSubject(m.Pool), now)
	}
	f.asked[key] = answered{Name: name}
	return nil
}

// Missing are the names of a pool's nodes whose VMs somebody deleted outside of AKS,
// and that the pool has not forgotten ([Fleet.Remove]).
func (f *nodePools) Missing(pool string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return names(f.missing(pool))
}

// Upgrade has the cloud reimage a node's VM with another kubelet and node image;
// an empty image is the newest for that kubelet. That is no outage: the machine
// is back in reimageTime and a boot. Its Node then says so in its nodeInfo and
// its label. lost is what is gone with the old disk, such as what the customer has
// changed. The key and the error are as in [Fleet.Act].
func (f *nodePools) Upgrade(key, name, kubeletVersion, image string, cause int64) (lost []string, err error) {
	m, err := f.find(name)
	if err != nil {
		return nil, api.Coded("ResourceNotFound", "%v", err)
	}
	return f.once(m, key, func() (a answered, err error) {
		if m.Stopped != "" {
			return a, api.Coded("InvalidParameter", "the VM %s is %s", m.Name, m.Stopped)
		}
		if err := m.allocated(); err != nil {
			return a, err
		}
		if fit := Images(kubeletVersion); image != "" && !slices.Contains(fit, image) {
			return a, api.Coded("InvalidParameter", "node image %s has no kubelet %s; those that have are %s", image, kubeletVersion, strings.Join(fit, ", "))
		}
		return m.upgrade(time.Now(), f.imageOf(image, kubeletVersion), cause), nil
	})
}

func (m *machine) upgrade(now time.Time, image *host.Image, cause int64) (a answered) {
	m.ActsOn(now, timeline.Provider, "upgraded", "node/"+m.Name,
		fmt.Sprintf("the provider asked the cloud to reimage the machine with image %s and kubelet %s", image.Version, image.KubeletVersion()), cause)
	m.halt(now)
	a.Lost = m.reimage(now, image)
	m.boot(now, reimageTime)
	a.isolated(m.f.subnet.egress(m.OS))
	return a
}

// once answers a request about a machine, which it carries out when it is first asked.
func (f *nodePools) once(m *machine, key string, do func() (answered, error)) (lost []string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a, known := m.acted[key]
	if !known {
		if a, err = do(); err != nil {
			return nil, err
		}
		if m.acted == nil {
			m.acted = map[string]answered{}
		}
		m.acted[key] = a
	}
	return a.Lost, a.err()
}
