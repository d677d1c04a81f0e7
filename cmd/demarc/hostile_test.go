package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/fault"
	"demarc/sim/terminal"
	"demarc/sim/timeline"

	"github.com/spf13/cobra"
)

// hostile is what a customer may have written: it clears the screen, colours it,
// rings, turns the direction of reading, and begins a line and a cell of its own.
const hostile = "x\x1b[2J\x1b[31m\u009b1m\x07\x7f\r\u202eevil\nforged line\tforged cell"

// filled is a value of that type with every text in it hostile, one element in
// every list, and nothing empty.
func filled(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	switch {
	case t == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(eight))
		return v
	case t == reflect.TypeFor[api.Rate]():
		v.SetFloat(1)
		return v
	}
	switch t.Kind() {
	case reflect.String:
		v.SetString(hostile)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint, reflect.Uint64:
		v.SetUint(1)
	case reflect.Float64:
		v.SetFloat(1)
	case reflect.Slice:
		v.Set(reflect.Append(v, filled(t.Elem())))
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(filled(t.Key()), filled(t.Elem()))
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		v.Elem().Set(filled(t.Elem()))
	case reflect.Struct:
		for i := range t.NumField() {
			if t.Field(i).IsExported() {
				v.Field(i).Set(filled(t.Field(i).Type))
			}
		}
	}
	return v
}

func hostileValue[T any]() T { return filled(reflect.TypeFor[T]()).Interface().(T) }

// answersOf are the answers of a whole engine, made by the two functions.
func answersOf(one func(reflect.Type) any) map[string]func() any {
	list := map[string]func() any{}
	for _, r := range []struct {
		routes string
		answer reflect.Type
	}{
		{"GET " + api.PathStatus, reflect.TypeFor[api.Status]()},
		{"GET " + api.PathClock + ",PUT " + api.PathClock, reflect.TypeFor[api.Clock]()},
		{"GET " + api.PathFaults, reflect.TypeFor[[]fault.Active]()},
		{"POST " + api.PathFaults, reflect.TypeFor[fault.Active]()},
		{"GET " + api.PathTimeline, reflect.TypeFor[[]timeline.Event]()},
		{"GET " + api.PathExplain, reflect.TypeFor[api.Explanation]()},
		{"GET " + api.PathJudgements, reflect.TypeFor[api.Contract]()},
		{"GET " + api.PathFeatures, reflect.TypeFor[[]api.Feature]()},
		{"POST " + api.PathFeatures + "/x/register,POST " + api.PathFeatures + "/x/unregister", reflect.TypeFor[api.Feature]()},
		{"GET " + api.PathFeatureGates, reflect.TypeFor[[]api.FeatureGate]()},
		{"POST " + api.PathUpdate, reflect.TypeFor[api.ClusterSettings]()},
		{"GET " + api.PathNodePools, reflect.TypeFor[[]api.NodePool]()},
		{"GET " + api.PathNodePools + "/x", reflect.TypeFor[api.NodePool]()},
		{"POST " + api.PathNodePools + "/x/scale", reflect.TypeFor[api.Operation]()},
		{"GET " + api.PathRepairs, reflect.TypeFor[[]api.Repair]()},
		{"GET " + api.PathConsents, reflect.TypeFor[[]api.Consent]()},
		{"POST " + api.PathConsents, reflect.TypeFor[api.Consent]()},
		{"POST " + api.PathEscalations, reflect.TypeFor[api.Repair]()},
		{"GET " + api.PathVMs, reflect.TypeFor[[]api.VM]()},
		{"POST " + api.PathVMs, reflect.TypeFor[api.VM]()},
		{"GET " + api.PathNSG, reflect.TypeFor[[]api.NSGRule]()},
		{"POST " + api.PathNSG, reflect.TypeFor[api.NSGRule]()},
		{"GET " + api.PathPatches, reflect.TypeFor[[]api.Patch]()},
		{"POST " + api.PathPatches, reflect.TypeFor[api.Patch]()},
		{"GET " + api.PathCVEs, reflect.TypeFor[[]api.CVE]()},
		{"POST " + api.PathCVEs + ",GET " + api.PathCVEs + "/x", reflect.TypeFor[api.CVE]()},
		{"GET " + api.PathCases, reflect.TypeFor[[]api.Case]()},
		{"POST " + api.PathCases + ",GET " + api.PathCase + hostile + ",POST " + api.PathCase + hostile + "/escalate,POST " + api.PathCase + hostile + "/close", reflect.TypeFor[api.Case]()},
		{"GET " + api.PathOperations, reflect.TypeFor[[]api.Operation]()},
		{"GET " + api.PathUpgrades, reflect.TypeFor[api.UpgradeProfile]()},
		{"POST " + api.PathUpgrades, reflect.TypeFor[api.Operation]()},
		{"GET " + api.PathBackups, reflect.TypeFor[[]api.Backup]()},
		{"POST " + api.PathBackups + ",GET " + api.PathBackup + "x,POST " + api.PathBackup + "x/verify", reflect.TypeFor[api.Backup]()},
		{"GET " + api.PathRestores, reflect.TypeFor[[]api.Restore]()},
		{"POST " + api.PathRestores, reflect.TypeFor[api.Restore]()},
		{"GET " + api.PathReplicas, reflect.TypeFor[[]api.Replica]()},
	} {
		for route := range strings.SplitSeq(r.routes, ",") {
			list[route] = func() any { return one(r.answer) }
		}
	}
	return list
}

