package login

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"demarc/nodes/host"
	"demarc/nodes/shell"
	"demarc/nodes/shell/guard"
	"demarc/sim/clock"
)

// process is a process of the machine or of a container.
type process struct {
	host.Process
	container string // its id; "" for the machine's own
}

// processes are all that run, in the order of their numbers.
func (c *call) processes() (all []process, now time.Time, memory int64) {
	c.do(func(at time.Time, h *host.Host, r Runtime) {
		now = at
		_, memory = h.Memory()
		for _, p := range h.Processes() {
			all = append(all, process{Process: p})
		}
		for _, k := range r.Containers() {
			if k.State != "Running" || k.PID == 0 {
				continue
			}
			command := k.Command
			if command == "" {
				command = "/" + k.Name
			}
			all = append(all, process{Process: host.Process{PID: k.PID, User: shell.Root, Command: command, Memory: 40 << 20, Since: k.Created}, container: k.ID})
		}
	})
	slices.SortStableFunc(all, func(a, b process) int { return a.PID - b.PID })
	return all, now, memory
}

// base is a process's name.
func (p process) base() string {
	word, _, _ := strings.Cut(p.Command, " ")
	return path.Base(strings.TrimSuffix(word, ":"))
}

// ps knows aux, -ef, -e, -p and -C; alone it shows the session's own.
func ps(_ context.Context, c *call) int {
	all, now, memory := c.processes()
	letters := ""
	pids, names := "", ""
	shell.Options(c.Args, "pCoU", nil, func(name, value string) {
		switch name {
		case "p":
			pids = value
		case "C":
			names = value
		default:
			letters += name
		}
	})
	bsd := ""
	for _, o := range c.Args {
		if !strings.HasPrefix(o, "-") && strings.Trim(o, "auxfwe") == "" {
			bsd += o
		}
	}
	own := []process{
		{Process: host.Process{PID: shellPID, User: c.User, Command: "-bash", Memory: 5 << 20, Since: c.s.began}},
		{Process: host.Process{PID: shellPID + 1, User: c.User, Command: strings.TrimSpace("ps " + strings.Join(c.Args, " ")), Memory: 3 << 20, Since: now}},
	}
	if pids != "" || names != "" {
		all = slices.DeleteFunc(all, func(p process) bool {
			return !slices.Contains(strings.Split(pids, ","), strconv.Itoa(p.PID)) && p.base() != names
		})
	} else if all = append(all, own...); !strings.ContainsAny(bsd, "ax") && !strings.ContainsAny(letters, "eA") && !strings.Contains(bsd, "e") {
		all = own
	}
	switch {
	case strings.Contains(bsd, "u"):
		c.Printf("USER         PID %%CPU %%MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n")
	case strings.Contains(letters, "f"):
		c.Printf("UID          PID    PPID  C STIME TTY          TIME CMD\n")
	default:
		c.Printf("    PID TTY          TIME CMD\n")
	}
	for _, p := range all {
		tty := "?"
		if p.PID >= shellPID && p.container == "" {
			tty = "pts/0"
		}
		start := p.Since.UTC().Format("15:04")
		if now.Sub(p.Since) > 24*time.Hour {
			start = p.Since.UTC().Format("Jan02")
		}
		switch {
		case strings.Contains(bsd, "u"):
			c.Printf("%-8s %7d  0.0 %4.1f %6d %5d %-8s Ss   %s   0:00 %s\n", p.User, p.PID, percent(p.Memory, memory), p.Memory*3/1024, p.Memory/1024, tty, start, p.Command)
		case strings.Contains(letters, "f"):
			c.Printf("%-8s %7d       1  0 %s %-8s 00:00:00 %s\n", p.User, p.PID, start, tty, p.Command)
		default:
			c.Printf("%7d %-8s 00:00:00 %s\n", p.PID, tty, p.base())
		}
	}
	if len(all) == 0 {
		return 1
	}
	return 0
}

