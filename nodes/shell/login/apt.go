package login

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"demarc/nodes/host"
	"demarc/nodes/shell"
	"demarc/nodes/shell/guard"
)

// lockFailed is what the package tools say to those who are not root.
const lockFailed = "E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)\nE: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?"

// apt also stands for apt-get.
func apt(_ context.Context, c *call) int {
	o := c.Options("o= t= y,yes,assume-yes s,dry-run,simulate")
	if len(o.Operands) == 0 {
		return c.Done("apt 2.4.13 (amd64)\nUsage: apt [options] command\n")
	}
	if c.Name == "apt" {
		fmt.Fprint(c.Err, "\nWARNING: apt does not have a stable CLI interface. Use with caution in scripts.\n\n")
	}
	verb, names := o.Operands[0], o.Operands[1:]
	switch verb {
	case "list":
		return aptList(c, o, names)
	case "show", "policy", "search":
		return c.packages(verb, names)
	case "update":
		if !c.Root() {
			return c.Quit(100, "Reading package lists... Done\nE: Could not open lock file /var/lib/apt/lists/lock - open (13: Permission denied)\nE: Unable to lock directory /var/lib/apt/lists/")
		}
		return c.Done("Hit:1 http://azure.archive.ubuntu.com/ubuntu jammy InRelease\nHit:2 http://azure.archive.ubuntu.com/ubuntu jammy-updates InRelease\nHit:3 http://azure.archive.ubuntu.com/ubuntu jammy-security InRelease\nReading package lists... Done\n")
	case "install", "remove", "purge", "upgrade", "dist-upgrade", "full-upgrade", "autoremove", "reinstall":
		if !c.Root() {
			return c.Quit(100, lockFailed)
		}
		return aptChange(c, verb, names, o)
	case "clean", "autoclean":
		if !c.Root() {
			return c.Quit(100, "E: Could not open lock file /var/cache/apt/archives/lock - open (13: Permission denied)")
		}
		return 0
	case "download":
		return 0
	}
	return c.Quit(100, "E: Invalid operation %s", verb)
}

// allPackages are those that are installed or can be.
func (c *call) allPackages() (all []host.Package) {
	c.do(func(_ time.Time, h *host.Host, _ Runtime) { all = h.Packages() })
	return all
}

// pkg is a package, if there is one of that name.
func (c *call) pkg(name string) (p host.Package, ok bool) {
	c.do(func(_ time.Time, h *host.Host, _ Runtime) { p, ok = h.Package(name) })
	return p, ok
}

// aptChange installs, removes or upgrades, after a question.
func aptChange(c *call, verb string, names []string, o *shell.Options) int {
	c.Printf("Reading package lists... Done\nBuilding dependency tree... Done\nReading state information... Done\n")
	remove := verb == "remove" || verb == "purge"
	var have []string
	for i, n := range names {
		names[i] = strings.TrimSuffix(strings.Split(n, "=")[0], ":amd64")
	}
	var todo []string
	for _, n := range names {
		p, ok := c.pkg(n)
		switch {
		case !ok:
			return c.Quit(100, "E: Unable to locate package %s", n)
		case p.Installed == remove || verb == "reinstall" || !remove && p.Version != p.Candidate:
			todo = append(todo, n)
		default:
			have = append(have, fmt.Sprintf("%s is already the newest version (%s).", n, p.Version))
		}
	}
	if remove {
		for _, n := range names {
			if !slices.Contains(todo, n) {
				c.Printf("Package '%s' is not installed, so not removed\n", n)
			}
		}
	} else if verb == "install" {
		c.Print(have)
	}
	upgrade := strings.HasSuffix(verb, "upgrade")
	if len(todo) == 0 && !upgrade {
		return c.Done("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")
	}
	switch {
	case upgrade:
		c.Printf("Calculating upgrade... Done\n")
	case remove:
		c.Printf("The following packages will be REMOVED:\n  %s\n0 upgraded, 0 newly installed, %d to remove and 0 not upgraded.\n", strings.Join(todo, " "), len(todo))
	default:
		c.announce(todo)
	}
	if o.Has("s") {
		return 0
	}
	if !o.Has("y") && !c.confirmed() {
		return 1
	}
	return c.aptRun(verb, todo, remove, upgrade)
}

// announce says what is to be upgraded and what is new.
func (c *call) announce(todo []string) {
	var newer, new []string
	for _, n := range todo {
		if p, _ := c.pkg(n); p.Installed {
			newer = append(newer, n)
		} else {
			new = append(new, n)
		}
	}
	if len(new) > 0 {
		c.Printf("The following NEW packages will be installed:\n  %s\n", strings.Join(new, " "))
	}
	if len(newer) > 0 {
		c.Printf("The following packages will be upgraded:\n  %s\n", strings.Join(newer, " "))
	}
	c.Printf("%d upgraded, %d newly installed, 0 to remove and 0 not upgraded.\n", len(newer), len(new))
}

