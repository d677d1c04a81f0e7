package shell

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// date knows -u, -d @N, -I, -R and +LAYOUT.
func date(_ context.Context, c *Call) int {
	now := c.Shell.Now().UTC()
	layout := "%a %b %e %T UTC %Y"
	for i := 0; i < len(c.Args); i++ {
		switch a := c.Args[i]; {
		case strings.HasPrefix(a, "+"):
			layout = a[1:]
		case (a == "-d" || a == "--date") && i+1 < len(c.Args):
			i++
			t, ok := Moment(c.Args[i], now)
			if n, err := strconv.ParseInt(strings.TrimPrefix(c.Args[i], "@"), 10, 64); err == nil && strings.HasPrefix(c.Args[i], "@") {
				t, ok = time.Unix(n, 0).UTC(), true
			}
			if !ok {
				return c.Fail("date: invalid date ‘%s’", c.Args[i])
			}
			now = t
		case (a == "-s" || a == "--set"):
			return c.Fail("date: cannot set date: Operation not permitted")
		case a == "-I":
			layout = "%F"
		case strings.HasPrefix(a, "-I") || strings.HasPrefix(a, "--iso-8601"):
			layout = "%FT%T+00:00"
		case a == "-R":
			layout = "%a, %d %b %Y %T +0000"
		case a != "-u" && a != "--utc":
			return c.Fail("date: invalid date ‘%s’", a)
		}
	}
	return c.Done("%s\n", strftime(now, layout))
}

// verbs are those of strftime(3) that package time has a layout for.
var verbs = map[byte]string{
	'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'e': "_2", 'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM",
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04",
	'D': "01/02/06", 'Z': "MST", 'z': "-0700", 'j': "002", 'c': "Mon Jan _2 15:04:05 2006",
}

// strftime is a time in the layout of date(1).
func strftime(t time.Time, layout string) string {
	var b strings.Builder
	for i := 0; i < len(layout); i++ {
		if layout[i] != '%' || i+1 == len(layout) {
			b.WriteByte(layout[i])
			continue
		}
		i++
		switch v := layout[i]; {
		case v == 's':
			b.WriteString(strconv.FormatInt(t.Unix(), 10))
		case v == 'N':
			fmt.Fprintf(&b, "%09d", t.Nanosecond())
		case v == 'n':
			b.WriteByte('\n')
		case verbs[v] != "":
			b.WriteString(t.Format(verbs[v]))
		default:
			b.WriteByte(v)
		}
	}
	return b.String()
}

// Moment reads what journalctl and date take: a time, or a span before now.
func Moment(s string, now time.Time) (time.Time, bool) {
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