// top shows one picture, with -b or without: there is no full screen.
func top(_ context.Context, c *call) int {
	all, now, size := c.processes()
	var up time.Duration
	var used int64
	c.do(func(at time.Time, h *host.Host, _ Runtime) {
		up = h.Uptime(at)
		used, _ = h.Memory()
	})
	mib := func(n int64) float64 { return float64(n) / (1 << 20) }
	c.Printf("top - %s up %s,  1 user,  load average: 0.31, 0.27, 0.22\n", now.UTC().Format("15:04:05"), upWords(up))
	c.Printf("Tasks: %3d total,   1 running, %3d sleeping,   0 stopped,   0 zombie\n", len(all), max(len(all)-1, 0))
	c.Printf("%%Cpu(s):  3.1 us,  1.6 sy,  0.0 ni, 95.3 id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st\n")
	c.Printf("MiB Mem : %8.1f total, %8.1f free, %8.1f used, %8.1f buff/cache\nMiB Swap: %8.1f total, %8.1f free, %8.1f used. %8.1f avail Mem\n\n", mib(size), mib(max(size-used, 0)), mib(used), 0.0, 0.0, 0.0, 0.0, mib(max(size-used, 0)))
	c.Printf("    PID USER      PR  NI    VIRT    RES    SHR S  %%CPU  %%MEM     TIME+ COMMAND\n")
	slices.SortStableFunc(all, func(a, b process) int { return int(min(max(b.Memory-a.Memory, -1), 1)) })
	for _, p := range all {
		c.Printf("%7d %-8s  20   0 %7d %6d %6d S   0.0 %5.1f   0:00.00 %s\n", p.PID, p.User, p.Memory*3/1024, p.Memory/1024, p.Memory/4096, percent(p.Memory, size), p.base())
	}
	return 0
}

// signalNames are the signals that people send.
var signalNames = map[string]int{"HUP": 1, "INT": 2, "QUIT": 3, "KILL": 9, "USR1": 10, "USR2": 12, "TERM": 15, "CONT": 18, "STOP": 19}

// signalNumber reads a signal's name or number.
func signalNumber(s string, fallback int) int {
	if n, ok := signalNames[strings.TrimPrefix(strings.ToUpper(s), "SIG")]; ok {
		return n
	}
	if n, err := strconv.Atoi(s); err == nil && n >= 0 && n <= 64 {
		return n
	}
	return fallback
}

// signalled takes the signal out of a command line: -9, -KILL, -s KILL, --signal KILL.
func signalled(args []string) (signal int, rest []string, bad string) {
	signal = int(syscall.SIGTERM)
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case (a == "-s" || a == "--signal") && i+1 < len(args):
			i++
			a = "-" + args[i]
		case strings.HasPrefix(a, "--signal="):
			a = "-" + strings.TrimPrefix(a, "--signal=")
		case len(a) < 2 || a[0] != '-' || !(a[1] >= '0' && a[1] <= '9' || a[1] >= 'A' && a[1] <= 'Z'):
			rest = append(rest, a)
			continue
		}
		if signal = signalNumber(a[1:], -1); signal < 0 {
			return 0, nil, a[1:]
		}
	}
	return signal, rest, ""
}

// kill sends signals to processes by their numbers.
func kill(_ context.Context, c *call) int {
	if len(c.Args) > 0 && (c.Args[0] == "-l" || c.Args[0] == "-L") {
		c.Printf(" 1) SIGHUP\t 2) SIGINT\t 3) SIGQUIT\t 9) SIGKILL\t10) SIGUSR1\n12) SIGUSR2\t15) SIGTERM\t18) SIGCONT\t19) SIGSTOP\n")
		return 0
	}
	signal, rest, bad := signalled(c.Args)
	switch {
	case bad != "":
		return c.Fail("bash: kill: %s: invalid signal specification", bad)
	case len(rest) == 0:
		c.Fail("kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]")
		return 2
	}
	all, _, _ := c.processes()
	code := 0
	for _, a := range rest {
		pid, err := strconv.Atoi(a)
		if err != nil {
			code = c.Fail("bash: kill: %s: arguments must be process or job IDs", a)
			continue
		}
		i := slices.IndexFunc(all, func(p process) bool { return p.PID == pid })
		if i < 0 {
			code = c.Fail("bash: kill: (%d) - No such process", pid)
			continue
		}
		if err := c.send(all[i], signal); err != nil {
			code = c.Fail("bash: kill: (%d) - %s", pid, shell.Reason(err))
		}
	}
	return code
}

