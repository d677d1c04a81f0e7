package login

import (
	"context"
	"fmt"
	"strings"
	"time"

	"demarc/nodes/host"

	"mvdan.cc/sh/v3/interp"
)

func nothing(context.Context, *call) int { return 0 }

func no(context.Context, *call) int { return 1 }

// maxSleep bounds one wait of a session.
const maxSleep = time.Hour

func sleep(ctx context.Context, c *call) int {
	if len(c.args) == 0 {
		return c.fail("sleep: missing operand\nTry 'sleep --help' for more information.")
	}
	var all time.Duration
	for _, a := range c.args {
		d, ok := span(a)
		if a == "infinity" || a == "inf" {
			d, ok = maxSleep, true
		}
		if !ok {
			return c.fail("sleep: invalid time interval ‘%s’\nTry 'sleep --help' for more information.", a)
		}
		all += d
	}
	if !pause(ctx, min(all, maxSleep)) {
		return 130
	}
	return 0
}

// timeout runs a command and ends it after some time.
func timeout(ctx context.Context, c *call) int {
	args := c.args
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		if args[0] == "-s" || args[0] == "-k" {
			args = args[1:] // and their value
		}
		args = args[min(1, len(args)):]
	}
	if len(args) < 2 {
		c.fail("timeout: missing operand\nTry 'timeout --help' for more information.")
		return 125
	}
	d, ok := span(args[0])
	if !ok {
		c.fail("timeout: invalid time interval ‘%s’", args[0])
		return 125
	}
	limited, cancel := context.WithTimeout(ctx, min(d, maxSleep))
	defer cancel()
	code := c.run(limited, args[1:])
	if limited.Err() != nil && ctx.Err() == nil {
		return 124
	}
	return code
}

// wrapped runs another command: nohup, nice, time, stdbuf, setsid, watch (once).
func wrapped(ctx context.Context, c *call) int {
	rest := options(until(c.args), "nios", nil, func(string, string) {})
	rest = append(rest, c.args[len(until(c.args)):]...)
	if len(rest) == 0 {
		return c.fail("%s: missing operand\nTry '%s --help' for more information.", c.name, c.name)
	}
	if c.name == "watch" {
		c.printf("Every 2.0s: %s\n\n", strings.Join(rest, " "))
		return c.s.script(ctx, strings.Join(rest, " "), []string{"sh"}, c.streams)
	}
	return c.run(ctx, rest)
}

// until are the arguments before the command that is wrapped.
func until(args []string) []string {
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-n" || a == "-i" || a == "-o":
			i++
		case !strings.HasPrefix(a, "-"):
			return args[:i]
		}
	}
	return args
}

// which also stands for type and command -v.
func which(_ context.Context, c *call) int {
	code := 0
	for _, name := range c.operands() {
		_, ok := c.s.lookup(name)
		builtin := interp.IsBuiltin(name)
		switch {
		case builtin && c.name == "type" && !c.has("v"):
			c.printf("%s is a shell builtin\n", name)
		case builtin && c.name == "type":
			c.printf("%s\n", name)
		case !ok:
			code = 1
			if c.name == "type" && !c.has("v") {
				c.fail("bash: type: %s: not found", name)
			}
		case strings.Contains(name, "/"):
			c.printf("%s\n", name)
		case c.name == "type" && !c.has("v"):
			c.printf("%s is /usr/bin/%s\n", name, name)
		default:
			c.printf("/usr/bin/%s\n", name)
		}
	}
	return code
}

func history(_ context.Context, c *call) int {
	if c.has("c") {
		c.s.history = nil
		return 0
	}
	for i, l := range c.s.history {
		c.printf("%5d  %s\n", i+1, l)
	}
	return 0
}

func editor(_ context.Context, c *call) int {
	return c.fail("%s: demarc's shell has no full-screen editor: write files with echo … > FILE or tee", c.name)
}

func man(_ context.Context, c *call) int {
	names := c.operands()
	if len(names) == 0 {
		return c.fail("What manual page do you want?\nFor example, try 'man man'.")
	}
	c.fail("No manual entry for %s", names[len(names)-1])
	return 16
}

func help(_ context.Context, c *call) int {
	c.printf("%s\n", strings.TrimSpace(`
This is a simulated AKS node: commands of Ubuntu that people use on nodes are here, by
their usual names and options, such as:
  systemctl, journalctl, service     units and their journal
  crictl, ctr, ps, kill, pkill       containers and processes
  apt, dpkg                          packages
  iptables, curl, nc, ip, ss         network
  df, free, top, uptime, uname       the machine
  cat, ls, grep, sed, tee, rm, …     files
Put sudo in front of what only root may do.`))
	return 0
}

func crontab(_ context.Context, c *call) int {
	if c.has("l") {
		return c.fail("no crontab for %s", c.user)
	}
	return c.fail("crontab: demarc's machines run no cron jobs: use a systemd unit or a CronJob")
}

func clearScreen(_ context.Context, c *call) int {
	c.printf("\x1b[H\x1b[2J")
	return 0
}

func nproc(_ context.Context, c *call) int {
	c.printf("4\n")
	return 0
}

func lsblk(_ context.Context, c *call) int {
	var size int64
	c.do(func(_ time.Time, h *host.Host, _ Runtime) { _, size = h.Disk() })
	c.printf("NAME    MAJ:MIN RM  SIZE RO TYPE MOUNTPOINTS\nsda       8:0    0 %4s  0 disk \n├─sda1    8:1    0 %4s  0 part /\n├─sda14   8:14   0    4M  0 part \n└─sda15   8:15   0  106M  0 part /boot/efi\n", human(size), human(size))
	return 0
}

