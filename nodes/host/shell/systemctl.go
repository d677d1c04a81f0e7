package shell

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"demarc/nodes/host"
)

// unitName completes a unit's name: kubelet is kubelet.service.
func unitName(name string) string {
	for _, suffix := range []string{".service", ".timer", ".socket", ".target", ".mount", ".slice", ".path"} {
		if strings.HasSuffix(name, suffix) {
			return name
		}
	}
	return name + ".service"
}

// control is one run of systemctl.
type control struct {
	*call
	verb  string
	units []string
	flags map[string]bool
	value map[string]string
}

func systemctl(ctx context.Context, c *call) int {
	k := control{call: c, flags: map[string]bool{}, value: map[string]string{}}
	rest := options(c.args, "tpnsoH", []string{"type", "state", "property", "lines", "signal", "output"}, func(name, value string) {
		k.flags[name], k.value[name] = true, value
	})
	if len(rest) == 0 {
		rest = []string{"list-units"}
	}
	k.verb = rest[0]
	for _, u := range rest[1:] {
		k.units = append(k.units, unitName(u))
	}
	switch k.verb {
	case "start", "stop", "restart", "reload", "try-restart", "reload-or-restart", "enable", "disable", "reenable", "mask", "unmask", "kill", "reset-failed":
		return k.change()
	case "status":
		return k.status()
	case "is-active", "is-enabled", "is-failed":
		return k.is()
	case "show":
		return k.show()
	case "cat":
		return k.cat()
	case "list-units", "list-unit-files":
		return k.list()
	case "list-timers", "list-sockets", "list-jobs":
		c.printf("0 %s listed.\n", strings.TrimPrefix(k.verb, "list-"))
		return 0
	case "is-system-running":
		return k.system()
	case "daemon-reload", "daemon-reexec":
		if !c.root() {
			return c.fail("Failed to reload daemon: Interactive authentication required.")
		}
		return 0
	case "reboot", "poweroff", "halt", "kexec":
		c.name = k.verb
		return power(ctx, c)
	case "edit", "set-property", "revert":
		return c.fail("Cannot edit units: demarc's shell has no full-screen editor: write a file below /etc/systemd/system/ with tee and run systemctl daemon-reload.")
	case "get-default":
		c.printf("multi-user.target\n")
		return 0
	}
	return c.fail("Unknown command verb %s.", k.verb)
}

// service is the older way to say systemctl VERB UNIT.
func service(ctx context.Context, c *call) int {
	names := c.operands()
	if len(names) < 2 {
		if c.long("--status-all") {
			c.args = []string{"list-units"}
			return systemctl(ctx, c)
		}
		return c.fail("Usage: service < option > | --status-all | [ service_name [ command | --full-restart ] ]")
	}
	c.args = []string{names[1], names[0]}
	return systemctl(ctx, c)
}

// did is what enable and its like say of the files that they change.
func did(verb string, u host.Unit) string {
	want := "/etc/systemd/system/multi-user.target.wants/" + u.Name
	own := "/etc/systemd/system/" + u.Name
	switch {
	case verb == "enable" && u.Enabled == "disabled":
		return fmt.Sprintf("Created symlink %s → %s.", want, u.File)
	case verb == "disable" && u.Enabled == "enabled":
		return fmt.Sprintf("Removed %s.", want)
	case verb == "mask" && !u.Masked:
		return fmt.Sprintf("Created symlink %s → /dev/null.", own)
	case verb == "unmask" && u.Masked:
		return fmt.Sprintf("Removed %s.", own)
	}
	return ""
}

// denied is what systemctl says to those who are not root.
func denied(verb, unit string) string {
	switch verb {
	case "enable", "disable", "reenable", "mask", "unmask":
		return fmt.Sprintf("Failed to %s unit: Interactive authentication required.", strings.TrimPrefix(verb, "re"))
	case "kill":
		return fmt.Sprintf("Failed to kill unit %s: Interactive authentication required.", unit)
	}
	return fmt.Sprintf("Failed to %s %s: Interactive authentication required.\nSee system logs and 'systemctl status %s' for details.", verb, unit, unit)
}

