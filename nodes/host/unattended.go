package host

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// UpgradeTimer is the unit that starts unattended-upgrades.
const UpgradeTimer = "apt-daily-upgrade.timer"

const (
	upgradeService = "apt-daily-upgrade.service"
	// upgradeHour is when unattended-upgrades run at the earliest, UTC. Ubuntu's
	// timer adds up to an hour, another one on each machine (Ubuntu 22.04,
	// apt-daily-upgrade.timer: OnCalendar=*-*-* 6:00, RandomizedDelaySec=60m).
	upgradeHour    = 6 * time.Hour
	upgradeLog     = "/var/log/unattended-upgrades/unattended-upgrades.log"
	rebootPackages = rebootRequired + ".pkgs"
)

// Patching is how a machine gets its patches.
type Patching struct {
	Archive *Archive
	// Delay is by how much the machine's timer is late every day: less than an
	// hour, in whole seconds.
	Delay time.Duration
	// Reach says what outside of the machine keeps it from connecting to a host's
	// port; empty if nothing does.
	Reach func(port int, dest string) string
	// Manual says whether nothing is installed at night; nil if it is.
	Manual func() bool
}

// Upgrade is one run of unattended-upgrades.
type Upgrade struct {
	Installed []Patch
	// Held are packages whose patch an administrator keeps away.
	Held []string
	// Failed says why nothing was installed, or not everything.
	Failed string
}

// nextUpgrade is when the timer is due; in the past if the machine was off then
// (the timer is persistent), zero if it is not.
func (h *apt) nextUpgrade() time.Time {
	if h.patching == nil || h.off() || !h.Running(UpgradeTimer) || h.patching.Manual != nil && h.patching.Manual() {
		return time.Time{}
	}
	from := h.booted
	if !h.d.Upgraded.IsZero() {
		from = h.d.Upgraded
	}
	if from.IsZero() {
		return from
	}
	at := from.UTC().Truncate(24 * time.Hour).Add(upgradeHour + h.patching.Delay)
	if !at.After(from) {
		at = at.Add(24 * time.Hour)
	}
	return at
}

// nightly runs unattended-upgrades if they are due.
func (h *apt) nightly(now time.Time) {
	if at := h.nextUpgrade(); at.IsZero() || at.After(now) {
		return
	}
	h.change().Upgraded = now
	h.Log(now, upgradeService, "systemd", "Starting Daily apt upgrade and clean activities...")
	if p, ok := h.Package("unattended-upgrades"); ok && p.Installed {
		u := h.Unattended(now)
		h.upgrades = append(h.upgrades, u)
	}
	h.Log(now, upgradeService, "systemd", "Finished Daily apt upgrade and clean activities.")
}

// TakeUpgrades returns the runs of unattended-upgrades since the last call.
func (h *apt) TakeUpgrades() []Upgrade {
	list := h.upgrades
	h.upgrades = nil
	return list
}

// Unattended runs unattended-upgrades: what the security pocket has and nobody
// holds is installed. With names only these packages are looked at.
func (h *apt) Unattended(now time.Time, names ...string) (u Upgrade) {
	h.logUpgrade(now, "Starting unattended upgrades script")
	h.logUpgrade(now, "Allowed origins are: o=Ubuntu,a=jammy-security, o=microsoft-ubuntu-jammy-prod jammy,a=jammy")
	if err := h.aptReady(); err != nil {
		u.Failed = err.Error()
	}
	var todo []choice
	for _, p := range h.pending() {
		switch {
		case len(names) > 0 && !slices.Contains(names, p.Package):
		case h.OnHold(p.Package):
			u.Held = append(u.Held, p.Package)
		case u.Failed == "":
			def, _ := h.image.known(p.Package)
			todo = append(todo, choice{def, p.Version})
		}
	}
	if len(u.Held) > 0 {
		h.logUpgrade(now, "Packages that are kept back: "+strings.Join(u.Held, " "))
	}
	if len(todo) == 0 && u.Failed == "" {
		h.logUpgrade(now, "No packages found that can be upgraded unattended and no pending auto-removals")
		h.settle(now)
		return u
	}
	// Each for itself: one that cannot be had does not keep others away.
	for _, x := range todo {
		before, _ := h.installed(x.def)
		h.logUpgrade(now, "Packages that will be upgraded: "+x.def.name)
		if _, err := h.installAll(now, []choice{x}); err != nil {
			u.Failed = err.Error()
			continue
		}
		if v, _ := h.installed(x.def); v != before {
			p, _ := h.archive().find(x.def.name, x.version)
			u.Installed = append(u.Installed, p)
		}
	}
	if u.Failed != "" {
		h.logUpgrade(now, "ERROR "+u.Failed)
	} else {
		h.logUpgrade(now, "All upgrades installed")
	}
	h.settle(now)
	return u
}

func (h *apt) logUpgrade(now time.Time, text string) {
	level := "INFO"
	if rest, ok := strings.CutPrefix(text, "ERROR "); ok {
		level, text = "ERROR", rest
	}
	h.Log(now, upgradeService, "unattended-upgrade", text)
	h.appendLog(now, upgradeLog, fmt.Sprintf("%s %s %s\n", now.UTC().Format("2006-01-02 15:04:05,000"), level, text))
}

// maxLog is how long a log of patches gets before the older half of it goes.
const maxLog = 64 << 10

// appendLog appends to a log of the system. A full disk takes nothing.
func (h *apt) appendLog(now time.Time, file, line string) {
	text := h.kept(file)
	if len(text) > maxLog {
		text = text[len(text)/2:]
	}
	// What cannot be written is lost, as with any log.
	_ = h.place(now, file, written(now, "", text+line))
}
