package host

import (
	"fmt"
	"slices"
	"syscall"
	"time"
)

// Bounds of what commands can start.
const (
	firstPID     = 24000
	lastPID      = 4194304
	maxProcesses = 1000
)

// processes is the process table: systemd's units and what commands left running.
type processes struct{ systemd }

// spawned is a process that a command left running.
type spawned struct {
	Command string    `json:"command"`
	Memory  int64     `json:"memory,omitempty"`
	Since   time.Time `json:"since"`
}

// Processes returns the machine's own processes by number.
func (h *processes) Processes() []Process {
	if h.off() {
		return nil
	}
	list := []Process{{PID: 1, User: "root", Command: "/sbin/init", Memory: 12 << 20, Since: h.booted}}
	for _, name := range h.image.unitNames {
		if s := h.state(name); s.running() && !h.image.units[name].timer {
			list = append(list, h.process(name, s))
		}
	}
	for name, s := range h.d.Units {
		if h.image.units[name] == nil && s.running() {
			list = append(list, h.process(name, *s))
		}
	}
	for pid, p := range h.d.Processes {
		list = append(list, Process{PID: pid, User: "root", Command: p.Command, Memory: p.Memory, Since: p.Since})
	}
	slices.SortFunc(list, func(a, b Process) int { return a.PID - b.PID })
	return list
}

// process is the main process of a unit that runs.
func (h *processes) process(name string, s unitState) Process {
	def := h.knownAs(name)
	return Process{PID: s.PID, User: def.user, Command: def.exec, Unit: name, Memory: def.memory, Since: s.Since}
}

// Kill sends a signal to a process. The kernel ignores those to process 1. The
// error wraps ESRCH or EINVAL.
func (h *processes) Kill(now time.Time, pid int, signal int) error {
	if signal < 0 || signal > 64 {
		return errSignal
	}
	if pid == 1 && !h.off() {
		return nil
	}
	for _, p := range h.Processes() {
		if p.PID != pid {
			continue
		}
		switch {
		case p.Unit != "":
			h.signalUnit(now, p.Unit, syscall.Signal(signal))
		case deadly(syscall.Signal(signal)):
			delete(h.d.Processes, pid)
		}
		h.settle(now)
		return nil
	}
	return errNoProcess
}

// wording is one of syscall's errors in the words of the C library.
type wording struct {
	text string
	error
}

func (w wording) Error() string { return w.text }
func (w wording) Unwrap() error { return w.error }

var (
	errNoProcess = wording{"No such process", syscall.ESRCH}
	errSignal    = wording{"Invalid argument", syscall.EINVAL}
)

// Signals as Linux numbers them, which nodes run, whatever this program runs on.
const (
	sigCHLD  syscall.Signal = 17
	sigCONT  syscall.Signal = 18
	sigSTOP  syscall.Signal = 19
	sigTSTP  syscall.Signal = 20
	sigTTIN  syscall.Signal = 21
	sigTTOU  syscall.Signal = 22
	sigURG   syscall.Signal = 23
	sigWINCH syscall.Signal = 28
)

// deadly says whether the signal ends a process that has no handler for it.
func deadly(s syscall.Signal) bool {
	switch s {
	case 0, sigCHLD, sigCONT, sigSTOP, sigTSTP, sigTTIN, sigTTOU, sigURG, sigWINCH:
		return false
	}
	return true
}

// signalUnit delivers a signal to the main process of a unit that runs.
func (h *processes) signalUnit(now time.Time, name string, signal syscall.Signal) {
	switch {
	case signal == sigSTOP || signal == sigTSTP:
		if s := h.edit(name); !s.Frozen {
			s.Frozen, s.Broken, s.Died = true, now, "was frozen"
		}
	case signal == sigCONT:
		if h.state(name).Frozen {
			s := h.edit(name)
			s.Frozen, s.Broken, s.Died = false, time.Time{}, ""
		}
	case deadly(signal):
		h.killUnit(now, name, signal)
	}
}

// killUnit ends the unit's process as the signal does. systemd starts it again.
func (h *processes) killUnit(now time.Time, name string, signal syscall.Signal) {
	s := h.edit(name)
	s.Broken, s.Died, s.Failures = now, "was killed", 0
	result := "signal"
	switch signal {
	case syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT, syscall.SIGPIPE:
		result = "success"
	}
	h.Log(now, name, "systemd", fmt.Sprintf("%s: Main process exited, code=killed, status=%d", name, int(signal)))
	h.end(now, h.knownAs(name), result)
}

// Spawn starts a process in the background, such as stress-ng, that uses so
// many bytes of memory. It returns 0 if no process can be started.
func (h *processes) Spawn(now time.Time, command string, memory int64) (pid int) {
	if h.off() || len(h.d.Processes) >= maxProcesses {
		return 0
	}
	pid = h.newPID()
	d := h.d
	d.Processes[pid] = &spawned{Command: clip(command), Memory: min(max(memory, 0), h.memoryBytes), Since: now}
	return pid
}

// Memory returns the bytes of memory that the machine's own processes use, at
// most all, and the machine's size. Containers are not among them.
func (h *processes) Memory() (used, size int64) {
	for _, p := range h.Processes() {
		used += min(p.Memory, h.memoryBytes)
	}
	return min(used, h.memoryBytes), h.memoryBytes
}