// change starts, stops and so on.
func (k *control) change() int {
	if len(k.units) == 0 && k.verb != "reset-failed" {
		return k.fail("Too few arguments.")
	}
	code := 0
	for _, name := range k.units {
		if !k.root() {
			code = k.fail("%s", denied(k.verb, name))
			continue
		}
		var u host.Unit
		var ok bool
		var err error
		k.do(func(now time.Time, h *host.Host, _ Runtime) {
			if u, ok = h.Unit(name); ok || k.verb == "mask" {
				err = k.act(now, h, u, name)
			}
		})
		switch {
		case !ok && k.verb == "mask":
			fmt.Fprintf(k.err, "Unit %s does not exist, proceeding anyway.\n", name)
		case !ok:
			code = k.missing(name)
		case err != nil:
			code = k.refused(u, err)
		default:
			if text := did(k.verb, u); text != "" {
				fmt.Fprintln(k.err, text)
			}
		}
	}
	return code
}

func (k *control) missing(name string) int {
	switch k.verb {
	case "enable", "disable", "reenable":
		return k.fail("Failed to %s unit: Unit file %s does not exist.", strings.TrimPrefix(k.verb, "re"), name)
	case "unmask":
		fmt.Fprintf(k.err, "Unit %s does not exist, proceeding anyway.\n", name)
		return 0
	case "kill", "reset-failed":
		return k.fail("Failed to %s unit %s: Unit %s not loaded.", strings.ReplaceAll(k.verb, "-", " "), name, name)
	}
	k.fail("Failed to %s %s: Unit %s not found.", k.verb, name, name)
	return 5
}

// refused is what systemctl says of a unit with which it cannot do what it should.
func (k *control) refused(u host.Unit, err error) int {
	text := err.Error()
	switch {
	case u.Masked && (k.verb == "start" || k.verb == "restart"):
		return k.fail("Failed to %s %s: Unit %s is masked.", k.verb, u.Name, u.Name)
	case u.Masked && k.verb == "enable":
		return k.fail("Failed to enable unit: Unit file %s is masked.", u.File)
	case strings.HasPrefix(text, "Failed to ") || strings.HasPrefix(text, "Job for "):
		return k.fail("%s", text)
	case k.verb == "start" || k.verb == "restart":
		return k.fail("Job for %s failed because the control process exited with error code.\nSee \"systemctl status %s\" and \"journalctl -xeu %s\" for details.", u.Name, u.Name, u.Name)
	}
	return k.fail("Failed to %s %s: %s", k.verb, u.Name, text)
}

func (k *control) act(now time.Time, h *host.Host, u host.Unit, name string) error {
	now2 := k.flags["now"]
	switch k.verb {
	case "start":
		return h.StartUnit(now, name)
	case "stop":
		return h.StopUnit(now, name)
	case "restart", "reload-or-restart":
		return h.RestartUnit(now, name)
	case "try-restart":
		if u.Active == "active" {
			return h.RestartUnit(now, name)
		}
	case "enable", "reenable":
		if err := h.EnableUnit(now, name); err != nil || !now2 {
			return err
		}
		return h.StartUnit(now, name)
	case "disable":
		if err := h.DisableUnit(now, name); err != nil || !now2 {
			return err
		}
		return h.StopUnit(now, name)
	case "mask":
		if err := h.MaskUnit(now, name); err != nil || !now2 {
			return err
		}
		return h.StopUnit(now, name)
	case "unmask":
		return h.UnmaskUnit(now, name)
	case "kill":
		if u.PID > 0 {
			return h.Kill(now, u.PID, signalNumber(k.value["s"]+k.value["signal"], 15))
		}
	}
	return nil
}

// since is a time in systemd's words: Tue 2026-05-12 08:00:00 UTC; 2h 5min ago.
func since(at, now time.Time) string {
	return at.UTC().Format("Mon 2006-01-02 15:04:05 MST") + "; " + ago(now.Sub(at)) + " ago"
}

// ago is a span in systemd's words, of at most two units.
func ago(d time.Duration) string {
	units := []struct {
		name string
		size time.Duration
	}{{" day", 24 * time.Hour}, {"h", time.Hour}, {"min", time.Minute}, {"s", time.Second}}
	var parts []string
	for i, u := range units {
		n := d / u.size
		d -= n * u.size
		if n == 0 || u.name == "s" && len(parts) > 1 || len(parts) == 2 {
			continue
		}
		name := u.name
		if i == 0 && n > 1 {
			name = " days"
		}
		parts = append(parts, fmt.Sprintf("%d%s", n, name))
	}
	if len(parts) == 0 {
		return "0s"
	}
	return strings.Join(parts, " ")
}

