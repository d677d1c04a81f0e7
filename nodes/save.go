package nodes

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"demarc/nodes/coredns"
	"demarc/nodes/host"
	"demarc/nodes/vm"
	"demarc/sim/api"
)

// savedVersion is the version of the saved form.
const savedVersion = 4

// Version 3 had one pool. Version 2 had as many machines as the fleet was made with,
// all of one image.
const (
	onePoolVersion  = 3
	poollessVersion = 2
	poollessImage   = "AKSUbuntu-2204gen2containerd-202605.14.0"
)

// saved is what a fleet keeps between two runs of its program: which machines
// there are, and how those are that are not as new ones are. Containers are in
// the API's pod statuses.
type saved struct {
	Version int `json:"version"`
	// Pools are the pools in their order, and Pool their machines.
	Pools []savedPool `json:"pools,omitempty"`
	// Next is the number of the next instance in version 3.
	Next     int                     `json:"next,omitempty"`
	Pool     []savedKind             `json:"pool,omitempty"`
	Asked    map[string]answered     `json:"asked,omitempty"`
	Machines map[string]savedMachine `json:"machines,omitempty"`
	NSG      json.RawMessage         `json:"nsg,omitempty"`
	Disks    json.RawMessage         `json:"disks,omitempty"`
	Shares   json.RawMessage         `json:"shares,omitempty"`
	Balance  json.RawMessage         `json:"loadBalancers,omitempty"`
	Routes   json.RawMessage         `json:"routes,omitempty"`
	Repairs  []api.Repair            `json:"repairs,omitempty"`
	// Corefiles are what servers of names run with, where that is not what is mounted.
	Corefiles map[string]coredns.Files `json:"corefiles,omitempty"`
	// Patches are those of the archives, Stocked the days of the calendar that are
	// in them, and NSGRoot the event by which the security group changed last.
	Patches []host.Patch `json:"patches,omitempty"`
	Stocked int          `json:"stocked,omitempty"`
	NSGRoot int64        `json:"nsgRoot,omitempty"`
	// LostZones are the events by which zones have no power.
	LostZones map[string]int64 `json:"lostZones,omitempty"`
}

// savedPool is a pool without its machines.
type savedPool struct {
	Name  string        `json:"name"`
	Shape api.PoolShape `json:"shape"`
	// Next is the number of the next instance.
	Next int `json:"next"`
}

// savedKind is the machines of one pool, image and kubelet.
type savedKind struct {
	Of        string `json:"of,omitempty"` // the pool; empty is the first one of all
	Image     string `json:"image"`
	Kubelet   string `json:"kubelet"`
	Instances string `json:"instances"` // their numbers, such as 0-2,5
}

type savedMachine struct {
	// Slot is the place in the networks, if the instance's number does not say it.
	Slot *int `json:"slot,omitempty"`
	// Address and PodIPs are the numbers of addresses in the subnets, if the place does not
	// say them.
	Address string `json:"address,omitempty"`
	PodIPs  string `json:"podIPs,omitempty"`
	Surge   bool   `json:"surge,omitempty"`
	Off     bool   `json:"off,omitempty"`
	Booting bool   `json:"booting,omitempty"`
	Cut     bool   `json:"cut,omitempty"`
	Dark    bool   `json:"dark,omitempty"`
	Parked  bool   `json:"parked,omitempty"`
	Stopped string `json:"stopped,omitempty"`
	Problem string `json:"problem,omitempty"`
	Boots   int    `json:"boots,omitempty"`
	// EventType is the scheduled event that comes at EventAt, Preempt if it is empty, and
	// Notice the event that announces it.
	EventType string    `json:"eventType,omitempty"`
	EventAt   time.Time `json:"preemptAt,omitzero"`
	Notice    int64     `json:"notice,omitempty"`
	// Root and Edited are events of the timeline.
	Root   int64               `json:"root,omitempty"`
	Edited int64               `json:"meddled,omitempty"`
	Flaws  map[string]int64    `json:"flaws,omitempty"`
	Size   string              `json:"size,omitempty"`
	Tags   map[string]string   `json:"tags,omitempty"`
	Acted  map[string]answered `json:"acted,omitempty"`
	OS     json.RawMessage     `json:"os,omitempty"`
}

