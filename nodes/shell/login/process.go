package login

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"demarc/nodes/host"
	"demarc/nodes/shell"
	"demarc/sim/clock"
)

// runs is a process of the machine or of a container.
type runs struct {
	shell.Process
	container string // its id; "" for the machine's own
}

// all are the processes that run, by their numbers.
func (m system) all() (all []runs) {
	m.s.do(func(_ time.Time, h *host.Host, r Runtime) {
		for _, p := range h.Processes() {
			all = append(all, runs{Process: shell.Process{PID: p.PID, User: p.User, Command: p.Command, Memory: p.Memory, Since: p.Since}})
		}
		for _, k := range r.Containers() {
			if k.State == "Running" && k.PID != 0 {
				all = append(all, runs{shell.Process{PID: k.PID, User: shell.Root, Command: cmp.Or(k.Command, "/"+k.Name), Memory: 40 << 20, Since: k.Created}, k.ID})
			}
		}
	})
	slices.SortStableFunc(all, func(a, b runs) int { return a.PID - b.PID })
	return all
}

// Processes implements [shell.Processes].
func (m system) Processes() (list []shell.Process) {
	for _, p := range m.all() {
		list = append(list, p.Process)
	}
	return list
}

// Signal implements [shell.Processes].
func (m system) Signal(user string, pid, signal int) (err error) {
	all := m.all()
	i := slices.IndexFunc(all, func(p runs) bool { return p.PID == pid })
	switch {
	case i < 0:
		return syscall.ESRCH
	case user != shell.Root && all[i].User != user:
		return syscall.EPERM
	case signal == 0:
		return nil
	}
	m.s.do(func(now time.Time, h *host.Host, r Runtime) {
		if all[i].container != "" {
			r.Kill(all[i].container, signal)
			return
		}
		err = h.Kill(now, pid, signal)
	})
	return err
}

// Memory implements [shell.Processes].
func (m system) Memory() (used, size int64) {
	m.s.do(func(_ time.Time, h *host.Host, _ Runtime) { used, size = h.Memory() })
	return used, size
}

// spawnName is the command by which a script puts something in the background.
const spawnName = "/bin/__spawn"

// spawn makes a process that does nothing but be there.
func spawn(_ context.Context, c *call) int {
	pid := 0
	c.do(func(now time.Time, h *host.Host, _ Runtime) { pid = h.Spawn(now, strings.Join(c.Args, " "), 4<<20) })
	fmt.Fprintf(c.Err, "[1] %d\n", pid)
	return 0
}

// stress takes memory: a process for each worker, which stays until it is killed or its
// time is over.
func stress(ctx context.Context, c *call) int {
	o := c.Options("m,vm= vm-bytes= c,cpu= i,io= d,hdd= t,timeout= k= vm-keep=")
	count := func(name string) int {
		n, _ := strconv.Atoi(o.Value(name)) // none is 0
		return n
	}
	each, bytes := int64(256<<20), o.Value("vm-bytes")
	if n, ok := shell.ParseSize(bytes); ok {
		each = n
	} else if share, err := strconv.Atoi(strings.TrimSuffix(bytes, "%")); err == nil && strings.HasSuffix(bytes, "%") {
		_, size := c.Shell.Memory()
		each = size / 100 * int64(min(max(share, 0), 100))
	}
	limit, _ := shell.Span(o.Value("t")) // none is for ever
	vm, others := count("m"), count("c")+count("i")+count("d")
	vm, others = min(max(vm, 0), 64), min(max(others, 0), 64)
	if vm+others == 0 {
		return c.Done("%s: info: no stress workers invoked\n", c.Name)
	}
	c.Printf("%s: info: [%d] dispatching hogs: %d cpu, 0 io, %d vm, 0 hdd\n", c.Name, shellPID+1, others, vm)
	var pids []int
	c.do(func(now time.Time, h *host.Host, _ Runtime) {
		for i := range vm + others {
			size := each
			if i >= vm {
				size = 1 << 20
			}
			pids = append(pids, h.Spawn(now, strings.TrimSpace(c.Name+" "+strings.Join(c.Args, " ")), size))
		}
	})
	if limit <= 0 {
		return 0
	}
	clock.Sleep(ctx, min(limit, time.Hour))
	c.do(func(now time.Time, h *host.Host, _ Runtime) {
		for _, pid := range pids {
			_ = h.Kill(now, pid, int(syscall.SIGKILL)) // it may have been killed for its memory
		}
	})
	return c.Done("%s: info: [%d] successful run completed in %ds\n", c.Name, shellPID+1, int(limit.Seconds()))
}