// status shows units as systemctl status does; without a name, the machine.
func (k *control) status() int {
	if len(k.units) == 0 {
		return k.system()
	}
	code := 0
	for i, name := range k.units {
		if i > 0 {
			k.printf("\n")
		}
		var u host.Unit
		var ok bool
		var at time.Time
		var entries []host.Entry
		var memory int64
		k.do(func(now time.Time, h *host.Host, _ Runtime) {
			at = now
			if u, ok = h.Unit(name); ok {
				entries = last(h.Journal(), 10, func(e host.Entry) bool { return e.Unit == u.Name })
				for _, p := range h.Processes() {
					if p.Unit == u.Name {
						memory += p.Memory
					}
				}
			}
		})
		if !ok {
			k.fail("Unit %s could not be found.", name)
			code = 4
			continue
		}
		k.printf("%s", statusText(u, at, memory))
		if len(entries) > 0 && !k.flags["n"] {
			k.printf("\n")
			for _, e := range entries {
				k.printf("%s\n", journalLine(e, k.s.name))
			}
		}
		if u.Active != "active" && u.Active != "activating" {
			code = 3
		}
	}
	return code
}

// statusText is the head of systemctl status.
func statusText(u host.Unit, now time.Time, memory int64) string {
	var b strings.Builder
	mark := map[string]string{"active": "●", "failed": "×", "activating": "●"}[u.Active]
	if mark == "" {
		mark = "○"
	}
	fmt.Fprintf(&b, "%s %s - %s\n", mark, u.Name, u.Description)
	switch {
	case u.Masked:
		fmt.Fprintf(&b, "     Loaded: masked (Reason: Unit %s is masked.)\n", u.Name)
	default:
		fmt.Fprintf(&b, "     Loaded: %s (%s; %s; vendor preset: enabled)\n", u.Load, u.File, u.Enabled)
	}
	state := fmt.Sprintf("%s (%s)", u.Active, u.Sub)
	if u.Active == "failed" || u.Sub == "auto-restart" {
		state = fmt.Sprintf("%s (Result: %s)", u.Active, u.Result)
		if u.Sub == "auto-restart" {
			state = fmt.Sprintf("%s (auto-restart) (Result: %s)", u.Active, u.Result)
		}
	}
	if !u.Since.IsZero() {
		state += " since " + since(u.Since, now)
	}
	fmt.Fprintf(&b, "     Active: %s\n", state)
	if u.PID > 0 {
		program := path.Base(strings.Split(u.ExecStart+" ", " ")[0])
		fmt.Fprintf(&b, "   Main PID: %d (%s)\n      Tasks: 14 (limit: 19105)\n", u.PID, program)
		if memory > 0 {
			fmt.Fprintf(&b, "     Memory: %s\n", human(memory))
		}
		fmt.Fprintf(&b, "     CGroup: /system.slice/%s\n             └─%d %s\n", u.Name, u.PID, u.ExecStart)
	}
	return b.String()
}

// system is systemctl status without a unit, and is-system-running.
func (k *control) system() int {
	var failed []string
	var at time.Time
	var up time.Duration
	k.do(func(now time.Time, h *host.Host, _ Runtime) {
		at, up = now, h.Uptime(now)
		for _, u := range h.Units() {
			if u.Active == "failed" {
				failed = append(failed, u.Name)
			}
		}
	})
	state := "running"
	if len(failed) > 0 {
		state = "degraded"
	}
	if k.verb == "status" {
		k.printf("● %s\n    State: %s\n     Jobs: 0 queued\n   Failed: %d units\n    Since: %s\n", k.s.name, state, len(failed), since(at.Add(-up), at))
		return 0
	}
	k.printf("%s\n", state)
	if len(failed) > 0 {
		return 1
	}
	return 0
}

func (k *control) is() int {
	code := 3
	if len(k.units) == 0 {
		return k.fail("Too few arguments.")
	}
	for _, name := range k.units {
		var u host.Unit
		var ok bool
		k.do(func(_ time.Time, h *host.Host, _ Runtime) { u, ok = h.Unit(name) })
		word, good := "inactive", false
		switch {
		case k.verb == "is-enabled" && !ok:
			code = k.fail("Failed to get unit file state for %s: No such file or directory", name)
			continue
		case k.verb == "is-enabled":
			word = u.Enabled
			if u.Masked {
				word = "masked"
			}
			if good = word == "enabled" || word == "static"; !good && code != 0 {
				code = 1
			}
		case k.verb == "is-failed":
			if ok {
				word = u.Active
			}
			if good = word == "failed"; !good && code != 0 {
				code = 1
			}
		case ok:
			word, good = u.Active, u.Active == "active"
		}
		if good {
			code = 0
		}
		if !k.flags["q"] && !k.flags["quiet"] {
			k.printf("%s\n", word)
		}
	}
	return code
}

