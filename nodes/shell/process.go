package shell

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"demarc/nodes/shell/guard"
)

// Processes are what runs on a system.
type Processes interface {
	// Processes are all that run, by their numbers, without the shell and what it runs.
	Processes() []Process
	// Signal sends a signal to a process in a user's name; 0 only asks whether it may. Errors
	// wrap those of package syscall.
	Signal(user string, pid, signal int) error
	// Memory is what they use and what there is, in bytes.
	Memory() (used, size int64)
}

// Process is a process of a system.
type Process struct {
	PID           int
	User, Command string
	Memory        int64 // bytes
	Since         time.Time
}

// base is a process's name.
func (p Process) base() string {
	word, _, _ := strings.Cut(p.Command, " ")
	return path.Base(strings.TrimSuffix(word, ":"))
}

// ps knows aux, -ef, -e, -p and -C; alone it shows the session's own. BusyBox's shows all.
func ps(_ context.Context, c *Call) int {
	all, now := c.Shell.Processes(), c.Shell.Now()
	if !c.Shell.GNU {
		c.Printf("PID   USER     TIME  COMMAND\n")
		for _, p := range append(all, Process{PID: 42, User: c.User, Command: c.Name}) {
			c.Printf("%5d %-8s  0:00 %s\n", p.PID, p.User, p.Command)
		}
		return 0
	}
	_, memory := c.Shell.Memory()
	o := c.Options("p= C= o= U=")
	bsd := ""
	for _, a := range o.Operands {
		if strings.Trim(a, "auxfwe") == "" {
			bsd += a
		}
	}
	byUser, full := strings.Contains(bsd, "u"), o.Has("f")
	own := []Process{
		{PID: c.Shell.PID, User: c.User, Command: "-bash", Memory: 5 << 20, Since: c.Shell.Began},
		{PID: c.Shell.PID + 1, User: c.User, Command: strings.TrimSpace("ps " + strings.Join(c.Args, " ")), Memory: 3 << 20, Since: now},
	}
	if o.Has("p", "C") {
		all = slices.DeleteFunc(all, func(p Process) bool {
			return !slices.Contains(strings.Split(o.Value("p"), ","), strconv.Itoa(p.PID)) && p.base() != o.Value("C")
		})
	} else if all = append(all, own...); !strings.ContainsAny(bsd, "axe") && !o.Has("e", "A") {
		all = own
	}
	switch {
	case byUser:
		c.Printf("USER         PID %%CPU %%MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n")
	case full:
		c.Printf("UID          PID    PPID  C STIME TTY          TIME CMD\n")
	default:
		c.Printf("    PID TTY          TIME CMD\n")
	}
	for _, p := range all {
		tty, start := "?", p.Since.UTC().Format("15:04")
		if slices.Contains(own, p) {
			tty = "pts/0"
		}
		if now.Sub(p.Since) > 24*time.Hour {
			start = p.Since.UTC().Format("Jan02")
		}
		switch {
		case byUser:
			c.Printf("%-8s %7d  0.0 %4.1f %6d %5d %-8s Ss   %s   0:00 %s\n", p.User, p.PID, Percent(p.Memory, memory), p.Memory*3/1024, p.Memory/1024, tty, start, p.Command)
		case full:
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
func top(_ context.Context, c *Call) int {
	all, now := c.Shell.Processes(), c.Shell.Now()
	used, size := c.Shell.Memory()
	if !c.Shell.GNU {
		c.Printf("Mem: %dK used, %dK free\nLoad average: 0.00 0.00 0.00 1/%d 42\n  PID  PPID USER     STAT COMMAND\n", used/1024, (size-used)/1024, len(all)+1)
		for _, p := range all {
			c.Printf("%5d     0 %-8s S    %s\n", p.PID, p.User, p.Command)
		}
		return 0
	}
	var up time.Duration
	if len(all) > 0 && !all[0].Since.IsZero() {
		up = now.Sub(all[0].Since)
	}
	mib := func(n int64) float64 { return float64(n) / (1 << 20) }
	c.Printf("top - %s up %s,  1 user,  load average: 0.31, 0.27, 0.22\n", now.UTC().Format("15:04:05"), UpWords(up))
	c.Printf("Tasks: %3d total,   1 running, %3d sleeping,   0 stopped,   0 zombie\n", len(all), max(len(all)-1, 0))
	c.Printf("%%Cpu(s):  3.1 us,  1.6 sy,  0.0 ni, 95.3 id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st\n")
	c.Printf("MiB Mem : %8.1f total, %8.1f free, %8.1f used, %8.1f buff/cache\nMiB Swap: %8.1f total, %8.1f free, %8.1f used. %8.1f avail Mem\n\n", mib(size), mib(max(size-used, 0)), mib(used), 0.0, 0.0, 0.0, 0.0, mib(max(size-used, 0)))
	c.Printf("    PID USER      PR  NI    VIRT    RES    SHR S  %%CPU  %%MEM     TIME+ COMMAND\n")
	slices.SortStableFunc(all, func(a, b Process) int { return cmp.Compare(b.Memory, a.Memory) })
	for _, p := range all {
		c.Printf("%7d %-8s  20   0 %7d %6d %6d S   0.0 %5.1f   0:00.00 %s\n", p.PID, p.User, p.Memory*3/1024, p.Memory/1024, p.Memory/4096, Percent(p.Memory, size), p.base())
	}
	return 0
}

// Percent is a part in percent of the whole.
func Percent(part, whole int64) float64 {
	if whole <= 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

// UpWords is an uptime in the words of uptime(1).
func UpWords(d time.Duration) string {
	days, rest := int(d/(24*time.Hour)), d%(24*time.Hour)
	text := fmt.Sprintf("%2d:%02d", int(rest.Hours()), int(rest.Minutes())%60)
	if rest < time.Hour {
		text = fmt.Sprintf("%d min", int(rest.Minutes()))
	}
	switch days {
	case 0:
		return text
	case 1:
		return "1 day, " + text
	}
	return fmt.Sprintf("%d days, %s", days, text)
}

// Signals are the signals that people send.
var Signals = map[string]int{"HUP": 1, "INT": 2, "QUIT": 3, "KILL": 9, "USR1": 10, "USR2": 12, "TERM": 15, "CONT": 18, "STOP": 19, "WINCH": 28}

// SignalNumber reads a signal's name or number.
func SignalNumber(s string, fallback int) int {
	if n, ok := Signals[strings.TrimPrefix(strings.ToUpper(s), "SIG")]; ok {
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
		if signal = SignalNumber(a[1:], -1); signal < 0 {
			return 0, nil, a[1:]
		}
	}
	return signal, rest, ""
}

// kill sends signals to processes by their numbers.
func kill(_ context.Context, c *Call) int {
	if len(c.Args) > 0 && (c.Args[0] == "-l" || c.Args[0] == "-L") {
		return c.Done(" 1) SIGHUP\t 2) SIGINT\t 3) SIGQUIT\t 9) SIGKILL\t10) SIGUSR1\n12) SIGUSR2\t15) SIGTERM\t18) SIGCONT\t19) SIGSTOP\n")
	}
	signal, rest, bad := signalled(c.Args)
	switch {
	case bad != "":
		return c.Fail(c.say("bash: kill: %s: invalid signal specification", "sh: bad signal name '%s'"), bad)
	case len(rest) == 0 && c.Shell.GNU:
		return c.Quit(2, "kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]")
	}
	code := 0
	for _, a := range rest {
		pid, err := strconv.Atoi(a)
		if err != nil && c.Shell.GNU {
			code = c.Fail("bash: kill: %s: arguments must be process or job IDs", a)
			continue
		}
		if err := c.Shell.Signal(c.User, pid, signal); err != nil {
			code = c.Fail(c.say("bash: kill: (%s) - %s", "sh: can't kill pid %s: %s"), a, Reason(err))
		}
	}
	return code
}

// pkill also stands for killall and pgrep and pidof: processes by name.
func pkill(_ context.Context, c *Call) int {
	signal, args, bad := signalled(c.Args)
	if bad != "" {
		return c.Fail("%s: invalid signal specification: %s", c.Name, bad)
	}
	c.Args = args
	whole := c.Has("f")
	exact := c.Name == "killall" || c.Name == "pidof" || c.Has("x")
	names := slices.DeleteFunc(slices.Clone(args), func(a string) bool { return strings.HasPrefix(a, "-") })
	if len(names) == 0 {
		return c.Quit(2, "%s: no matching criteria specified\nTry `%s --help' for more information.", c.Name, c.Name)
	}
	code := 1
	var pids []string
	for _, name := range names {
		re, err := guard.Compile(name)
		if err != nil {
			re = regexp.MustCompile(regexp.QuoteMeta(name))
		}
		found := false
		for _, p := range c.Shell.Processes() {
			base := p.base()
			if short := base[:min(len(base), 15)]; exact && base != path.Base(name) && short != name || !exact && !whole && !re.MatchString(base) || whole && !re.MatchString(p.Command) {
				continue
			}
			found = true
			switch {
			case c.Name == "pidof":
				pids = append([]string{strconv.Itoa(p.PID)}, pids...)
			case c.Name == "pgrep" && c.Has("a"):
				c.Printf("%d %s\n", p.PID, p.Command)
			case c.Name == "pgrep" && c.Has("l"):
				c.Printf("%d %s\n", p.PID, base)
			case c.Name == "pgrep":
				c.Printf("%d\n", p.PID)
			default:
				if err := c.Shell.Signal(c.User, p.PID, signal); err != nil {
					c.Fail(map[string]string{"pkill": "pkill: killing pid %[1]d failed: %[3]s", "killall": "%[2]s(%[1]d): %[3]s"}[c.Name], p.PID, base, Reason(err))
					continue
				}
			}
			code = 0
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