// Save returns the state of the machines, for [Config].State.
func (f *Fleet) Save() ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := saved{Version: savedVersion, Pools: f.savedPools(), Pool: f.kinds(), Asked: f.asked, Machines: map[string]savedMachine{}, Repairs: f.repairs.List}
	s.Patches, s.Stocked, s.NSGRoot = f.archive.Patches(), f.stocked, f.subnet.root.Seq
	var err error
	if s.NSG, err = f.subnet.nsg.Save(); err != nil {
		return nil, fmt.Errorf("save the network security group: %w", err)
	}
	if s.Disks, err = f.disks.Save(); err != nil {
		return nil, fmt.Errorf("save the managed disks: %w", err)
	}
	if s.Shares, err = f.shares.Save(); err != nil {
		return nil, fmt.Errorf("save the file shares: %w", err)
	}
	if s.Balance, err = f.balancers.Save(); err != nil {
		return nil, fmt.Errorf("save the load balancers: %w", err)
	}
	if s.Routes, err = f.routes.Save(); err != nil {
		return nil, fmt.Errorf("save the routes: %w", err)
	}
	s.Corefiles = f.kubelets.Corefiles()
	for zone, lost := range f.lostZones {
		if s.LostZones == nil {
			s.LostZones = map[string]int64{}
		}
		s.LostZones[zone] = lost.Seq
	}
	for _, m := range f.machines() {
		state := savedMachine{
			Off: !m.On, Booting: m.Booting(), Cut: m.Cut, Dark: m.Dark, Parked: m.parked, Stopped: m.Stopped, Problem: m.Problem, Boots: m.Boots,
			Root: m.Root.Seq, Edited: m.Edited.Seq, Tags: m.Tags, Acted: m.acted, Surge: m.surge, Flaws: m.Flaws,
			EventType: m.EventType, EventAt: m.EventAt, Notice: m.Notice.Seq,
		}
		if slot := m.Slot(); slot != m.Index%slots {
			state.Slot = &slot
		}
		state.Address, state.PodIPs = f.addresses.text(m)
		if m.Size != m.Shape.Size {
			state.Size = m.Size
		}
		if state.OS, err = m.OS.Save(); err != nil {
			return nil, fmt.Errorf("save the system of machine %s: %w", m.Name, err)
		}
		if !reflect.DeepEqual(state, savedMachine{Boots: 1}) {
			s.Machines[m.Name] = state
		}
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("save machines: %w", err)
	}
	return b, nil
}

func (f *Fleet) savedPools() (out []savedPool) {
	for _, p := range f.pools {
		out = append(out, savedPool{p.name, p.shape, p.next})
	}
	return out
}

// kinds are the machines by pool, image and kubelet, each kind where its first machine is.
func (f *Fleet) kinds() (out []savedKind) {
	type kind struct {
		pool  string
		image *host.Image
	}
	at := map[kind]int{}
	var instances [][]int
	for _, m := range f.machines() {
		image := m.OS.Image()
		i, known := at[kind{m.Pool, image}]
		if !known {
			i = len(out)
			at[kind{m.Pool, image}] = i
			of := m.Pool
			if of == api.DefaultPool {
				of = ""
			}
			out = append(out, savedKind{Of: of, Image: image.Version, Kubelet: image.KubeletVersion()})
			instances = append(instances, nil)
		}
		instances[i] = append(instances[i], m.Index)
	}
	for i := range out {
		out[i].Instances = ranges(instances[i])
	}
	return out
}

// restore makes the machines: new ones, or those that Save returned. One that
// was booting boots anew.
func (f *Fleet) restore(state []byte) error {
	if len(state) == 0 {
		return f.populate(f.fresh())
	}
	var s saved
	if err := json.Unmarshal(state, &s); err != nil {
		return fmt.Errorf("read the saved machines: %w", err)
	}
	switch s.Version {
	case savedVersion:
	case onePoolVersion:
		s.Pools = []savedPool{{api.DefaultPool, f.cfg.Pools[0].Shape, s.Next}}
	case poollessVersion:
		first := f.fresh()
		s.Pools, s.Pool = first.Pools[:1], first.Pool[:1]
		s.Pool[0].Image = poollessImage
	default:
		return fmt.Errorf("the saved machines are of version %d; this program reads versions %d to %d", s.Version, poollessVersion, savedVersion)
	}
	if len(s.NSG) > 0 {
		if err := f.subnet.nsg.Load(s.NSG); err != nil {
			return fmt.Errorf("read the saved network security group: %w", err)
		}
	}
	if err := f.disks.Load(s.Disks); err != nil {
		return err
	}
	if err := f.shares.Load(s.Shares); err != nil {
		return err
	}
	if err := f.balancers.Load(s.Balance); err != nil {
		return err
	}
	if err := f.routes.Load(s.Routes); err != nil {
		return err
	}
	f.kubelets.KeepCorefiles(s.Corefiles)
	f.archive.Load(s.Patches)
	f.stocked = s.Stocked
	f.subnet.root, _ = f.log.Get(s.NSGRoot)
	f.repairs = vm.Repairs{List: s.Repairs, Last: len(s.Repairs)}
	for zone, seq := range s.LostZones {
		f.lostZones[zone], _ = f.log.Get(seq)
	}
	if err := f.populate(s); err != nil {
		return err
	}
	for name, state := range s.Machines {
		m := f.named(name)
		if m == nil {
			return fmt.Errorf("the saved machines have a node %s that this cluster has not", name)
		}
		if err := m.restore(state); err != nil {
			return fmt.Errorf("read the saved machine %s: %w", name, err)
		}
	}
	f.reenroll()
	return nil
}

