package login

import (
	"context"
	"fmt"
	"strings"
	"time"

	"demarc/nodes/host"
	"demarc/nodes/shell"
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
	verb    string
	units   []string
	options *shell.Options
}

func systemctl(ctx context.Context, c *call) int {
	k := control{call: c, options: c.Options("t,type= p,property= n,lines= s,signal= o,output= H= state= a,all q,quiet")}
	rest := k.options.Operands
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
		return c.Done("0 %s listed.\n", strings.TrimPrefix(k.verb, "list-"))
	case "is-system-running":
		return k.system()
	case "daemon-reload", "daemon-reexec":
		if !c.Root() {
			return c.Fail("Failed to reload daemon: Interactive authentication required.")
		}
		return 0
	case "reboot", "poweroff", "halt", "kexec":
		c.Name = k.verb
		return power(ctx, c)
	case "edit", "set-property", "revert":
		return c.Fail("Cannot edit units: demarc's shell has no full-screen editor: write a file below /etc/systemd/system/ with tee and run systemctl daemon-reload.")
	case "get-default":
		return c.Done("multi-user.target\n")
	}
	return c.Fail("Unknown command verb %s.", k.verb)
}

// service is the older way to say systemctl VERB UNIT.
func service(ctx context.Context, c *call) int {
	names := c.Operands()
	if len(names) < 2 {
		if c.Long("--status-all") {
			c.Args = []string{"list-units"}
			return systemctl(ctx, c)
		}
		return c.Fail("Usage: service < option > | --status-all | [ service_name [ command | --full-restart ] ]")
	}
	c.Args = []string{names[1], names[0]}
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
		return k.Fail("Too few arguments.")
	}
	code := 0
	for _, name := range k.units {
		if !k.Root() {
			code = k.Fail("%s", denied(k.verb, name))
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
			fmt.Fprintf(k.Err, "Unit %s does not exist, proceeding anyway.\n", name)
		case !ok:
			code = k.missing(name)
		case err != nil:
			code = k.refused(u, err)
		default:
			if text := did(k.verb, u); text != "" {
				fmt.Fprintln(k.Err, text)
			}
		}
	}
	return code
}

func (k *control) missing(name string) int {
	switch k.verb {
	case "enable", "disable", "reenable":
		return k.Fail("Failed to %s unit: Unit file %s does not exist.", strings.TrimPrefix(k.verb, "re"), name)
	case "unmask":
		fmt.Fprintf(k.Err, "Unit %s does not exist, proceeding anyway.\n", name)
		return 0
	case "kill", "reset-failed":
		return k.Fail("Failed to %s unit %s: Unit %s not loaded.", strings.ReplaceAll(k.verb, "-", " "), name, name)
	}
	return k.Quit(5, "Failed to %s %s: Unit %s not found.", k.verb, name, name)
}

// refused is what systemctl says of a unit with which it cannot do what it should.
func (k *control) refused(u host.Unit, err error) int {
	text := err.Error()
	switch {
	case u.Masked && (k.verb == "start" || k.verb == "restart"):
		return k.Fail("Failed to %s %s: Unit %s is masked.", k.verb, u.Name, u.Name)
	case u.Masked && k.verb == "enable":
		return k.Fail("Failed to enable unit: Unit file %s is masked.", u.File)
	case strings.HasPrefix(text, "Failed to ") || strings.HasPrefix(text, "Job for "):
		return k.Fail("%s", text)
	case k.verb == "start" || k.verb == "restart":
		return k.Fail("Job for %s failed because the control process exited with error code.\nSee \"systemctl status %s\" and \"journalctl -xeu %s\" for details.", u.Name, u.Name, u.Name)
	}
	return k.Fail("Failed to %s %s: %s", k.verb, u.Name, text)
}

func (k *control) act(now time.Time, h *host.Host, u host.Unit, name string) error {
	type step = func(now time.Time, unit string) error
	steps := map[string][]step{ // the second is that of --now
		"start": {h.StartUnit}, "stop": {h.StopUnit}, "restart": {h.RestartUnit}, "reload-or-restart": {h.RestartUnit},
		"enable": {h.EnableUnit, h.StartUnit}, "reenable": {h.EnableUnit, h.StartUnit}, "disable": {h.DisableUnit, h.StopUnit},
		"mask": {h.MaskUnit, h.StopUnit}, "unmask": {h.UnmaskUnit},
	}[k.verb]
	switch {
	case k.verb == "try-restart" && u.Active == "active":
		steps = []step{h.RestartUnit}
	case k.verb == "kill" && u.PID > 0:
		return h.Kill(now, u.PID, shell.SignalNumber(k.options.Value("s"), 15))
	}
	for i, do := range steps {
		if i > 0 && !k.options.Has("now") {
			break
		}
		if err := do(now, name); err != nil {
			return err
		}
	}
	return nil
}
