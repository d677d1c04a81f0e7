package main

import (
	"context"
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/command/commandtest"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"

	"github.com/spf13/cobra"
)

// answersOf are the answers of a whole engine, made by the function.
func answersOf(one func(reflect.Type) any) commandtest.Answers {
	list := commandtest.Answers{}
	for _, r := range api.Routes() {
		if r.Answer != nil && !r.Streams() {
			list[r.Name] = func() any { return one(r.Answer) }
		}
	}
	return list
}

// hostileAnswer is a value as a hostile cluster answers, in a state in which
// nobody waits for more.
func hostileAnswer(t reflect.Type) any {
	switch v := commandtest.Filled(t).Interface().(type) {
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
	"status", "list", "up --detach", "clock get", "clock set 1x", "clock pause", "clock run", "--as director check true", "fault list", "fault inject crash etcd", "timeline", "incidents", "repairs",
	"escalate 0", "consent list", "consent grant 0 --for 1h", "support list", "support open words", "support show HOSTILE", "support escalate HOSTILE", "support close HOSTILE",
	"iaas vm list", "iaas vm stop 0", "iaas vm deallocate 0", "iaas vm start 0", "iaas vm restart 0", "iaas vm resize 0 Standard_D8s_v5", "iaas vm tag 0 a=b",
	"iaas disk list", "iaas disk create x --size-gb 4", "iaas disk detach x", "iaas disk resize x 8", "iaas share list", "iaas share delete x", "iaas share resize x 8", "iaas lb list", "iaas lb outbound", "iaas lb delete-rule HOSTILE", "__complete iaas lb delete-rule ", "iaas route list", "iaas route delete 0", "iaas vnet show", "iaas nsg list", "iaas nsg set x --priority 200", "patch list", "--as provider patch publish linux-azure", "cve list", "cve show x",
	"--as provider cve publish CVE-2026-1234 --component kubelet", "aks show", "aks stop", "aks start", "aks update", "aks approuting enable", "aks approuting disable", "aks get-upgrades", "aks maintenanceconfiguration list", "aks maintenanceconfiguration show HOSTILE",
	"aks maintenanceconfiguration add aksManagedNodeOSUpgradeSchedule --schedule-type Daily --interval-days 1 --start-time 22:00 --duration 4",
	"aks maintenanceconfiguration update aksManagedNodeOSUpgradeSchedule --schedule-type Daily --interval-days 1 --start-time 22:00 --duration 4",
	"aks upgrade --kubernetes-version 1.37", "nodepool list", "nodepool show x",
	"nodepool scale x --count 3", "nodepool add x", "nodepool update x --mode User", "nodepool delete x", "nodepool upgrade x", "--as provider backup list", "--as provider backup show x", "--as provider backup take", "--as provider backup verify x",
	"--as provider backup restore x", "--as provider replicas", "explain i1", "report", "--as provider report", "feature list", "feature show HOSTILE", "feature register x", "feature unregister x", "feature gates",
	"report -o html", "__complete iaas disk detach ", "__complete fault heal ", "__complete support show ", "__complete explain ", "__complete ssh ",
}

// quiet are the commands that print nothing of a cluster's: their own words only, or
// a session of which everything is to be seen as it is.
var quiet = []string{
	"down", "kubeconfig", "kubectl", "exec", "ssh", "drill", "scenario lint", "scenario verbs", "scenario new", "image explain", "image lint", "image list", "version", "policy list", "policy show", "policy diff", "policy components", "policy rules",
	"fault kinds", "fault heal", "consent revoke", "iaas vm delete", "iaas disk delete", "iaas share delete", "iaas nsg delete", "aks maintenanceconfiguration delete", "patch withdraw", "help", "completion bash", "completion fish", "completion powershell", "completion zsh",
}

// TestHostileCluster runs every command that prints against a cluster of which
// every text is hostile.
func TestHostileCluster(t *testing.T) {
	home := commandtest.Engine(t, answersOf(hostileAnswer))
	for _, args := range printing {
		for _, format := range []string{"text", "json"} {
			words := wordsOf(args, "-o", format)
			if strings.Contains(args, "-o ") || strings.HasPrefix(args, "__complete") {
				words = wordsOf(args)
			}
			code, out, errout := demarc.Run(t, home, words...)
			if code == command.BadRequest || code == command.BadEngine {
				t.Errorf("%s: exit code %d: %s", args, code, errout)
			}
			if wrong := commandtest.Harm(out + errout); wrong != "" {
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
		if !c.HasSubCommands() && !regexp.MustCompile(`(?m)(^|provider |director )`+path+`( |$)`).MatchString(known) {
			t.Errorf("what does %q print? Neither printing nor quiet has it", path)
		}
	}
	visit(root(command.New(nil, nil, nil)))
}

// TestHostileError checks what is said when the engine refuses in hostile words.
func TestHostileError(t *testing.T) {
	home := commandtest.Engine(t, nil)
	code, out, errout := demarc.Run(t, home, "cve", "show", commandtest.Hostile)
	if bad := strings.ContainsAny(out+errout, "\x1b\u009b\a\x7f\r\u202e"); code != command.BadRequest || bad || !strings.Contains(errout, `\u001b`) {
		t.Errorf("got %d, %q, %q", code, out, errout)
	}
}

// TestListsAreNotNull runs every command that prints against a cluster that has
// nothing: its lists are [] in JSON.
func TestListsAreNotNull(t *testing.T) {
	home := commandtest.Engine(t, answersOf(func(t reflect.Type) any {
		switch v := reflect.New(t).Elem().Interface().(type) {
		case api.Status:
			v.Machines = []api.Machine{{Name: "x"}} // to have a node to name
			return v
		case []api.Case:
			return []api.Case{{ID: commandtest.Hostile}}
		case []api.Feature:
			return []api.Feature{commandtest.HostileValue[api.Feature]()}
		case []api.PlannedMaintenance:
			return []api.PlannedMaintenance{commandtest.HostileValue[api.PlannedMaintenance]()}
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
		code, out, errout := demarc.Run(t, home, wordsOf(args, "-o", "json")...)
		if code == command.BadRequest || code == command.BadEngine {
			t.Errorf("%s: exit code %d: %s", args, code, errout)
		}
		if args != "timeline" && !json.Valid([]byte(out)) || strings.Contains(out, "null") {
			t.Errorf("%s: got %s", args, out)
		}
	}
}

// TestNoNullWithoutACluster is TestListsAreNotNull of commands that need no cluster.
func TestNoNullWithoutACluster(t *testing.T) {
	for _, args := range []string{
		"list", "drill --list", "fault kinds", "version", "policy list", "policy show 2019-04", "policy components", "policy rules", "policy diff 2019-04 2019-04", "explain coredns", "explain etcd.backup",
	} {
		code, out, errout := demarc.Run(t, "", wordsOf(args, "-o", "json")...)
		if code != command.Held || !json.Valid([]byte(out)) || strings.Contains(out, "null") {
			t.Errorf("%s: got %d, %s, %s", args, code, out, errout)
		}
	}
}

// TestTimesHaveSeconds runs every command that prints against a cluster of which every time
// is known: beside each virtual time are the seconds since the cluster was ready.
func TestTimesHaveSeconds(t *testing.T) {
	home := commandtest.Engine(t, answersOf(hostileAnswer))
	at, times := commandtest.Eight.Format(time.RFC3339), 0
	var walk func(args string, v any)
	walk = func(args string, v any) {
		switch x := v.(type) {
		case []any:
			for _, y := range x {
				walk(args, y)
			}
		case map[string]any:
			for name, y := range x {
				if y == at {
					times++
					if n, ok := x[name+"Seconds"].(float64); !ok || n != 0 && n != 1 {
						t.Errorf("%s: %s has no seconds beside it in %v", args, name, x)
					}
				}
				walk(args, y)
			}
		}
	}
	for _, args := range printing {
		if strings.Contains(args, "-o ") || strings.HasPrefix(args, "__complete") {
			continue
		}
		_, out, _ := demarc.Run(t, home, wordsOf(args, "-o", "json")...)
		for dec := json.NewDecoder(strings.NewReader(out)); ; {
			var v any
			if dec.Decode(&v) != nil {
				break
			}
			walk(args, v)
		}
	}
	if times < 50 {
		t.Errorf("got %d times in all", times)
	}
}

// TestInterrupted checks that a command that is interrupted says nothing.
func TestInterrupted(t *testing.T) {
	var ctx context.Context
	var cancel context.CancelCauseFunc
	home := commandtest.Engine(t, answersOf(func(answer reflect.Type) any {
		cancel(command.ErrInterrupted)
		return hostileAnswer(answer)
	}))
	for _, args := range printing {
		if strings.HasPrefix(args, "__complete") {
			continue
		}
		ctx, cancel = context.WithCancelCause(t.Context())
		code, out, errout := demarc.RunWith(ctx, t, home, "", wordsOf(args)...)
		if code != command.Interrupted || strings.Contains(errout, "demarc: ") {
			t.Errorf("%s: got %d, %q, %q", args, code, out, errout)
		}
		cancel(nil)
	}
}

// wordsOf are the words of a command that prints, with what more there is of it.
func wordsOf(args string, more ...string) []string {
	words := append(strings.Split(args, " "), more...)
	for i, w := range words {
		words[i] = strings.ReplaceAll(w, "HOSTILE", commandtest.Hostile)
	}
	return words
}

// TestLinesFit checks that no list or text of the program's own is wider than columns may be.
func TestLinesFit(t *testing.T) {
	for _, args := range []string{
		"drill --list", "policy list", "policy components", "policy rules", "policy diff 2019-04 2026-08",
		"policy show 2019-04", "policy show 2026-08", "fault kinds",
		"explain coredns", "explain nodes.self-healing", "explain etcd.backup --edition 2026-08",
	} {
		code, out, errout := demarc.Run(t, "", wordsOf(args)...)
		if code != command.Held {
			t.Errorf("%s: got %d, %s", args, code, errout)
		}
		for line := range strings.Lines(out) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > output.LineWidth {
				t.Errorf("%s: %d characters in %q", args, n, line)
			}
		}
	}
}