// fresh is what a fleet begins with.
func (f *Fleet) fresh() (s saved) {
	for _, p := range f.cfg.Pools {
		s.Pools = append(s.Pools, savedPool{p.Name, p.Shape, p.Nodes})
		if p.Nodes > 0 {
			s.Pool = append(s.Pool, savedKind{Of: p.Name, Image: p.NodeImage, Kubelet: p.KubeletVersion, Instances: fmt.Sprintf("0-%d", p.Nodes-1)})
		}
	}
	return s
}

// populate makes the pools with their machines.
func (f *Fleet) populate(s saved) error {
	for _, p := range s.Pools {
		f.pools = append(f.pools, &pool{p.Name, p.Shape.WithDefaults(api.ModeSystem), p.Next})
	}
	var all []*machine
	taken := map[int]bool{}
	for _, k := range s.Pool {
		p := f.pool(cmp.Or(k.Of, api.DefaultPool))
		if p == nil {
			return fmt.Errorf("read the saved machines: there is no pool %q", k.Of)
		}
		instances, err := parseRanges(k.Instances, p.next)
		if err != nil {
			return fmt.Errorf("read the saved machines: %w", err)
		}
		if len(all)+len(instances) > maxSaved {
			return fmt.Errorf("read the saved machines: more than %d", maxSaved)
		}
		image := f.imageOf(k.Image, k.Kubelet)
		for _, i := range instances {
			slot := i % slots
			if saved := s.Machines[f.cluster.ScaleSet(p.name)+vm.InstanceID(i)].Slot; saved != nil && *saved >= 0 && *saved < slots {
				slot = *saved
			} else if len(s.Machines) == 0 { // they are new
				for taken[slot] {
					slot = (slot + 1) % slots
				}
			}
			taken[slot] = true
			m := newMachine(f.scaleSet, p, i, slot, image)
			if err := f.attach(m, s.Machines[m.Name]); err != nil {
				return err
			}
			all = append(all, m)
		}
	}
	f.sort(all)
	if s.Asked != nil {
		f.asked = s.Asked
	}
	f.enroll(all, nil)
	if len(f.present.Load().byName) != len(all) {
		return errors.New("read the saved machines: one is there twice")
	}
	return nil
}

func (m *machine) restore(state savedMachine) error {
	m.On, m.Cut, m.Dark, m.Stopped, m.Problem = !state.Off, state.Cut, state.Dark, state.Stopped, state.Problem
	m.park(state.Parked)
	m.surge, m.Tags, m.acted, m.Boots = state.Surge, state.Tags, state.Acted, max(state.Boots, 1)
	if state.Size != "" {
		m.Size = state.Size
	}
	if !state.EventAt.IsZero() {
		notice, _ := m.f.log.Get(state.Notice)
		m.Schedule(cmp.Or(state.EventType, vm.EventPreempt), state.EventAt, notice)
	}
	m.Root, _ = m.f.log.Get(state.Root)
	m.Edited, _ = m.f.log.Get(state.Edited)
	if len(state.OS) > 0 {
		if err := m.OS.Load(state.OS); err != nil {
			return err
		}
	}
	m.Flaws, m.waits = state.Flaws, m.OS.RebootRequired()
	if state.Booting {
		m.BootAt = time.Now()
	}
	m.kubelet.Running, m.kubelet.RuntimeRuns = m.Up() && m.OS.Running(host.Kubelet), m.Up() && m.OS.Running(host.Containerd)
	m.kubelet.Rebooted = state.Booting && m.Boots > 1
	return nil
}

// ranges is ascending numbers as text, such as 0-2,5.
func ranges(numbers []int) string {
	var parts []string
	for i := 0; i < len(numbers); {
		last := i
		for last+1 < len(numbers) && numbers[last+1] == numbers[last]+1 {
			last++
		}
		part := strconv.Itoa(numbers[i])
		if last > i {
			part += "-" + strconv.Itoa(numbers[last])
		}
		parts, i = append(parts, part), last+1
	}
	return strings.Join(parts, ",")
}

// parseRanges reads what ranges wrote, of numbers from 0 to below limit.
func parseRanges(text string, limit int) (numbers []int, err error) {
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(part, "-")
		first, err := strconv.Atoi(from)
		last := first
		if err == nil && isRange {
			last, err = strconv.Atoi(to)
		}
		if err != nil || first < 0 || last < first || last >= limit || last-first >= maxSaved-len(numbers) {
			return nil, fmt.Errorf("instances %q are not numbers below %d", text, limit)
		}
		for n := first; n <= last; n++ {
			numbers = append(numbers, n)
		}
	}
	return numbers, nil
}

// maxSaved bounds what is read back: a pool's VMs, and as many that
// were deleted outside of AKS.
const maxSaved = 2 * MaxNodes
