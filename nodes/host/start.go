//lint:file-ignore ST1005 Errors are in the words of systemctl, apt-get and iptables.

package host

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// startLimit is how many starts in a row may fail before systemd gives up
// (StartLimitBurst).
const startLimit = 5

// flaw is why a program does not run: its exit status and what it logged.
type flaw struct {
	status string // "203/EXEC"
	line   string
}

// start starts the unit if it does not run.
func (h *systemd) start(now time.Time, name string) error {
	if h.off() {
		return errOff
	}
	def, ok := h.definition(name)
	s := h.state(name)
	switch {
	case s.running():
		return nil
	case !ok:
		return fmt.Errorf("Unit %s not found.", name)
	case s.Masked:
		return fmt.Errorf("Unit %s is masked.", name)
	case h.held(name):
		return fmt.Errorf("Job for %s failed: an injected fault holds the unit down.", name)
	}
	if f := h.flawOf(def); f.status != "" {
		h.startFailed(now, def, f)
		return fmt.Errorf("Job for %s failed because the control process exited with error code.", name)
	}
	h.run(now, def)
	return nil
}

// run makes the unit run.
func (h *systemd) run(now time.Time, def *unitDef) {
	s := h.edit(def.name)
	s.Active, s.Sub, s.Result = active, "running", "success"
	switch {
	case def.timer:
	case path.Base(def.program()) == "true":
		s.Active, s.Sub = inactive, "dead"
	default:
		s.PID = h.newPID()
	}
	s.Since, s.Broken, s.Died = now, time.Time{}, ""
	s.Restart, s.Failures, s.Frozen = time.Time{}, 0, false
	h.Log(now, def.name, "systemd", "Started "+def.description+".")
}

// startFailed records a start that failed. systemd tries again, a few times.
func (h *systemd) startFailed(now time.Time, def *unitDef, f flaw) {
	s := h.edit(def.name)
	if s.Broken.IsZero() {
		s.Broken = now
	}
	if s.Died == "" {
		s.Died = "failed to start"
	}
	s.PID, s.Since, s.Frozen = 0, now, false
	s.Failures++
	h.Log(now, def.name, path.Base(def.program()), f.line)
	h.Log(now, def.name, "systemd", fmt.Sprintf("%s: Main process exited, code=exited, status=%s", def.name, f.status))
	h.end(now, def, "exit-code")
}

// end gives the unit the state that a program leaves behind: waiting for a
// restart, or failed.
func (h *systemd) end(now time.Time, def *unitDef, result string) {
	s := h.edit(def.name)
	s.PID, s.Since, s.Result, s.Restart, s.Frozen = 0, now, result, time.Time{}, false
	if result != "success" {
		h.Log(now, def.name, "systemd", fmt.Sprintf("%s: Failed with result '%s'.", def.name, result))
	}
	switch {
	case def.restart && s.Failures < startLimit:
		s.Active, s.Sub, s.Restart = activating, "auto-restart", wholeSecond(now.Add(def.delay))
	case def.restart:
		s.Active, s.Sub, s.Result = failed, failed, "start-limit-hit"
		h.Log(now, def.name, "systemd", def.name+": Start request repeated too quickly.")
	case result == "success":
		s.Active, s.Sub = inactive, "dead"
	default:
		s.Active, s.Sub = failed, failed
	}
}

// stop ends the unit for good, as systemctl stop does.
func (h *systemd) stop(now time.Time, name, how string) {
	was := h.state(name)
	if was.Active == inactive {
		return
	}
	s := h.edit(name)
	if was.running() {
		s.Broken, s.Died = now, how
	}
	s.Active, s.Sub, s.Result, s.PID, s.Since = inactive, "dead", "success", 0, now
	s.Restart, s.Failures, s.Frozen = time.Time{}, 0, false
	h.Log(now, name, "systemd", "Stopped "+name+".")
}

// wholeSecond is the first whole second that is not before t.
func wholeSecond(t time.Time) time.Time {
	if w := t.Truncate(time.Second); !w.Equal(t) {
		return w.Add(time.Second)
	}
	return t
}

// flawOf says why the unit's program would not run now.
func (h *systemd) flawOf(def *unitDef) flaw {
	program := def.program()
	e, ok := h.see(h.follow(program, true))
	if def.timer {
		return flaw{}
	}
	switch known := h.image.units[def.name]; {
	case !strings.HasPrefix(program, "/"):
		return flaw{"203/EXEC", "Failed to locate executable " + program + ": No such file or directory"}
	case !ok && !h.unlisted(program):
		return flaw{"203/EXEC", "Failed to execute " + program + ": No such file or directory"}
	case ok && (e.dir || e.mode&0o111 == 0):
		return flaw{"203/EXEC", "Failed to execute " + program + ": Permission denied"}
	case path.Base(program) == "false":
		return flaw{"1/FAILURE", "false ended"}
	case known != nil && known.base && known.program() != program:
		return flaw{"1/FAILURE", program + " is not the program of " + def.name + ": it did not say that it is ready"}
	}
	if program == monitorScript && !h.present("/usr/bin/bash") {
		return flaw{"203/EXEC", "Failed to execute " + program + ": No such file or directory"}
	}
	if bad, ok := h.brokenBy(def.name); ok {
		return flaw{"127/n/a", fmt.Sprintf("%s: symbol lookup error: undefined symbol, version %s (package %s)", program, bad.Version, bad.Package)}
	}
	for _, need := range def.needs {
		if line := need(&h.disk); line != "" {
			return flaw{"1/FAILURE", line}
		}
	}
	return flaw{}
}