// send sends a signal to one process.
func (c *call) send(p process, signal int) (err error) {
	if !c.Root() && p.User != c.User {
		return syscall.EPERM
	}
	if signal == 0 {
		return nil
	}
	c.do(func(now time.Time, h *host.Host, r Runtime) {
		if p.container != "" {
			r.Kill(p.container, signal)
			return
		}
		err = h.Kill(now, p.PID, signal)
	})
	return err
}

// pkill also stands for killall and pgrep and pidof: processes by name.
func pkill(_ context.Context, c *call) int {
	signal, args, bad := signalled(c.Args)
	if bad != "" {
		return c.Fail("%s: invalid signal specification: %s", c.Name, bad)
	}
	whole := slices.ContainsFunc(args, func(a string) bool { return len(a) > 1 && a[0] == '-' && strings.Contains(a, "f") })
	exact := c.Name == "killall" || c.Name == "pidof" || slices.ContainsFunc(args, func(a string) bool { return len(a) > 1 && a[0] == '-' && strings.Contains(a, "x") })
	names := slices.DeleteFunc(slices.Clone(args), func(a string) bool { return strings.HasPrefix(a, "-") })
	if len(names) == 0 {
		c.Fail("%s: no matching criteria specified\nTry `%s --help' for more information.", c.Name, c.Name)
		return 2
	}
	all, _, _ := c.processes()
	code := 1
	var pids []string
	for _, name := range names {
		re, err := guard.Compile(name)
		if err != nil {
			re = regexp.MustCompile(regexp.QuoteMeta(name))
		}
		found := false
		for _, p := range all {
			base := p.base()
			if short := base[:min(len(base), 15)]; exact && base != path.Base(name) && short != name || !exact && !whole && !re.MatchString(base) || whole && !re.MatchString(p.Command) {
				continue
			}
			found = true
			switch c.Name {
			case "pgrep":
				if text := strconv.Itoa(p.PID); c.Has("a") {
					c.Printf("%s %s\n", text, p.Command)
				} else if c.Has("l") {
					c.Printf("%s %s\n", text, base)
				} else {
					c.Printf("%s\n", text)
				}
				code = 0
			case "pidof":
				pids = append([]string{strconv.Itoa(p.PID)}, pids...)
				code = 0
			default:
				if err := c.send(p, signal); err != nil {
					c.Fail(map[string]string{"pkill": "pkill: killing pid %[1]d failed: %[3]s", "killall": "%[2]s(%[1]d): %[3]s"}[c.Name], p.PID, base, shell.Reason(err))
				} else {
					code = 0
				}
			}
		}
		if !found && c.Name == "killall" {
			c.Fail("%s: no process found", name)
		}
	}
	if len(pids) > 0 {
		c.Printf("%s\n", strings.Join(pids, " "))
	}
	return code
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
	workers, each, limit := 0, int64(256<<20), time.Duration(0)
	vm := 0
	others := 0
	shell.Options(c.Args, "mctidk", []string{"vm", "vm-bytes", "cpu", "timeout", "io", "hdd", "vm-keep"}, func(name, value string) {
		switch name {
		case "m", "vm":
			vm, _ = strconv.Atoi(value)
		case "vm-bytes":
			if n, ok := shell.ParseSize(value); ok {
				each = n
			} else if share, err := strconv.Atoi(strings.TrimSuffix(value, "%")); err == nil && strings.HasSuffix(value, "%") {
				c.do(func(_ time.Time, h *host.Host, _ Runtime) {
					_, size := h.Memory()
					each = size / 100 * int64(min(max(share, 0), 100))
				})
			}
		case "c", "cpu", "i", "io", "d", "hdd":
			workers, _ = strconv.Atoi(value)
			others += workers
		case "t", "timeout":
			limit, _ = shell.Span(value)
		}
	})
	vm, others = min(max(vm, 0), 64), min(max(others, 0), 64)
	if vm+others == 0 {
		c.Printf("%s: info: no stress workers invoked\n", c.Name)
		return 0
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
	c.Printf("%s: info: [%d] successful run completed in %ds\n", c.Name, shellPID+1, int(limit.Seconds()))
	return 0
}
