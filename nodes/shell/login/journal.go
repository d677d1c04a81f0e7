package login

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"demarc/nodes/host"
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

// moment reads what --since takes: a time, or a span before now.
func moment(s string, now time.Time) (time.Time, bool) {
	s = strings.TrimSpace(s)
	switch s {
	case "today":
		return now.Truncate(24 * time.Hour), true
	case "yesterday":
		return now.Truncate(24 * time.Hour).Add(-24 * time.Hour), true
	case "now":
		return now, true
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	f := strings.Fields(strings.TrimPrefix(strings.TrimSuffix(s, " ago"), "-"))
	if len(f) == 1 {
		digits := len(f[0]) - len(strings.TrimLeft(f[0], "0123456789"))
		f = []string{f[0][:digits], f[0][digits:]}
	}
	if len(f) != 2 {
		return now, false
	}
	n, err := strconv.Atoi(f[0])
	unit := map[string]time.Duration{"s": time.Second, "sec": time.Second, "second": time.Second, "m": time.Minute, "min": time.Minute, "minute": time.Minute, "h": time.Hour, "hour": time.Hour, "d": 24 * time.Hour, "day": 24 * time.Hour}
	d, ok := unit[strings.TrimSuffix(f[1], "s")]
	if f[1] == "s" {
		d, ok = time.Second, true
	}
	return now.Add(-time.Duration(min(n, 1_000_000)) * d), err == nil && ok
}

// journalctl knows -u, -t, -n, -k, -r, -g, -p, -o cat, --since and --until. With -f it
// shows what is there.
func journalctl(_ context.Context, c *call) int {
	n, ident, pattern, from, until := -1, "", "", "", ""
	units := map[string]bool{}
	flags := map[string]string{}
	options(c.args, "untgSUpo", []string{"unit", "lines", "since", "until", "identifier", "grep", "priority", "output"}, func(name, value string) {
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
		after, ok1 := moment(from, now)
		before, ok2 := moment(until, now)
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
		return c.fail("Failed to parse timestamp: %s", bad)
	case has("disk-usage"):
		c.printf("Archived and active journals take up 48.0M in the file system.\n")
		return 0
	case strings.HasPrefix(flags["vacuum-size"]+flags["vacuum-time"], "."), has("rotate", "flush"):
		return 0
	case len(entries) == 0:
		c.printf("-- No entries --\n")
		return 0
	}
	if has("r", "reverse") {
		for i, j := 0, len(entries)-1; i < j; i, j = i+1, j-1 {
			entries[i], entries[j] = entries[j], entries[i]
		}
	}
	for _, e := range entries {
		if flags["o"]+flags["output"] == "cat." {
			c.printf("%s\n", e.Message)
		} else {
			c.printf("%s\n", journalLine(e, c.s.name))
		}
		if c.written.Err != nil {
			break
		}
	}
	return 0
}

func dmesg(_ context.Context, c *call) int {
	var entries []host.Entry
	var boot time.Time
	if !c.root() {
		return c.fail("dmesg: read kernel buffer failed: Operation not permitted")
	}
	c.do(func(now time.Time, h *host.Host, _ Runtime) {
		boot = now.Add(-h.Uptime(now))
		entries = last(h.Journal(), -1, func(e host.Entry) bool { return e.Ident == "kernel" && !e.Time.Before(boot) })
	})
	for _, e := range entries {
		if c.has("T") {
			c.printf("[%s] %s\n", e.Time.UTC().Format("Mon Jan _2 15:04:05 2006"), e.Message)
			continue
		}
		c.printf("[%12.6f] %s\n", e.Time.Sub(boot).Seconds(), e.Message)
	}
	return 0
}

func logger(_ context.Context, c *call) int {
	ident := c.user
	words := options(c.args, "tp", []string{"tag", "priority"}, func(name, value string) {
		if name == "t" || name == "tag" {
			ident = value
		}
	})
	c.do(func(now time.Time, h *host.Host, _ Runtime) { h.Log(now, "", ident, strings.Join(words, " ")) })
	return 0
}