func (c *call) aptRun(verb string, todo []string, remove, upgrade bool) int {
	var changed []string
	err := errGone
	c.do(func(now time.Time, h *host.Host, _ Runtime) {
		switch {
		case upgrade:
			changed, err = h.Upgrade(now, todo...)
		case remove:
			changed, err = h.Remove(now, verb == "purge", todo...)
		default:
			changed, err = h.Install(now, todo...)
		}
	})
	c.Print(changed)
	if err != nil {
		text := err.Error()
		if !strings.HasPrefix(text, "E: ") && !strings.Contains(text, "\nE: ") {
			text = "E: " + text
		}
		return c.Quit(100, "%s", text)
	}
	if upgrade && len(changed) == 0 {
		c.Printf("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")
	}
	return 0
}

// confirmed asks whether to go on.
func (c *call) confirmed() bool {
	c.Printf("Do you want to continue? [Y/n] ")
	answer, ok := guard.Line(c.In)
	ok = ok || answer != ""
	answer = strings.ToLower(strings.TrimSpace(answer))
	if ok && (answer == "" || answer == "y" || answer == "yes") {
		return true
	}
	c.Printf("Abort.\n")
	return false
}

func matches(names []string, name string) bool {
	return len(names) == 0 || slices.ContainsFunc(names, func(p string) bool { ok, _ := path.Match(p, name); return ok })
}

func aptList(c *call, o *shell.Options, names []string) int {
	c.Printf("Listing... Done\n")
	for _, p := range c.allPackages() {
		upgradable := p.Installed && p.Version != p.Candidate
		if o.Has("installed") && !p.Installed || !matches(names, p.Name) || o.Has("upgradable") && !upgradable {
			continue
		}
		if o.Has("upgradable") {
			pocket := "jammy-updates"
			if p.Security {
				pocket = "jammy-updates,jammy-security"
			}
			c.Printf("%s/%s %s amd64 [upgradable from: %s]\n", p.Name, pocket, p.Candidate, p.Version)
			continue
		}
		state := ""
		if p.Installed {
			state = " [installed]"
		}
		c.Printf("%s/jammy-updates,now %s amd64%s\n", p.Name, p.Version, state)
	}
	return 0
}

// packages answers show, policy and search.
func (c *call) packages(verb string, names []string) int {
	code := 0
	all := c.allPackages()
	for _, n := range names {
		found := false
		for _, p := range all {
			switch {
			case verb == "search" && (strings.Contains(p.Name, n) || strings.Contains(p.Description, n)):
				c.Printf("%s - %s\n", p.Name, p.Description)
				found = true
			case verb == "search" || p.Name != n:
			case verb == "policy":
				installed := "(none)"
				if p.Installed {
					installed = p.Version
				}
				c.Printf("%s:\n  Installed: %s\n  Candidate: %s\n  Version table:\n     %s 500\n        500 http://azure.archive.ubuntu.com/ubuntu jammy-updates/main amd64 Packages\n", p.Name, installed, p.Candidate, p.Candidate)
				found = true
			default:
				c.Printf("Package: %s\nVersion: %s\nArchitecture: amd64\nDescription: %s\n\n", p.Name, p.Version, p.Description)
				found = true
			}
		}
		switch {
		case found || verb == "search":
		case verb == "policy":
			c.Fail("N: Unable to locate package %s", n)
		default:
			code = c.Quit(100, "N: Unable to locate package %s\nE: No packages found", n)
		}
	}
	return code
}

func aptCache(_ context.Context, c *call) int {
	words := c.Operands()
	if len(words) < 2 {
		return c.Quit(100, "E: Invalid operation")
	}
	return c.packages(words[0], words[1:])
}

// aptMark puts packages on hold, which keeps their patches away.
func aptMark(_ context.Context, c *call) int {
	words := c.Operands()
	if len(words) == 0 {
		return c.Quit(100, "E: Invalid operation")
	}
	verb, names := words[0], words[1:]
	if strings.HasPrefix(verb, "show") {
		if verb == "showhold" || verb == "showholds" {
			c.do(func(_ time.Time, h *host.Host, _ Runtime) { c.Print(h.HeldPackages()) })
		}
		return 0
	}
	if !c.Root() {
		return c.Quit(100, "%s", strings.Split(lockFailed, "\n")[0])
	}
	for _, n := range names {
		if _, ok := c.pkg(n); !ok {
			return c.Quit(100, "E: Can't select installed nor candidate version from package %[1]s as it has neither of them\nE: Unable to locate package %[1]s", n)
		}
		switch verb {
		case "hold":
			c.hold(n, true, "%s set on hold.\n", "%s was already set on hold.\n")
		case "unhold":
			c.hold(n, false, "Canceled hold on %s.\n", "%s was already not on hold.\n")
		}
	}
	return 0
}

// hold puts a package on hold or lets it go, and says whether that was new.
func (c *call) hold(pkg string, held bool, done, already string) {
	text := done
	c.do(func(now time.Time, h *host.Host, _ Runtime) {
		if h.OnHold(pkg) == held {
			text = already
		}
		h.HoldPackage(now, pkg, held)
	})
	c.Printf(text, pkg)
}