// unlisted says whether a program may be one of the many that Ubuntu has in
// /usr/bin and that the image does not list.
func (h *systemd) unlisted(program string) bool {
	p := h.follow(program, true)
	dir := path.Dir(p)
	if h.d.Files[p] != nil || h.image.files[p] != nil {
		return false
	}
	return (dir == "/usr/bin" || dir == "/usr/sbin" || dir == "/usr/lib/systemd" || strings.HasPrefix(dir, "/usr/share/")) && h.present(dir)
}

var kubeletNeeds = []need{
	func(h *disk) string {
		if !h.present("/etc/default/kubelet") {
			return "Failed to load environment files: /etc/default/kubelet: No such file or directory"
		}
		return ""
	},
	kubeletConfig,
	func(h *disk) string {
		if !h.present("/var/lib/kubelet/kubeconfig") && !h.present("/var/lib/kubelet/bootstrap-kubeconfig") {
			return `"command failed" err="failed to run Kubelet: unable to load bootstrap kubeconfig: stat /var/lib/kubelet/bootstrap-kubeconfig: no such file or directory"`
		}
		return ""
	},
}

// kubeletConfig is the need of a configuration that can be read.
func kubeletConfig(h *disk) string {
	const file = "/var/lib/kubelet/config.yaml"
	const failure = `"command failed" err="failed to load kubelet config file, path: ` + file + `, error: `
	e, ok := h.see(h.follow(file, true))
	if !ok || e.dir {
		return failure + `open ` + file + `: no such file or directory"`
	}
	if e.image != nil {
		return ""
	}
	var config map[string]any
	if err := yaml.Unmarshal(bytes.TrimSpace([]byte(e.text(h.name))), &config); err != nil {
		return failure + err.Error() + `"`
	}
	if len(config) == 0 {
		return failure + `kubelet config file was empty"`
	}
	return ""
}

var containerdNeeds = []need{
	func(h *disk) string {
		if h.free() == 0 {
			return "containerd: failed to create containerd metadata: write /var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db: no space left on device"
		}
		return ""
	},
	func(h *disk) string {
		const file = "/etc/containerd/config.toml"
		e, ok := h.see(h.follow(file, true))
		if !ok || e.dir {
			return "containerd: failed to load TOML: " + file + ": open " + file + ": no such file or directory"
		}
		if n := badTOML(e.text(h.name)); n > 0 {
			return fmt.Sprintf("containerd: failed to load TOML: %s: line %d: expected a key and a value", file, n)
		}
		return ""
	},
}

// badTOML returns the number of the first line that cannot be TOML, 0 if all
// can.
func badTOML(text string) int {
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.ContainsAny(line[:1], "#[]\"',}") || strings.Contains(line, "=") {
			continue
		}
		return n
	}
	return 0
}

// diskFullKills ends containerd when the root disk has no byte left.
func (h *systemd) diskFullKills(now time.Time) {
	if h.free() > 0 || h.off() || !h.state(Containerd).running() {
		return
	}
	def, ok := h.definition(Containerd)
	if !ok {
		return
	}
	s := h.edit(Containerd)
	s.Broken, s.Died = now, "died of a full disk"
	h.Log(now, Containerd, "containerd", "failed to write metadata: no space left on device")
	h.Log(now, Containerd, "systemd", Containerd+": Main process exited, code=exited, status=1/FAILURE")
	h.end(now, def, "exit-code")
}

// newPID is the next number for a process.
func (h *systemd) newPID() int {
	d := h.change()
	if d.LastPID < firstPID || d.LastPID > lastPID-10 {
		d.LastPID = firstPID
	}
	d.LastPID += 7
	return d.LastPID
}

// restarts lets systemd start what is due.
func (h *systemd) restarts(now time.Time) (did []Action) {
	var due []string
	for name, s := range h.d.Units {
		if !s.Restart.IsZero() && !s.Restart.After(now) && !h.held(name) {
			due = append(due, name)
		}
	}
	slices.SortFunc(due, strings.Compare)
	for _, name := range due {
		s := h.edit(name)
		was := *s
		s.Restart = time.Time{}
		if h.start(now, name) == nil {
			did = append(did, Action{
				Unit: name, Kind: Restarted, Broken: was.Broken, Noticed: was.Broken,
				Detail: fmt.Sprintf("systemd restarted %s %s after it %s", name, span(was.Broken, now), was.Died),
			})
			continue
		}
		if s.Active == activating && s.Restart.IsZero() {
			// It was masked, or its file deleted, since it died.
			s.Active, s.Sub, s.Result = failed, failed, "resources"
		}
	}
	return did
}