func (k *control) show() int {
	for _, name := range k.units {
		var u host.Unit
		var ok bool
		k.do(func(_ time.Time, h *host.Host, _ Runtime) { u, ok = h.Unit(name) })
		if !ok {
			u = host.Unit{Name: name, Description: name, Load: "not-found", Active: "inactive", Sub: "dead"}
		}
		wanted := strings.FieldsFunc(k.value["p"]+","+k.value["property"], func(r rune) bool { return r == ',' })
		for _, p := range [][2]string{
			{"Id", u.Name}, {"Description", u.Description}, {"LoadState", u.Load}, {"ActiveState", u.Active}, {"SubState", u.Sub},
			{"FragmentPath", u.File}, {"UnitFileState", u.Enabled}, {"MainPID", fmt.Sprint(u.PID)}, {"Result", u.Result},
			{"ExecStart", u.ExecStart}, {"ActiveEnterTimestamp", u.Since.UTC().Format("Mon 2006-01-02 15:04:05 MST")},
		} {
			switch {
			case len(wanted) > 0 && !slices.Contains(wanted, p[0]):
			case k.flags["value"]:
				k.printf("%s\n", p[1])
			default:
				k.printf("%s=%s\n", p[0], p[1])
			}
		}
	}
	return 0
}

func (k *control) cat() int {
	code := 0
	for _, name := range k.units {
		var u host.Unit
		var b []byte
		err := errGone
		k.do(func(_ time.Time, h *host.Host, _ Runtime) {
			var ok bool
			if u, ok = h.Unit(name); ok && u.File != "" {
				b, err = h.Read(u.File)
			}
		})
		switch {
		case u.Name == "":
			code = k.fail("No files found for %s.", name)
		case u.Masked:
			k.printf("# Unit %s is masked.\n", u.Name)
		case err != nil:
			k.printf("# %s\n", u.File)
			code = 1
		default:
			k.printf("# %s\n%s", u.File, b)
		}
	}
	return code
}

func (k *control) list() int {
	var units []host.Unit
	k.do(func(_ time.Time, h *host.Host, _ Runtime) { units = h.Units() })
	kind, state := k.value["t"]+k.value["type"], k.value["state"]
	if k.flags["failed"] {
		state = "failed"
	}
	units = slices.DeleteFunc(units, func(u host.Unit) bool {
		switch {
		case kind != "" && !strings.HasSuffix(u.Name, "."+kind), len(k.units) > 0 && !slices.ContainsFunc(k.units, func(p string) bool {
			ok, _ := path.Match(strings.TrimSuffix(p, "*.service")+map[bool]string{true: "*"}[strings.Contains(p, "*")], u.Name)
			return ok
		}):
			return true
		case state != "":
			return state != u.Active && state != u.Sub && state != u.Enabled
		}
		return k.verb == "list-units" && !k.flags["a"] && !k.flags["all"] && u.Active == "inactive"
	})
	width := 4
	for _, u := range units {
		width = max(width, len(u.Name))
	}
	if k.verb == "list-unit-files" {
		k.printf("%-*s %-8s %s\n", width, "UNIT FILE", "STATE", "VENDOR PRESET")
		for _, u := range units {
			k.printf("%-*s %-8s enabled\n", width, u.Name, u.Enabled)
		}
		k.printf("\n%d unit files listed.\n", len(units))
		return 0
	}
	if !k.flags["no-legend"] {
		k.printf("  %-*s %-9s %-8s %-12s %s\n", width, "UNIT", "LOAD", "ACTIVE", "SUB", "DESCRIPTION")
	}
	for _, u := range units {
		mark := " "
		if u.Active == "failed" || u.Load != "loaded" {
			mark = "●"
		}
		k.printf("%s %-*s %-9s %-8s %-12s %s\n", mark, width, u.Name, u.Load, u.Active, u.Sub, u.Description)
	}
	if !k.flags["no-legend"] {
		k.printf("\nLOAD   = Reflects whether the unit definition was properly loaded.\nACTIVE = The high-level unit activation state, i.e. generalization of SUB.\nSUB    = The low-level unit activation state, values depend on unit type.\n%d loaded units listed.\n", len(units))
	}
	return 0
}
