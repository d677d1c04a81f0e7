package program

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/nodes/shell"
)

// startError is the exit code that containerd gives a container whose program
// could not be started.
const startError = 128

// piTime is how long the Job of the Kubernetes documentation computes 2,000
// digits of pi.
const piTime = 5 * time.Second

// planCommand plans a container that says what it runs.
func planCommand(s Spec, argv []string) Behaviour {
	name := path.Base(argv[0])
	switch {
	case isShell(name):
		if i := slices.IndexFunc(argv, isCommandFlag); i >= 0 && i+1 < len(argv) {
			return planScript(s, argv, argv[i+1])
		}
		if len(argv) == 1 {
			return Behaviour{Exits: true} // no terminal, no input
		}
		return runs(s, argv)
	case name == "perl" && strings.Contains(strings.Join(argv, " "), "bpi("):
		return Behaviour{Exits: true, ExitAfter: piTime, Lines: fixed("3.1415926535897932384626433832795028841971693993751")}
	case name == "pause":
		return forever(s)
	case strings.HasPrefix(string(s.Files[argv[0]]), "#!"): // a mounted script
		return runs(s, argv)
	case s.command(name) != nil:
		script, err := shell.Quoted(append([]string{name}, argv[1:]...))
		if err != nil {
			return runs(s, argv)
		}
		return planScript(s, argv, script)
	case !bare[imageName(s.Image)] || len(s.Ports) > 0:
		return serve(s)
	}
	return Behaviour{
		Exits: true, ExitCode: startError, ExitReason: "StartError",
		ExitMessage: "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: " +
			"unable to start container process: " + notFound(argv[0]).Error(),
	}
}

// isCommandFlag says whether a word is a shell's -c, alone or among others.
func isCommandFlag(word string) bool {
	return strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "--") && strings.HasSuffix(word, "c")
}

// portFlag is an argument by which programs are told their port.
var portFlag = regexp.MustCompile(`^--?(?:http-?)?(?:port|listen|listen-address|addr|bind)[= ][^ ]*?(\d{2,5})$`)

// serve plans a server on the container's ports.
func serve(s Spec) Behaviour {
	ports := slices.Concat(s.Ports, servers[imageName(s.Image)])
	for i, a := range s.Args {
		if i+1 < len(s.Args) && !strings.Contains(a, "=") {
			a += " " + s.Args[i+1]
		}
		if m := portFlag.FindStringSubmatch(a); m != nil {
			if p, err := strconv.ParseUint(m[1], 10, 16); err == nil && p > 0 {
				ports = append(ports, int32(p))
			}
		}
	}
	slices.Sort(ports)
	ports = slices.Compact(ports)
	lines := []string{fmt.Sprintf("%s: starting", cmp.Or(imageName(s.Image), "program"))}
	for _, p := range ports {
		lines = append(lines, fmt.Sprintf("listening on :%d", p))
	}
	return Behaviour{Ports: ports, Handler: newHandler(s), Lines: fixed(lines...)}
}

// forever plans a container that runs and, if it has ports, serves.
func forever(s Spec) Behaviour {
	if len(s.Ports) > 0 {
		return serve(s)
	}
	return Behaviour{}
}

func fixed(lines ...string) func(time.Time) []string {
	return func(time.Time) []string { return lines }
}

// planScript plans a command line of which script is the same for a shell. The
// most frequent ones need no interpreter.
func planScript(s Spec, argv []string, script string) Behaviour {
	if b, ok := planSimple(s, script); ok {
		b.IgnoresTerm = b.Handler == nil
		return b
	}
	return runs(s, argv)
}

// runs plans a command that must be run to see what it does.
func runs(s Spec, argv []string) Behaviour {
	b := Behaviour{
		Ports: s.Ports, IgnoresTerm: !handlesTerm(s, argv),
		Script: func(ctx context.Context, out io.Writer) int {
			sh := newShell(s)
			if !bare[imageName(s.Image)] {
				sh.Unknown = unknown
			}
			return s.run(ctx, sh, argv, s.streams(nil, out, out))
		},
	}
	if len(s.Ports) > 0 {
		b.Handler = newHandler(s)
	}
	return b
}

// handlesTerm says whether a script sets a trap, of which nobody can know when
// it is set.
func handlesTerm(s Spec, argv []string) bool {
	for _, a := range argv {
		if strings.Contains(a, "trap ") || strings.Contains(string(s.Files[a]), "trap ") {
			return true
		}
	}
	return false
}

// idle are scripts that do nothing for ever.
var idle = []*regexp.Regexp{
	regexp.MustCompile(`^\s*while\s+(?:true|:|\[ 1 \])\s*;\s*do\s+sleep\s+[0-9.]+[smhd]?\s*;?\s*done\s*;?\s*$`),
	regexp.MustCompile(`^\s*(?:trap\s[^;&]*;\s*)?(?:sleep\s+inf(?:inity)?|tail\s+-[fF]\s+/dev/null)\s*&\s*wait(?:\s+\$!)?\s*;?\s*$`),
	regexp.MustCompile(`^\s*(?:exec\s+)?tail\s+-[fF]\s+/dev/null\s*;?\s*$`),
	regexp.MustCompile(`^\s*cat\s+/dev/zero\s*>\s*/dev/null\s*$`),
}

// special are the characters that make a script more than a list of commands.
const special = "$`|&<>(){}*?'\"\\#~[]!="

// planSimple understands a sequence of echo, sleep, true, false and exit.
func planSimple(s Spec, script string) (Behaviour, bool) {
	if slices.ContainsFunc(idle, func(re *regexp.Regexp) bool { return re.MatchString(script) }) {
		return forever(s), true
	}
	b := Behaviour{Exits: true}
	var lines []string
	for _, c := range strings.FieldsFunc(strings.ReplaceAll(script, "&&", ";"), func(r rune) bool { return r == ';' || r == '\n' }) {
		words := strings.Fields(c)
		if len(words) == 0 {
			continue
		}
		if strings.ContainsAny(c, special) || b.ExitCode != 0 {
			return b, false // what follows a failure depends on && and ;
		}
		done, ok := b.simple(s, words, &lines)
		if !ok {
			return b, false
		}
		if done {
			break
		}
	}
	b.Lines = fixed(lines...)
	if b.ExitAfter > 0 && len(s.Ports) > 0 {
		b.Ports, b.Handler = s.Ports, newHandler(s)
	}
	return b, true
}

// simple adds one command to the plan. done says that it is the last that runs,
// ok that it was understood.
func (b *Behaviour) simple(s Spec, words []string, lines *[]string) (done, ok bool) {
	if words[0] == "exec" && len(words) > 1 && words[1] == "sleep" {
		words, done = words[1:], true
	}
	switch {
	case words[0] == "echo" && b.ExitAfter == 0 && (len(words) == 1 || !strings.HasPrefix(words[1], "-")):
		*lines = append(*lines, strings.Join(words[1:], " "))
	case words[0] == "true" && len(words) == 1:
	case words[0] == "false" && len(words) == 1:
		b.ExitCode = 1
	case words[0] == "exit" && len(words) == 2:
		code, err := strconv.ParseUint(words[1], 10, 31)
		b.ExitCode = int(code & 0xff)
		return true, err == nil
	case words[0] == "sleep" && len(words) == 2 && (words[1] == "infinity" || words[1] == "inf"):
		*b = forever(s)
		return true, true
	case words[0] == "sleep" && len(words) == 2:
		d, ok := shell.Span(words[1])
		b.ExitAfter = min(b.ExitAfter, shell.MaxSpan) + d
		return done, ok
	default:
		return false, false
	}
	return false, true
}
