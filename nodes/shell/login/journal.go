package login

import (
	"cmp"
	"context"
	"fmt"
	"slices"
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
	slices.Reverse(out)
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
	o := c.Options("u,unit= n,lines= S,since= U,until= t,identifier= g,grep= p,priority= o,output= k,dmesg f,follow r,reverse")
	n, ident, pattern, from, until := -1, o.Value("t"), strings.ToLower(o.Value("g")), o.Value("S"), o.Value("U")
	units := map[string]bool{}
	for _, u := range o.All("u") {
		units[unitName(u)] = true
	}
	if k, err := strconv.Atoi(o.Value("n")); err == nil {
		n = max(k, 0)
	} else if o.Has("n", "f") {
		n = 10
	}
	var entries []host.Entry
	bad := ""
	kernel := o.Has("k")
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
	case o.Has("disk-usage"):
		return c.Done("Archived and active journals take up 48.0M in the file system.\n")
	case o.Has("vacuum-size", "vacuum-time", "rotate", "flush"):
		return 0
	case len(entries) == 0:
		return c.Done("-- No entries --\n")
	}
	if o.Has("r") {
		slices.Reverse(entries)
	}
	for _, e := range entries {
		if o.Value("o") == "cat" {
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
	o := c.Options("t,tag= p,priority=")
	c.do(func(now time.Time, h *host.Host, _ Runtime) {
		h.Log(now, "", cmp.Or(o.Value("t"), c.User), strings.Join(o.Operands, " "))
	})
	return 0
}
