package login

import (
	"context"
	"strings"
	"time"

	"demarc/nodes/host"
	"demarc/nodes/shell"
)

func history(_ context.Context, c *call) int {
	if c.Has("c") {
		c.s.history = nil
		return 0
	}
	for i, l := range c.s.history {
		c.Printf("%5d  %s\n", i+1, l)
	}
	return 0
}

func editor(_ context.Context, c *call) int {
	return c.Fail("%s: demarc's shell has no full-screen editor: write files with echo … > FILE or tee", c.Name)
}

func man(_ context.Context, c *call) int {
	names := c.Operands()
	if len(names) == 0 {
		return c.Fail("What manual page do you want?\nFor example, try 'man man'.")
	}
	return c.Quit(16, "No manual entry for %s", names[len(names)-1])
}

func help(_ context.Context, c *call) int {
	c.Printf("%s\n", strings.TrimSpace(`
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
	if c.Has("l") {
		return c.Fail("no crontab for %s", c.User)
	}
	return c.Fail("crontab: demarc's machines run no cron jobs: use a systemd unit or a CronJob")
}

func clearScreen(_ context.Context, c *call) int { return c.Done("\x1b[H\x1b[2J") }

func lsblk(_ context.Context, c *call) int {
	var size int64
	c.do(func(_ time.Time, h *host.Host, _ Runtime) { _, size = h.Disk() })
	return c.Done("NAME    MAJ:MIN RM  SIZE RO TYPE MOUNTPOINTS\nsda       8:0    0 %4s  0 disk \n├─sda1    8:1    0 %4s  0 part /\n├─sda14   8:14   0    4M  0 part \n└─sda15   8:15   0  106M  0 part /boot/efi\n", shell.Human(size), shell.Human(size))
}

func lsbRelease(_ context.Context, c *call) int {
	return c.Done("No LSB modules are available.\nDistributor ID:\tUbuntu\nDescription:\tUbuntu 22.04.5 LTS\nRelease:\t22.04\nCodename:\tjammy\n")
}

func tty(_ context.Context, c *call) int {
	if !c.s.options.Terminal {
		return c.Fail("not a tty")
	}
	return c.Done("/dev/pts/0\n")
}

func noJobs(_ context.Context, c *call) int {
	return c.Fail("bash: %s: no job control in this shell", c.Name)
}

func limits(_ context.Context, c *call) int {
	if c.Name == "umask" {
		return c.Done("0002\n")
	}
	return c.Done("unlimited\n")
}

// htop is top, if its package is there.
func htop(ctx context.Context, c *call) int { return shell.Coreutils["top"](ctx, c.Call) }

func init() { // some of the table's functions refer to it
	commands = map[string]command{
		"sudo": sudo, "su": su, "passwd": passwd, "useradd": useradd, "adduser": useradd, "usermod": useradd, "userdel": useradd,
		"who": who, "w": who, "last": who, "users": users, "groups": users,
		"systemctl": systemctl, "service": service, "journalctl": journalctl, "dmesg": dmesg, "logger": logger,
		"apt": apt, "apt-get": apt, "apt-cache": aptCache, "apt-mark": aptMark, "unattended-upgrade": unattendedUpgrade, "unattended-upgrades": unattendedUpgrade, "dpkg": dpkg, "dpkg-query": dpkg,
		"iptables": iptables, "iptables-save": iptablesSave, "iptables-nft": iptables, "iptables-legacy": iptables, "ufw": ufw,
		"htop": htop, "__spawn": spawn, "stress": stress, "stress-ng": stress,
		"chown": chown, "chgrp": chown, "df": df, "truncate": allocate, "fallocate": allocate, "dd": dd,
		"reboot": power, "shutdown": power, "poweroff": power, "halt": power, "init": power, "telinit": power,
		"arch": arch, "hostnamectl": hostnamectl, "uptime": uptime, "free": free, "lsblk": lsblk, "lsb_release": lsbRelease, "tty": tty,
		"sysctl": sysctl, "swapon": swap, "swapoff": swap, "modprobe": modprobe, "rmmod": modprobe, "lsmod": modprobe, "mount": mount, "umount": mount,
		"crictl": crictl, "ctr": ctr, "docker": docker, "kubectl": kubectl,
		"ping": ping, "nslookup": nslookup, "dig": nslookup, "host": nslookup, "ip": ip, "ifconfig": ip, "ss": ss, "netstat": ss,
		"history": history, "nano": editor, "vi": editor, "vim": editor, "visudo": editor, "man": man, "help": help, "crontab": crontab, "clear": clearScreen, "reset": clearScreen,
		"fg": noJobs, "bg": noJobs, "ulimit": limits, "umask": limits,
	}
	for _, name := range []string{"hash", "wait", "jobs", "disown"} {
		commands[name] = func(context.Context, *call) int { return 0 }
	}
}

func users(_ context.Context, c *call) int { return c.Done("%s\n", c.User) }

func arch(_ context.Context, c *call) int { return c.Done("x86_64\n") }
