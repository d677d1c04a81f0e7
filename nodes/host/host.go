// Package host is the operating system of one simulated worker machine: its
// systemd units, processes, packages, files, packet filter, journal and boot.
//
// An [Image] is what all machines of a node image share; a [Host] is one
// machine. From outside one calls the methods of Host: those that read may be
// called at any time, those that change something take the time at which they
// happen. A caller serialises all calls by itself; there are no goroutines and
// no locks here, and no input makes a method panic.
//
// A Host is made of parts, each of which stands on the one before: the machine, its disk,
// the database of packages (dpkg), the boot loader (grub), systemd, the process table, and
// apt, which has the packet filter (iptables) between itself and the archives. What a part
// does is known to those above it and not to those below.
//
// How it works: a Host that is as its image is holds nothing but a name, the
// image and the time of its boot. The first change gives it a delta, which
// keeps only what differs: states of units, versions of packages, files over
// the image's (with tombstones for deleted trees), chains of the packet filter.
// What the machine does by itself is planned: [Host.Next] says when something
// is due, and [Host.Step] does it. systemd restarts what died; two monitors,
// which are units themselves, look every 30 s for things of the provider that
// are not as they should be, and put right what is still wrong a look later.
package host

import "time"

// Host is one machine, all parts of its operating system together: each stands on the one
// that it embeds. Here is what takes several of them: booting, what the provider's monitors
// watch, and what is kept of a machine. Make it with [New].
type Host struct{ apt }

// New returns a machine that is on, booted and well. Its uptime is not known
// before [Host.SetBooted] or [Host.Boot].
func New(name string, image *Image) *Host {
	if image == nil {
		image = NewImage("", "")
	}
	h := &Host{}
	h.name, h.image, h.d, h.after, h.room = name, image, pristine, h.changed, diskSize-diskUsed
	h.diskBytes, h.memoryBytes = diskSize, memorySize
	h.iptables.m = &h.machine
	return h
}

// SetHardware says how many bytes of memory and of disk the machine has.
func (h *Host) SetHardware(memory, disk int64) {
	h.memoryBytes, h.diskBytes, h.room = memory, disk, max(disk-diskUsed, 0)
}

// changed follows every change: what cannot run any more dies, and monitors plan
// their next look.
func (h *Host) changed(now time.Time) {
	h.diskFullKills(now)
	h.plan(now)
}

// RequestReboot records that a command on the machine asked for a reboot.
func (h *Host) RequestReboot(now time.Time) { h.request(now, "reboot", "The system will reboot now!") }

// RequestPowerOff records that a command on the machine asked to power it off.
func (h *Host) RequestPowerOff(now time.Time) {
	h.request(now, "poweroff", "The system will power off now!")
}

func (h *Host) request(now time.Time, what, message string) {
	if h.off() {
		return
	}
	h.change().Request = what
	h.Log(now, "systemd-logind.service", "systemd-logind", message)
}

// TakePowerRequest returns what was asked for since the last call: "", "reboot"
// or "poweroff".
func (h *Host) TakePowerRequest() string {
	what := h.d.Request
	if what != "" {
		h.d.Request = ""
	}
	return what
}
