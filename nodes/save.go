package nodes

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/nodes/host"
	"demarc/nodes/vm"
	"demarc/sim/api"
)

// savedVersion is the version of the saved form.
const savedVersion = 3

// Version 2 had no pool: it had as many machines as the fleet was made with, all
// of one image.
const (
	poollessVersion = 2
	poollessImage   = "AKSUbuntu-2204gen2containerd-202605.14.0"
)

// saved is what a fleet keeps between two runs of its program: which machines
// there are, and how those are that are not as new ones are. Containers are in
// the API's pod statuses.
type saved struct {
	Version int `json:"version"`
	// Next is the number of the next instance.
	Next     int                     `json:"next,omitempty"`
	Pool     []savedKind             `json:"pool,omitempty"`
	Asked    map[string]answered     `json:"asked,omitempty"`
	Machines map[string]savedMachine `json:"machines,omitempty"`
	NSG      json.RawMessage         `json:"nsg,omitempty"`
	Disks    json.RawMessage         `json:"disks,omitempty"`
	Shares   json.RawMessage         `json:"shares,omitempty"`
	Balance  json.RawMessage         `json:"loadBalancers,omitempty"`
	Repairs  []api.Repair            `json:"repairs,omitempty"`
	// Patches are those of the archives, Stocked the days of the calendar that are
	// in them, and NSGRoot the event by which the security group changed last.
	Patches []host.Patch `json:"patches,omitempty"`
	Stocked int          `json:"stocked,omitempty"`
	NSGRoot int64        `json:"nsgRoot,omitempty"`
}

// savedKind is the machines of one image and kubelet.
type savedKind struct {
	Image     string `json:"image"`
	Kubelet   string `json:"kubelet"`
	Instances string `json:"instances"` // their numbers, such as 0-2,5
}

type savedMachine struct {
	// Slot is the place in the networks, if the instance's number does not say it.
	Slot    *int   `json:"slot,omitempty"`
	Surge   bool   `json:"surge,omitempty"`
	Off     bool   `json:"off,omitempty"`
	Booting bool   `json:"booting,omitempty"`
	Cut     bool   `json:"cut,omitempty"`
	Dark    bool   `json:"dark,omitempty"`
	Stopped string `json:"stopped,omitempty"`
	Problem string `json:"problem,omitempty"`
	Boots   int    `json:"boots,omitempty"`
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
	s := saved{Version: savedVersion, Next: f.next, Pool: f.kinds(), Asked: f.asked, Machines: map[string]savedMachine{}, Repairs: f.repairs.List}
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
	for _, m := range f.machines() {
		state := savedMachine{
			Off: !m.On, Booting: m.Booting(), Cut: m.Cut, Dark: m.Dark, Stopped: m.Stopped, Problem: m.Problem, Boots: m.Boots,
			Root: m.Root.Seq, Edited: m.Edited.Seq, Tags: m.Tags, Acted: m.acted, Surge: m.surge, Flaws: m.Flaws,
		}
		if slot := m.Slot(); slot != m.Index%slots {
			state.Slot = &slot
		}
		if m.Size != vm.DefaultSize {
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

// kinds are the machines by image and kubelet, each kind where its first machine is.
func (f *Fleet) kinds() (out []savedKind) {
	at := map[*host.Image]int{}
	var instances [][]int
	for _, m := range f.machines() {
		image := m.OS.Image()
		i, known := at[image]
		if !known {
			i = len(out)
			at[image] = i
			out = append(out, savedKind{Image: image.Version, Kubelet: image.KubeletVersion()})
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
		return f.populate(saved{Next: f.cfg.Nodes, Pool: []savedKind{f.firstKind(f.cfg.NodeImage)}})
	}
	var s saved
	if err := json.Unmarshal(state, &s); err != nil {
		return fmt.Errorf("read the saved machines: %w", err)
	}
	switch s.Version {
	case savedVersion:
	case poollessVersion:
		s.Next, s.Pool = f.cfg.Nodes, []savedKind{f.firstKind(poollessImage)}
	default:
		return fmt.Errorf("the saved machines are of version %d; this program reads versions %d and %d", s.Version, poollessVersion, savedVersion)
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
	f.archive.Load(s.Patches)
	f.stocked = s.Stocked
	f.subnet.root, _ = f.log.Get(s.NSGRoot)
	f.repairs = vm.Repairs{List: s.Repairs, Last: len(s.Repairs)}
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

// firstKind is the machines that a fleet begins with.
func (f *Fleet) firstKind(image string) savedKind {
	return savedKind{Image: image, Kubelet: f.cfg.KubeletVersion, Instances: fmt.Sprintf("0-%d", f.cfg.Nodes-1)}
}

// populate makes the machines of a pool.
func (f *Fleet) populate(s saved) error {
	var all []*machine
	for _, k := range s.Pool {
		instances, err := parseRanges(k.Instances, s.Next)
		if err != nil {
			return fmt.Errorf("read the saved machines: %w", err)
		}
		if len(all)+len(instances) > maxSaved {
			return fmt.Errorf("read the saved machines: more than %d", maxSaved)
		}
		image := f.imageOf(k.Image, k.Kubelet)
		for _, i := range instances {
			m := newMachine(f.scaleSet, i, i%slots, image)
			if slot := s.Machines[m.Name].Slot; slot != nil && *slot >= 0 && *slot < slots {
				m = newMachine(f.scaleSet, i, *slot, image)
			}
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b *machine) int { return a.Index - b.Index })
	f.next = s.Next
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
	m.surge, m.Tags, m.acted, m.Boots = state.Surge, state.Tags, state.Acted, max(state.Boots, 1)
	if state.Size != "" {
		m.Size = state.Size
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