// hostileAnswer is a value as a hostile cluster answers, in a state in which
// nobody waits for more.
func hostileAnswer(t reflect.Type) any {
	switch v := filled(t).Interface().(type) {
	case api.Operation:
		v.State = api.OpFailed
		return v
	case []api.Restore:
		v[0].Phase = api.RestoreFailed
		return v
	default:
		return v
	}
}

// printing are the commands that print what they got from a cluster.
var printing = []string{
	"status", "list", "up --detach", "clock get", "clock set 1x", "clock pause", "clock run", "fault list", "fault inject crash etcd", "timeline", "incidents", "repairs",
	"escalate 0", "consent list", "consent grant 0 --for 1h", "support list", "support open words", "support show HOSTILE", "support escalate HOSTILE", "support close HOSTILE",
	"iaas vm list", "iaas vm stop 0", "iaas vm deallocate 0", "iaas vm start 0", "iaas vm restart 0", "iaas vm resize 0 Standard_D8s_v5", "iaas vm tag 0 a=b",
	"iaas nsg list", "iaas nsg set x --priority 200", "patch list", "--as provider patch publish linux-azure", "cve list", "cve show x",
	"--as provider cve publish CVE-2026-1234 --component kubelet", "aks update", "aks get-upgrades", "aks upgrade --kubernetes-version 1.37", "nodepool list", "nodepool show x",
	"nodepool scale x --count 3", "nodepool upgrade x", "--as provider backup list", "--as provider backup show x", "--as provider backup take", "--as provider backup verify x",
	"--as provider backup restore x", "--as provider replicas", "explain i1", "report", "--as provider report", "feature list", "feature show HOSTILE", "feature register x", "feature unregister x", "feature gates",
	"report -o html", "__complete fault heal ", "__complete support show ", "__complete explain ", "__complete ssh ",
}

// quiet are the commands that print nothing of a cluster's: their own words only, or
// a session of which everything is to be seen as it is.
var quiet = []string{
	"down", "kubeconfig", "kubectl", "ssh", "drill", "scenario lint", "scenario verbs", "scenario new", "version", "policy list", "policy show", "policy diff",
	"fault kinds", "fault heal", "consent revoke", "iaas vm delete", "iaas nsg delete", "patch withdraw", "help", "completion bash", "completion fish", "completion powershell", "completion zsh",
}

// harmlessText says what is wrong with an output.
func harmlessText(out string) string {
	if bad := regexp.MustCompile(`[\x00-\x08\x0b-\x1f\x{7f}-\x{9f}\x{202a}-\x{202e}\x{2066}-\x{2069}]`).FindString(out); bad != "" {
		return fmt.Sprintf("control character %q", bad)
	}
	if line := regexp.MustCompile(`(?m)^\s*forged.*`).FindString(out); line != "" {
		return fmt.Sprintf("line %q", line)
	}
	return ""
}

// TestHostileCluster runs every command that prints against a cluster of which
// every text is hostile.
func TestHostileCluster(t *testing.T) {
	home := fakeEngine(t, answersOf(hostileAnswer))
	for _, args := range printing {
		for _, format := range []string{"text", "json"} {
			words := append(strings.Split(args, " "), "-o", format)
			if strings.Contains(args, "-o ") || strings.HasPrefix(args, "__complete") {
				words = strings.Split(args, " ")
			}
			for i, w := range words {
				words[i] = strings.ReplaceAll(w, "HOSTILE", hostile)
			}
			code, out, errout := runIn(t, home, words...)
			if code == exitInput || code == exitEngine {
				t.Errorf("%s: exit code %d: %s", args, code, errout)
			}
			if wrong := harmlessText(out + errout); wrong != "" {
				t.Errorf("%s -o %s: %s in\n%q\n%q", args, format, wrong, out, errout)
			}
		}
	}
}

// TestPrintingIsComplete looks for commands that no list has.
func TestPrintingIsComplete(t *testing.T) {
	known := strings.Join(append(printing, quiet...), "\n") + "\n"
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			visit(sub)
		}
		path := strings.TrimPrefix(c.CommandPath(), "demarc ")
		if !c.HasSubCommands() && !regexp.MustCompile(`(?m)(^|provider )`+path+`( |$)`).MatchString(known) {
			t.Errorf("what does %q print? Neither printing nor quiet has it", path)
		}
	}
	visit((&app{Printer: &output.Printer{}}).root())
}

