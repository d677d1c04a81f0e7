package login

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"demarc/nodes/host"
	"demarc/nodes/shell"
)

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
			k.Printf("\n")
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
			k.Fail("Unit %s could not be found.", name)
			code = 4
			continue
		}
		k.Printf("%s", statusText(u, at, memory))
		if len(entries) > 0 && !k.options.Has("n") {
			k.Printf("\n")
			for _, e := range entries {
				k.Printf("%s\n", journalLine(e, k.s.name))
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
			fmt.Fprintf(&b, "     Memory: %s\n", shell.Human(memory))
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
		return k.Done("● %s\n    State: %s\n     Jobs: 0 queued\n   Failed: %d units\n    Since: %s\n", k.s.name, state, len(failed), since(at.Add(-up), at))
	}
	k.Printf("%s\n", state)
	if len(failed) > 0 {
		return 1
	}
	return 0
}

func (k *control) is() int {
	code := 3
	if len(k.units) == 0 {
		return k.Fail("Too few arguments.")
	}
	for _, name := range k.units {
		u, ok := k.unit(name)
		word, good := "inactive", false
		switch {
		case k.verb == "is-enabled" && !ok:
			code = k.Fail("Failed to get unit file state for %s: No such file or directory", name)
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
		if !k.options.Has("q") {
			k.Printf("%s\n", word)
		}
	}
	return code
}

func (k *control) show() int {
	for _, name := range k.units {
		u, ok := k.unit(name)
		if !ok {
			u = host.Unit{Name: name, Description: name, Load: "not-found", Active: "inactive", Sub: "dead"}
		}
		wanted := strings.FieldsFunc(k.options.Value("p"), func(r rune) bool { return r == ',' })
		for _, p := range [][2]string{
			{"Id", u.Name}, {"Description", u.Description}, {"LoadState", u.Load}, {"ActiveState", u.Active}, {"SubState", u.Sub},
			{"FragmentPath", u.File}, {"UnitFileState", u.Enabled}, {"MainPID", fmt.Sprint(u.PID)}, {"Result", u.Result},
			{"ExecStart", u.ExecStart}, {"ActiveEnterTimestamp", u.Since.UTC().Format("Mon 2006-01-02 15:04:05 MST")},
		} {
			switch {
			case len(wanted) > 0 && !slices.Contains(wanted, p[0]):
			case k.options.Has("value"):
				k.Printf("%s\n", p[1])
			default:
				k.Printf("%s=%s\n", p[0], p[1])
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
			code = k.Fail("No files found for %s.", name)
		case u.Masked:
			k.Printf("# Unit %s is masked.\n", u.Name)
		case err != nil:
			k.Printf("# %s\n", u.File)
			code = 1
		default:
			k.Printf("# %s\n%s", u.File, b)
		}
	}
	return code
}

func (k *control) list() int {
	var units []host.Unit
	k.do(func(_ time.Time, h *host.Host, _ Runtime) { units = h.Units() })
	kind, state := k.options.Value("t"), k.options.Value("state")
	if k.options.Has("failed") {
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
		return k.verb == "list-units" && !k.options.Has("a") && u.Active == "inactive"
	})
	width := 4
	for _, u := range units {
		width = max(width, len(u.Name))
	}
	if k.verb == "list-unit-files" {
		k.Printf("%-*s %-8s %s\n", width, "UNIT FILE", "STATE", "VENDOR PRESET")
		for _, u := range units {
			k.Printf("%-*s %-8s enabled\n", width, u.Name, u.Enabled)
		}
		return k.Done("\n%d unit files listed.\n", len(units))
	}
	if !k.options.Has("no-legend") {
		k.Printf("  %-*s %-9s %-8s %-12s %s\n", width, "UNIT", "LOAD", "ACTIVE", "SUB", "DESCRIPTION")
	}
	for _, u := range units {
		mark := " "
		if u.Active == "failed" || u.Load != "loaded" {
			mark = "●"
		}
		k.Printf("%s %-*s %-9s %-8s %-12s %s\n", mark, width, u.Name, u.Load, u.Active, u.Sub, u.Description)
	}
	if !k.options.Has("no-legend") {
		k.Printf("\nLOAD   = Reflects whether the unit definition was properly loaded.\nACTIVE = The high-level unit activation state, i.e. generalization of SUB.\nSUB    = The low-level unit activation state, values depend on unit type.\n%d loaded units listed.\n", len(units))
	}
	return 0
}
