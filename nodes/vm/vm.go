// Package vm is a virtual machine of a node pool as it is, whatever the API server
// believes of its node: its name and addresses, power, network and operating
// system, and whose doing it is that something on it does not work.
package vm

import (
	"net/netip"
	"time"

	"demarc/nodes/host"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// Ways in which a machine is stopped.
const (
	Stopped     = api.MachineStopped
	Deallocated = api.MachineDeallocated
	Deleted     = api.MachineDeleted
)

// Types of scheduled events, in the words of Azure's metadata service.
const (
	EventPreempt  = "Preempt" // the VM of a Spot node is taken back
	EventReboot   = "Reboot"
	EventRedeploy = "Redeploy" // it moves to another host
)

// VM is one virtual machine. It is under its fleet's lock but for what never
// changes: its pool, number, name and addresses.
type VM struct {
	Cluster *Cluster
	Pool    string // name of the node pool
	Index   int    // instance number in the pool's scale set
	Name    string
	IP      netip.Addr
	Prefix  netip.Prefix // of its pods' addresses
	// PodIPs are what its pods can have in place of those, with network plugin azure. They are
	// under the fleet's lock.
	PodIPs []netip.Addr

	Shape api.PoolShape // the pool's
	Blame
	OS      *host.Host
	On      bool      // has power, and its system runs or boots
	BootAt  time.Time // when a booting machine is up; zero if it does not boot
	Boots   int
	Problem string // why the last boot failed
	Cut     bool   // from the network
	Blocked string // what keeps its packets from the API server

	// Stopped is how somebody has stopped it through the cloud, or from within:
	// stopped, deallocated or deleted; empty if nobody did.
	Stopped string
	Dark    bool // a fault keeps power from it
	// ZoneLost says that its availability zone has no power.
	ZoneLost bool
	// EventType is the event that Azure has scheduled for the VM, EventAt when it comes, and
	// Notice what announces it on the timeline; zero for none.
	EventType string
	EventAt   time.Time
	Notice    timeline.Event
	Size      string
	Tags      map[string]string
}

// New is a machine of a pool that is on, with an instance number, in a place of the
// networks.
func New(c *Cluster, pool string, shape api.PoolShape, log *timeline.Log, watcher Watcher, i, slot int, image *host.Image) VM {
	name := c.ScaleSet(pool) + InstanceID(i)
	return VM{
		Cluster: c, Pool: pool, Shape: shape, Index: i, Name: name, IP: NodeIP(slot), Prefix: PodCIDR(slot), Blame: newBlame(log, watcher, name),
		OS: host.New(name, image), On: true, Boots: 1, Size: shape.Size,
	}
}

// Schedule schedules an event for the VM.
func (m *VM) Schedule(event string, at time.Time, notice timeline.Event) {
	m.EventType, m.EventAt, m.Notice = event, at, notice
}

// Unschedule takes back what was scheduled.
func (m *VM) Unschedule() { m.Schedule("", time.Time{}, timeline.Event{}) }

// Up says whether the machine's system runs.
func (m *VM) Up() bool { return m.On && m.BootAt.IsZero() }

// Booting says whether the machine has power and is not up yet.
func (m *VM) Booting() bool { return m.On && !m.BootAt.IsZero() }

// Reachable says whether packets get to the machine.
func (m *VM) Reachable() bool { return m.Up() && !m.Cut }

// Online says whether what runs on the machine could reach the API server.
func (m *VM) Online() bool { return m.Reachable() && m.Blocked == "" }

// Power is what the machine's power is: running, stopped, deallocated, deleted.
func (m *VM) Power() string {
	switch {
	case m.Stopped != "":
		return m.Stopped
	case m.Dark, m.ZoneLost, !m.On && m.Problem == "":
		return Stopped
	}
	return api.MachineRunning
}

// Ill says why the machine as a whole does not work; empty if it does.
func (m *VM) Ill() string {
	switch {
	case m.Stopped != "":
		return "the VM is " + m.Stopped
	case m.Problem != "":
		return "the machine does not boot: " + m.Problem
	case m.ZoneLost:
		return "the machine's zone has no power"
	case !m.On:
		return "the machine has no power"
	case m.Booting():
		return "the machine boots"
	case m.Cut:
		return "the machine's network is cut"
	case m.Blocked != "":
		return "the API server cannot be reached: " + m.Blocked
	}
	return ""
}
