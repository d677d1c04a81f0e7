package program

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func sleep(ctx context.Context, c *call) int {
	for _, a := range c.args {
		if a == "infinity" || a == "inf" {
			<-ctx.Done()
			return 128 + int(syscall.SIGTERM)
		}
		d, err := parseSleep(a)
		if err != nil {
			return c.fail("%v", err)
		}
		if !wait(ctx, d) {
			return 128 + int(syscall.SIGTERM)
		}
	}
	return 0
}

// wait waits and says whether it came to the end.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// timeout runs a command and ends it after some time, with BusyBox's code.
func timeout(ctx context.Context, c *call) int {
	args := c.args
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		if args[0] == "-s" || args[0] == "-k" {
			args = args[1:] // and their value
		}
		args = args[min(1, len(args)):]
	}
	if len(args) < 2 {
		return c.fail("usage: timeout SECS COMMAND [ARG]...")
	}
	d, err := parseSleep(args[0])
	if err != nil {
		return c.fail("timeout: invalid number '%s'", args[0])
	}
	limited, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	code := c.run(limited, "timeout", args[1:])
	if limited.Err() != nil && ctx.Err() == nil {
		return 128 + int(syscall.SIGTERM)
	}
	return code
}

func date(_ context.Context, c *call) int {
	now, layout := time.Now().UTC(), ""
	for i := 0; i < len(c.args); i++ {
		switch a := c.args[i]; {
		case strings.HasPrefix(a, "+"):
			layout = a[1:]
		case a == "-d" && i+1 < len(c.args):
			i++
			text, ok := strings.CutPrefix(c.args[i], "@")
			n, err := strconv.ParseInt(text, 10, 64)
			if !ok || err != nil {
				return c.fail("date: invalid date '%s'", c.args[i])
			}
			now = time.Unix(n, 0).UTC()
		case strings.HasPrefix(a, "-I") || strings.HasPrefix(a, "--iso-8601"):
			layout = "%FT%T+00:00"
			if a == "-I" {
				layout = "%F"
			}
		case a == "-R":
			layout = "%a, %d %b %Y %T +0000"
		case a != "-u":
			return c.fail("date: invalid date '%s'", a)
		}
	}
	if layout == "" {
		layout = "%a %b %e %T UTC %Y"
	}
	fmt.Fprintln(c.out, Strftime(now, layout))
	return 0
}

// verbs are those of Strftime(3) that package time has a layout for.
var verbs = map[byte]string{
	'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'e': "_2", 'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM",
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04",
	'D': "01/02/06", 'Z': "MST", 'z': "-0700", 'j': "002", 'c': "Mon Jan _2 15:04:05 2006",
}

// Strftime is a time in the layout of date(1).
func Strftime(t time.Time, layout string) string {
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

// signals are what kill(1) calls those that end a program.
var signals = map[string]int{"HUP": 1, "INT": 2, "QUIT": 3, "KILL": 9, "TERM": 15}

// kill sends a signal to the container's program, which is process 1.
func kill(_ context.Context, c *call) int {
	signal := int(syscall.SIGTERM)
	for i, a := range c.args {
		name, isSignal := strings.CutPrefix(a, "-")
		if isSignal && name == "s" {
			continue
		}
		if i > 0 && c.args[i-1] == "-s" {
			name, isSignal = a, true
		}
		if !isSignal {
			if a != "1" {
				return c.fail("sh: can't kill pid %s: No such process", a)
			}
			if c.shell.spec.Kill != nil && signal != 0 {
				c.shell.spec.Kill(signal)
			}
			continue
		}
		if n, ok := signals[strings.TrimPrefix(name, "SIG")]; ok {
			signal = n
		} else if n, err := strconv.Atoi(name); err == nil {
			signal = n
		} else {
			return c.fail("sh: bad signal name '%s'", name)
		}
	}
	return 0
}