func lsbRelease(_ context.Context, c *call) int {
	c.printf("No LSB modules are available.\nDistributor ID:\tUbuntu\nDescription:\tUbuntu 22.04.5 LTS\nRelease:\t22.04\nCodename:\tjammy\n")
	return 0
}

func tty(_ context.Context, c *call) int {
	if !c.s.options.Terminal {
		return c.fail("not a tty")
	}
	c.printf("/dev/pts/0\n")
	return 0
}

func noJobs(_ context.Context, c *call) int {
	return c.fail("bash: %s: no job control in this shell", c.name)
}

func limits(_ context.Context, c *call) int {
	if c.name == "umask" {
		c.printf("0002\n")
		return 0
	}
	c.printf("unlimited\n")
	return 0
}

// readlink is the name itself: there are no links.
func readlink(_ context.Context, c *call) int {
	for _, name := range c.operands() {
		c.printf("%s\n", c.path(name))
	}
	return 0
}

func init() { // some of the table's functions refer to it
	commands = map[string]command{
		"sudo": sudo, "su": su, "bash": bash, "sh": bash, "dash": bash, "passwd": passwd, "useradd": useradd, "adduser": useradd, "usermod": useradd, "userdel": useradd,
		"id": id, "whoami": whoami, "who": who, "w": who, "last": who, "users": whoami, "env": env, "printenv": env, "groups": whoami,
		"systemctl": systemctl, "service": service, "journalctl": journalctl, "dmesg": dmesg, "logger": logger,
		"apt": apt, "apt-get": apt, "apt-cache": aptCache, "apt-mark": aptMark, "unattended-upgrade": unattendedUpgrade, "unattended-upgrades": unattendedUpgrade, "dpkg": dpkg, "dpkg-query": dpkg,
		"iptables": iptables, "iptables-save": iptablesSave, "iptables-nft": iptables, "iptables-legacy": iptables, "ufw": ufw,
		"ps": ps, "top": top, "htop": top, "kill": kill, "pkill": pkill, "killall": pkill, "pgrep": pkill, "pidof": pkill, "__spawn": spawn,
		"stress": stress, "stress-ng": stress, "sleep": sleep, "timeout": timeout, "nohup": wrapped, "nice": wrapped, "ionice": wrapped, "setsid": wrapped, "stdbuf": wrapped, "watch": wrapped,
		"cat": cat, "tac": cat, "less": cat, "more": cat, "ls": ls, "ll": ls, "stat": stat, "mkdir": mkdir, "touch": touch, "rm": rm, "rmdir": rm, "cp": cp, "mv": cp, "ln": cp,
		"tee": tee, "chmod": chmod, "chown": chmod, "chgrp": chmod, "find": find, "du": du, "df": df, "truncate": allocate, "fallocate": allocate, "dd": dd, "sync": nothing, "readlink": readlink, "realpath": readlink,
		"grep": grep, "egrep": grep, "fgrep": grep, "sed": sed, "awk": awk, "gawk": awk, "cut": cut, "sort": sortLines, "uniq": uniq, "wc": wc, "head": head, "tail": head, "tr": tr, "seq": seq, "yes": yes,
		"basename": basename, "dirname": basename, "base64": base64Text, "xargs": xargs, "echo": echo, "printf": builtin, "test": builtin, "[": builtin, "true": nothing, "false": no, "pwd": builtin,
		"reboot": power, "shutdown": power, "poweroff": power, "halt": power, "init": power, "telinit": power,
		"uname": uname, "arch": builtinArch, "hostname": hostname, "hostnamectl": hostnamectl, "uptime": uptime, "date": date, "free": free, "nproc": nproc, "lsblk": lsblk, "lsb_release": lsbRelease, "tty": tty,
		"sysctl": sysctl, "swapon": swap, "swapoff": swap, "modprobe": modprobe, "rmmod": modprobe, "lsmod": modprobe, "mount": mount, "umount": mount,
		"crictl": crictl, "ctr": ctr, "docker": docker, "kubectl": kubectl,
		"curl": curl, "wget": wget, "nc": nc, "ncat": nc, "ping": ping, "nslookup": nslookup, "dig": nslookup, "host": nslookup, "ip": ip, "ifconfig": ip, "ss": ss, "netstat": ss,
		"which": which, "type": which, "history": history, "nano": editor, "vi": editor, "vim": editor, "visudo": editor, "man": man, "help": help, "crontab": crontab, "clear": clearScreen, "reset": clearScreen,
		"hash": nothing, "wait": nothing, "jobs": nothing, "disown": nothing, "fg": noJobs, "bg": noJobs, "ulimit": limits, "umask": limits,
	}
	delete(commands, "ll") // an alias of interactive shells, which ours is not
}

// builtin runs one of the interpreter's own commands in a shell of its own.
func builtin(ctx context.Context, c *call) int {
	words := append([]string{c.name}, c.args...)
	text, err := quoted(words)
	if err != nil {
		return c.fail("%s: %v", c.name, err)
	}
	return c.s.script(ctx, text, nil, c.streams)
}

func builtinArch(_ context.Context, c *call) int {
	fmt.Fprintln(c.out, "x86_64")
	return 0
}