// unattendedUpgrade runs unattended-upgrades by hand.
func unattendedUpgrade(_ context.Context, c *call) int {
	if !c.Root() {
		return c.Fail("You need to be root to run this application")
	}
	if c.Has("h") || c.Long("--help") {
		return c.Done("Usage: unattended-upgrade [options]\n")
	}
	var u host.Upgrade
	c.do(func(now time.Time, h *host.Host, _ Runtime) { u = h.Unattended(now) })
	if u.Failed != "" {
		return c.Fail("%s", u.Failed)
	}
	return 0
}

// dpkg knows -l, -s, -r, -P, -i, -L and -S.
func dpkg(_ context.Context, c *call) int {
	names := c.Operands()
	switch {
	case c.Has("l") || c.Long("--list"):
		return dpkgList(c, names)
	case c.Has("s") || c.Long("--status"):
		return dpkgStatus(c, names)
	case c.Long("--configure", "--audit"), c.Has("C"):
		return 0
	case c.Has("rPi") || c.Long("--remove", "--purge", "--install"):
		if !c.Root() {
			return c.Quit(2, "dpkg: error: requested operation requires superuser privilege")
		}
		if c.Has("i") || c.Long("--install") {
			return dpkgInstall(c, names)
		}
		return dpkgRemove(c, names)
	}
	return c.Quit(2, "dpkg: error: need an action option\n\nType dpkg --help for help about installing and deinstalling packages [*];\nUse 'apt' or 'aptitude' for user-friendly package management;")
}

func dpkgList(c *call, names []string) int {
	all := slices.DeleteFunc(c.allPackages(), func(p host.Package) bool { return !p.Installed || !matches(names, p.Name) })
	if len(all) == 0 {
		return c.Fail("dpkg-query: no packages found matching %s", strings.Join(names, " "))
	}
	name, version := 14, 12
	for _, p := range all {
		name, version = max(name, len(p.Name)), max(version, len(p.Version))
	}
	c.Printf("Desired=Unknown/Install/Remove/Purge/Hold\n| Status=Not/Inst/Conf-files/Unpacked/halF-conf/Half-inst/trig-aWait/Trig-pend\n|/ Err?=(none)/Reinst-required (Status,Err: uppercase=bad)\n")
	c.Printf("||/ %-*s %-*s %-12s %s\n", name, "Name", version, "Version", "Architecture", "Description")
	c.Printf("+++-%s-%s-============-=================================\n", strings.Repeat("=", name), strings.Repeat("=", version))
	for _, p := range all {
		state := "ii"
		if p.Held {
			state = "hi"
		}
		c.Printf("%s  %-*s %-*s %-12s %s\n", state, name, p.Name, version, p.Version, "amd64", p.Description)
	}
	return 0
}

func dpkgStatus(c *call, names []string) int {
	code := 0
	for _, n := range names {
		p, _ := c.pkg(n)
		if !p.Installed {
			code = c.Fail("dpkg-query: package '%s' is not installed and no information is available\nUse dpkg --info (= dpkg-deb --info) to examine archive files.", n)
			continue
		}
		c.Printf("Package: %s\nStatus: install ok installed\nPriority: optional\nArchitecture: amd64\nVersion: %s\nDescription: %s\n", p.Name, p.Version, p.Description)
	}
	return code
}

func dpkgRemove(c *call, names []string) int {
	code := 0
	for _, n := range names {
		var p host.Package
		var changed []string
		err := errors.New("")
		c.do(func(now time.Time, h *host.Host, _ Runtime) {
			if p, _ = h.Package(n); p.Installed {
				changed, err = h.Remove(now, c.Has("P") || c.Long("--purge"), n)
			}
		})
		switch {
		case !p.Installed:
			c.Fail("dpkg: warning: ignoring request to remove %s which isn't installed", n)
		case err != nil:
			code = c.Fail("dpkg: error processing package %s (--remove):\n %v\nErrors were encountered while processing:\n %s", n, err, n)
		default:
			c.Print(changed)
		}
	}
	return code
}

// dpkgInstall installs a package by the name of its file, if the file is there.
func dpkgInstall(c *call, names []string) int {
	for _, n := range names {
		if _, err := c.Shell.Stat(c.Path(n)); err != nil {
			return c.Fail("dpkg: error: cannot access archive '%s': %s", n, shell.Reason(err))
		}
		name := strings.Split(path.Base(n), "_")[0]
		err := errGone
		var changed []string
		c.do(func(now time.Time, h *host.Host, _ Runtime) { changed, err = h.Install(now, name) })
		if err != nil {
			return c.Fail("dpkg-deb: error: '%s' is not a Debian format archive\ndpkg: error processing archive %s (--install):\n dpkg-deb --control subprocess returned error exit status 2\nErrors were encountered while processing:\n %s", n, n, n)
		}
		c.Print(changed)
	}
	return 0
}
