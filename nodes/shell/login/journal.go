package login

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"demarc/nodes/host"
	"demarc/nodes/shell"
)

// last are the last n entries of those wanted; n < 0 is all.
func last(all []host.Entry, n int, wanted func(host.Entry) bool) []host.Entry {
	var out []host.Entry
	for i := len(all) - 1; i >= 0 && (n < 0 || len(out) < n); i-- {
		if wanted(all[i]) {
			out = append(out, all[i])
		}
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// journalLine is an entry in the journal's short layout.
func journalLine(e host.Entry, machine string) string {
	ident := e.Ident
	if e.PID > 0 {
		ident += "[" + strconv.Itoa(e.PID) + "]"
	}
	return fmt.Sprintf("%s %s %s: %s", e.Time.UTC().Format("Jan 02 15:04:05"), machine, ident, e.Message)
}

// journalctl knows -u, -t, -n, -k, -r, -g, -p, -o cat, --since and --until. With -f it
// shows what is there.
func journalctl(_ context.Context, c *call) int {
	n, ident, pattern, from, until := -1, "", "", "", ""
	units := map[string]bool{}
	flags := map[string]string{}
	shell.Options(c.Args, "untgSUpo", []string{"unit", "lines", "since", "until", "identifier", "grep", "priority", "output"}, func(name, value string) {
		switch name {
		case "u", "unit":
			units[unitName(value)] = true
		case "n", "lines":
			n = 10
			if k, err := strconv.Atoi(value); err == nil {
				n = max(k, 0)
			}
		case "S", "since":
			from = value
		case "U", "until":
			until = value
		case "t", "identifier":
			ident = value
		case "g", "grep":
			pattern = strings.ToLower(value)
		default:
			flags[name] = value + "."
		}
	})
	has := func(names ...string) bool {
		for _, f := range names {
			if flags[f] != "" {
				return true
			}
		}
		return false
	}
	if n < 0 && has("f", "follow") {
		n = 10
	}
	var entries []host.Entry
	bad := ""
	kernel := has("k", "dmesg")
	if !c.do(func(now time.Time, h *host.Host, _ Runtime) {
		after, ok1 := shell.Moment(from, now)
		before, ok2 := shell.Moment(until, now)
		if from != "" && !ok1 {
			bad = from
		} else if until != "" && !ok2 {
			bad = until
		}
		entries = last(h.Journal(), n, func(e host.Entry) bool {
			return (len(units) == 0 || units[e.Unit]) && (ident == "" || e.Ident == ident) && (!kernel || e.Ident == "kernel") &&
				(from == "" || !e.Time.Before(after)) && (until == "" || !e.Time.After(before)) &&
				(pattern == "" || strings.Contains(strings.ToLower(e.Message), pattern))
		})
	}) {
		return 1
	}
	switch {
	case bad != "":
		return c.Fail("Failed to parse timestamp: %s", bad)
	case has("disk-usage"):
		c.Printf("Archived and active journals take up 48.0M in the file system.\n")
		return 0
	case strings.HasPrefix(flags["vacuum-size"]+flags["vacuum-time"], "."), has("rotate", "flush"):
		return 0
	case len(entries) == 0:
		c.Printf("-- No entries --\n")
		return 0
	}
	if has("r", "reverse") {
		for i, j := 0, len(entries)-1; i < j; i, j = i+1, j-1 {
			entries[i], entries[j] = entries[j], entries[i]
		}
	}
	for _, e := range entries {
		if flags["o"]+flags["output"] == "cat." {
			c.Printf("%s\n", e.Message)
		} else {
			c.Printf("%s\n", journalLine(e, c.s.name))
		}
		if c.Stopped() {
			break
		}
	}
	return 0
}

func dmesg(_ context.Context, c *call) int {
	var entries []host.Entry
	var boot time.Time
	if !c.Root() {
		return c.Fail("dmesg: read kernel buffer failed: Operation not permitted")
	}
	c.do(func(now time.Time, h *host.Host, _ Runtime) {
		boot = now.Add(-h.Uptime(now))
		entries = last(h.Journal(), -1, func(e host.Entry) bool { return e.Ident == "kernel" && !e.Time.Before(boot) })
	})
	for _, e := range entries {
		if c.Has("T") {
			c.Printf("[%s] %s\n", e.Time.UTC().Format("Mon Jan _2 15:04:05 2006"), e.Message)
			continue
		}
		c.Printf("[%12.6f] %s\n", e.Time.Sub(boot).Seconds(), e.Message)
	}
	return 0
}

func logger(_ context.Context, c *call) int {
	ident := c.User
	words := shell.Options(c.Args, "tp", []string{"tag", "priority"}, func(name, value string) {
		if name == "t" || name == "tag" {
			ident = value
		}
	})
	c.do(func(now time.Time, h *host.Host, _ Runtime) { h.Log(now, "", ident, strings.Join(words, " ")) })
	return 0
}