// TestHostileError checks what is said when the engine refuses in hostile words.
func TestHostileError(t *testing.T) {
	home := fakeEngine(t, nil)
	code, out, errout := runIn(t, home, "cve", "show", hostile)
	if bad := strings.ContainsAny(out+errout, "\x1b\u009b\a\x7f\r\u202e"); code != exitInput || bad || !strings.Contains(errout, `\u001b`) {
		t.Errorf("got %d, %q, %q", code, out, errout)
	}
}

// TestHostileStoredTimeline reads the timeline of a cluster that is stopped.
func TestHostileStoredTimeline(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, "demarc")
	line, err := json.Marshal(hostileValue[timeline.Event]())
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	for name, text := range map[string]string{"version.json": `{"format": 2}`, "state.json": "{}", "timeline.jsonl": string(line) + "\n"} {
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	code, out, errout := runIn(t, home, "timeline")
	if wrong := harmlessText(out + errout); code != exitHeld || wrong != "" || !strings.Contains(out, `\u001b`) {
		t.Errorf("got %d, %s, %q, %q", code, wrong, out, errout)
	}
}

// TestHostileScenario lints and tells a hostile scenario.
func TestHostileScenario(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x\x1b[2J.txtar")
	if err := os.WriteFile(file, []byte("# "+hostile+"\nat 0s "+hostile+"\n-- "+hostile+" --\n\xff\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"scenario", "lint", file}, {"drill", file}} {
		code, out, errout := runCLI(t, args...)
		if (strings.ContainsAny(out+errout, "\x1b\u009b\a\x7f\r\u202e") || strings.Contains(out+errout, "\xff")) || code != exitInput || !strings.Contains(out+errout, `\u001b`) {
			t.Errorf("%q: got %d, %q, %q", args, code, out, errout)
		}
	}
	var out bytes.Buffer
	n := output.NewNarrator(terminal.Writer{Writer: &out}, terminal.Writer{Writer: &out})
	n.Open(hostile, hostile)
	n.Ready(eight)
	n.Step(hostileValue[api.Step]())
	n.Event(hostileValue[timeline.Event]())
	n.Close()
	report := hostileValue[api.Report]()
	report.Error = ""
	a := &app{Printer: &output.Printer{Out: terminal.Writer{Writer: &out}, Err: terminal.Writer{Writer: &out}}}
	told := &play{title: hostile, report: &report, events: []timeline.Event{hostileValue[timeline.Event]()}}
	if err := a.report([]*play{told}, terminal.Writer{Writer: &out}); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\u009b\a\x7f\r\u202e") || !strings.Contains(out.String(), `\u001b`) {
		t.Errorf("got %q", out.String())
	}
}

// TestListsAreNotNull runs every command that prints against a cluster that has
// nothing: its lists are [] in JSON.
func TestListsAreNotNull(t *testing.T) {
	home := fakeEngine(t, answersOf(func(t reflect.Type) any {
		switch v := reflect.New(t).Elem().Interface().(type) {
		case api.Status:
			v.Machines = []api.Machine{{Name: "x"}} // to have a node to name
			return v
		case []api.Case:
			return []api.Case{{ID: hostile}}
		case []api.Feature:
			return []api.Feature{hostileValue[api.Feature]()}
		case []api.Restore:
			return []api.Restore{{Phase: api.RestoreFailed}}
		default:
			return v
		}
	}))
	for _, args := range printing {
		if strings.Contains(args, "-o ") || strings.HasPrefix(args, "__complete") {
			continue
		}
		words := append(strings.Split(args, " "), "-o", "json")
		for i, w := range words {
			words[i] = strings.ReplaceAll(w, "HOSTILE", hostile)
		}
		code, out, errout := runIn(t, home, words...)
		if code == exitInput || code == exitEngine {
			t.Errorf("%s: exit code %d: %s", args, code, errout)
		}
		if args != "timeline" && !json.Valid([]byte(out)) || strings.Contains(out, "null") {
			t.Errorf("%s: got %s", args, out)
		}
	}
}

// TestInterrupted checks that a command that is interrupted says nothing.
func TestInterrupted(t *testing.T) {
	var ctx context.Context
	var cancel context.CancelCauseFunc
	answers := answersOf(hostileAnswer)
	for route, answer := range answers {
		answers[route] = func() any {
			cancel(errInterrupted)
			return answer()
		}
	}
	home := fakeEngine(t, answers)
	t.Setenv("DEMARC_HOME", home)
	for _, args := range printing {
		if strings.HasPrefix(args, "__complete") {
			continue
		}
		ctx, cancel = context.WithCancelCause(t.Context())
		var out, errout bytes.Buffer
		a := &app{in: strings.NewReader(""), Printer: &output.Printer{Out: &out, Err: &errout}}
		words := strings.Split(args, " ")
		for i, w := range words {
			words[i] = strings.ReplaceAll(w, "HOSTILE", hostile)
		}
		if code := a.execute(ctx, words); code != exitInterrupted || strings.Contains(errout.String(), "demarc: ") {
			t.Errorf("%s: got %d, %q, %q", args, code, out.String(), errout.String())
		}
		cancel(nil)
	}
}
