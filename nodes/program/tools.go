package program

import (
	"cmp"
	"context"
	"io"
	"net"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/nodes/image"
	"demarc/nodes/shell"
	"demarc/sim/annotation"
	"demarc/sim/clock"
)

// tool is a program of an image's, as its entry has it.
func (s Spec) tool(p image.Program) shell.Command {
	return func(ctx context.Context, c *shell.Call) int {
		to, own := s.target(p, c)
		say := strings.NewReplacer("$HOST", to.host, "$PORT", to.port)
		if p.Asks > 0 && !asksNobody(c.Args) && !s.reaches(ctx, c, to, own) {
			_, _ = io.WriteString(c.Err, say.Replace(p.Fails)) // ends when the reader does
			return cmp.Or(p.FailCode, 1)
		}
		a, told := answer(p, c.Args)
		if p.Server && !told { // in an exec it is a second server
			clock.Sleep(ctx, shell.MaxSpan)
			return c.Shell.Interrupted()
		}
		if a.Signal != "" && !s.signals(c, a.Signal) {
			_, _ = io.WriteString(c.Err, say.Replace(p.Fails)) // ends when the reader does
			return cmp.Or(p.FailCode, 1)
		}
		if p.Takes > 0 && !clock.Sleep(ctx, time.Duration(p.Takes)) {
			return c.Shell.Interrupted()
		}
		c.Printf("%s", say.Replace(a.Prints))
		return a.Code
	}
}

// signals sends a signal to the container's server, if that is what the container runs.
func (s Spec) signals(c *shell.Call, name string) bool {
	argv := slices.Concat(s.Command, s.Args)
	serves := len(argv) == 0 || len(s.Command) == 0 && strings.HasPrefix(argv[0], "-")
	for _, word := range strings.Fields(strings.Join(argv, " ")) {
		p, _ := s.program(word)
		serves = serves || p.Server
	}
	return serves && c.Shell.Signal(c.User, 1, shell.Signals[name]) == nil
}

// Ends is what a signal does to the container's process 1: whether it ends, and with which
// exit code.
func (s Spec) Ends(signal int) (code int, ends bool) {
	s.lookUp()
	if s.Entry != nil {
		for name, does := range s.Entry.Signals {
			if shell.Signals[name] == signal {
				return 0, does == image.Quits
			}
		}
	}
	return 128 + signal, true
}

// asksNobody says whether a program only tells about itself.
func asksNobody(args []string) bool {
	return len(args) == 1 && slices.Contains([]string{"--version", "-V", "--help", "version"}, args[0])
}

// answer is what a program says to a command line; told is false if the entry has nothing
// for it in particular.
func answer(p image.Program, args []string) (_ image.Answer, told bool) {
	line := " " + strings.Join(strings.Fields(strings.ReplaceAll(strings.Join(args, " "), ";", " ")), " ") + " "
	for _, a := range p.Answers {
		if strings.Contains(line, " "+a.Words+" ") || strings.Contains(line, " "+a.Words+"(") {
			return a, true
		}
	}
	return image.Answer{Prints: p.Prints, Code: p.Code}, false
}

// target is the server that a command line names.
type target struct{ host, port string }

// target reads the command line of a client; own says that it asks its own container.
func (s Spec) target(p image.Program, c *shell.Call) (t target, own bool) {
	args := c.Args
	for i, a := range args {
		name, value, joined := strings.Cut(a, "=")
		if !joined && i+1 < len(args) {
			value = args[i+1]
		}
		switch {
		case name == "-h" || name == "--host" || name == "-H" && joined:
			t.host = value
		case strings.HasPrefix(a, "-h") && len(a) > 2 && !strings.HasPrefix(a, "--"):
			t.host = a[2:]
		case name == "-P" || name == "--port" || name == "-p" && isNumber(value):
			t.port = value
		case name == "--bootstrap-server" || name == "--endpoints":
			t.take(value)
		case strings.Contains(a, "://"):
			if u, err := url.Parse(a); err == nil {
				t.take(u.Host)
			}
		}
	}
	if t.host == "" {
		t.host = c.Env.Get("PGHOST").String()
	}
	own = t.host == "" || path.IsAbs(t.host) || slices.Contains([]string{"localhost", "127.0.0.1", "::1", s.PodIP, s.Hostname}, t.host)
	if own {
		t.host = cmp.Or(t.host, "127.0.0.1")
	}
	t.port = cmp.Or(t.port, strconv.Itoa(int(p.Asks)))
	return t, own
}

// take takes HOST:PORT, of which the port may be missing.
func (t *target) take(address string) {
	first, _, _ := strings.Cut(address, ",")
	host, port, err := net.SplitHostPort(first)
	if err != nil {
		host = first
	}
	t.host, t.port = host, cmp.Or(port, t.port)
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

// reaches says whether the server answers: the container's own, or another by the network.
func (s Spec) reaches(ctx context.Context, c *shell.Call, t target, own bool) bool {
	host := t.host
	if own {
		if s.Entry != nil && !s.toEnd() && slices.ContainsFunc(s.Entry.Serves, func(p image.Port) bool { return strconv.Itoa(int(p.Port)) == t.port }) {
			return s.healthy(time.Now())
		}
		host = s.PodIP // another container of the pod
	}
	_, done, err := c.Dial(ctx, "tcp", net.JoinHostPort(host, t.port), 3*time.Second)
	done()
	return err == nil
}

// healthy says whether the container's own server answers, and is not said to be sick.
func (s Spec) healthy(now time.Time) bool {
	ready, ok := s.duration(annotation.ReadyAfter)
	if !ok && s.Entry != nil {
		ready = time.Duration(s.Entry.Start)
	}
	sick, sickens := s.duration(annotation.UnhealthyAfter)
	return s.StartedAt.IsZero() || now.Sub(s.StartedAt) >= ready && !(sickens && now.Sub(s.StartedAt) >= sick)
}
