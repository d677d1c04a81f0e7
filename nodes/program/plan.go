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

	"demarc/nodes/image"
	"demarc/nodes/shell"
	"demarc/sim/clock"
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
	if file := path.Clean(argv[0]); path.IsAbs(file) && s.mountOf(file).NoExec {
		if _, there := s.Files[file]; there {
			return notStarted(denied(argv[0]))
		}
		return notStarted(notFound(argv[0]))
	}
	switch {
	case isShell(name):
		if i := slices.IndexFunc(argv, isCommandFlag); i >= 0 && i+1 < len(argv) && !strings.HasPrefix(argv[i+1], "-") {
			return planScript(s, argv, argv[i+1])
		}
		if len(argv) == 1 && s.Input == nil {
			return Behaviour{Exits: true} // no terminal, no input
		}
		return runs(s, argv)
	case name == "perl" && strings.Contains(strings.Join(argv, " "), "bpi("):
		return Behaviour{Exits: true, ExitAfter: piTime, Lines: fixed("3.1415926535897932384626433832795028841971693993751")}
	case name == sampleAPIServer && s.Entry != nil && s.Entry.Entrypoint == sampleAPIServer:
		return planSampleAPIServer(s)
	case name == coreDNS && s.Entry != nil && s.Entry.Entrypoint == coreDNS:
		return planCoreDNS(s, argv[1:])
	case name == agnhost && s.Entry != nil && s.Entry.Entrypoint == agnhost:
		return planAgnhost(s, argv[1:])
	case strings.HasPrefix(string(s.Files[argv[0]]), "#!"): // a mounted script
		return runs(s, argv)
	case s.serves(argv):
		return ownProgram(s)
	case s.command(argv[0]) != nil:
		if slices.Contains(shell.Paths, path.Dir(argv[0])) {
			argv = append([]string{name}, argv[1:]...)
		}
		script, err := shell.Quoted(argv)
		if err != nil {
			return runs(s, argv)
		}
		return planScript(s, argv, script)
	case !s.lacks(argv[0]):
		return ownProgram(s)
	}
	return notStarted(notFound(argv[0]))
}

// notStarted is a container whose program cannot be started.
func notStarted(why error) Behaviour {
	return Behaviour{
		Exits: true, ExitCode: startError, ExitReason: "StartError",
		ExitMessage: "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: " +
			"unable to start container process: " + why.Error(),
	}
}

// serves says whether a command line is what the container is there for.
func (s Spec) serves(argv []string) bool {
	p, ok := s.program(argv[0])
	if !ok || !p.Server {
		return false
	}
	_, told := answer(p, argv[1:])
	return !told
}

// Makes are the Secrets that the program makes when it starts.
func (s Spec) Makes() (list []image.Secret) {
	s.lookUp()
	if s.Entry == nil {
		return nil
	}
	line := " " + strings.Join(slices.Concat(s.Command, s.Args), " ") + " "
	for _, x := range s.Entry.Makes {
		if x.Words == "" || strings.Contains(line, " "+x.Words+" ") {
			list = append(list, x)
		}
	}
	return list
}

// isCommandFlag says whether a word is a shell's -c, alone or among others.
func isCommandFlag(word string) bool {
	return strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "--") && strings.HasSuffix(word, "c")
}

// portFlag is an argument by which programs are told their port.
var portFlag = regexp.MustCompile(`^--?(?:http-?)?(?:port|listen|listen-address|addr|bind)[= ][^ ]*?(\d{2,5})$`)

// ownProgram plans what the image is there for.
func ownProgram(s Spec) Behaviour {
	if !s.vague() {
		b := serve(s)
		if s.Entry.Ends != nil {
			b.ends(time.Duration(s.Entry.Ends.After), s.Entry.Ends.Code, "")
		}
		return b
	}
	s.assume(cmp.Or(s.Place, image.Main))
	if s.toEnd() {
		return Behaviour{Exits: true, ExitAfter: image.Work, Lines: s.lines(nil)}
	}
	b := serve(s)
	b.Open = true
	return b
}

// toEnd says whether the container is to come to an end.
func (s Spec) toEnd() bool { return s.Place == image.Init || s.Place == image.Job }

// serve plans a server on the container's ports.
func serve(s Spec) Behaviour {
	ports := s.ports()
	for i, a := range s.Args {
		if i+1 < len(s.Args) && !strings.Contains(a, "=") {
			a += " " + s.Args[i+1]
		}
		if m := portFlag.FindStringSubmatch(a); m != nil {
			ports = withPort(ports, m[1])
		}
	}
	if s.vague() {
		for _, v := range s.Env {
			if number, ok := strings.CutPrefix(v, "PORT="); ok {
				ports = withPort(ports, number)
			}
		}
	}
	slices.Sort(ports)
	ports = slices.Compact(ports)
	b := Behaviour{Ports: ports, Handler: newHandler(s), Lines: s.lines(ports)}
	if s.Entry != nil {
		b.ReadyAfter = time.Duration(s.Entry.Start)
		if d, short := s.runsShort(); short {
			// 128 + SIGKILL, which is how the kernel ends it.
			b.ends(d, 137, "OOMKilled")
		}
	}
	return b
}

// runsShort says when the program has more memory than its limit, if it ever has.
func (s Spec) runsShort() (after time.Duration, short bool) {
	rest, hour := s.Entry.Memory.Rest.Value(), s.Entry.Memory.Hour.Value()
	switch {
	case s.MemoryLimit <= 0 || rest <= s.MemoryLimit && hour == 0:
		return 0, false
	case rest > s.MemoryLimit: // before it is up
		return max(time.Duration(s.Entry.Start)/2, time.Second), true
	}
	hours := float64(s.MemoryLimit-rest) / float64(hour)
	return time.Duration(min(hours, maxHours) * float64(time.Hour)), true
}

// maxHours bounds for how long a program can grow.
const maxHours = 24 * 365 * 100

// ports are those that the container answers: the image's, the declared ones, and, if nobody
// knows the image's, those that are asked.
func (s Spec) ports() []int32 {
	ports := slices.Clone(s.Ports)
	if s.Entry != nil {
		for _, p := range s.Entry.Serves {
			ports = append(ports, p.Port)
		}
		ports = append(ports, s.configured()...)
	}
	if s.vague() && !s.toEnd() {
		ports = append(ports, s.Asked...)
	}
	return ports
}

// configured are the ports that the mounted files name.
func (s Spec) configured() (ports []int32) {
	if s.Entry.Listens == "" {
		return nil
	}
	re, err := regexp.Compile(s.Entry.Listens)
	if err != nil {
		return nil // it was read by image.Parse, which says so
	}
	for _, b := range s.Files {
		for _, m := range re.FindAllSubmatch(b, 100) {
			ports = withPort(ports, string(m[1]))
		}
	}
	return ports
}

func withPort(ports []int32, number string) []int32 {
	if p, err := strconv.ParseUint(number, 10, 16); err == nil && p > 0 {
		return append(ports, int32(p))
	}
	return ports
}

// lines are what the program logs when it starts.
func (s Spec) lines(ports []int32) func(time.Time) []string {
	if s.Entry != nil && len(s.Entry.Logs) > 0 {
		return fixed(s.Entry.Logs...)
	}
	lines := []string{fmt.Sprintf("%s: starting", cmp.Or(image.Short(s.Image), "program"))}
	for _, p := range ports {
		lines = append(lines, fmt.Sprintf("listening on :%d", p))
	}
	return fixed(lines...)
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
	b := s.scripted(func(ctx context.Context, out io.Writer) int {
		sh := newShell(s)
		sh.Unknown = s.unknown
		return s.run(ctx, sh, argv, s.streams(s.Input, out, out))
	})
	b.IgnoresTerm = !handlesTerm(s, argv)
	return b
}

// scripted is a container that runs a script, and serves the while.
func (s Spec) scripted(script func(ctx context.Context, out io.Writer) int) Behaviour {
	b := Behaviour{Script: script, Ports: s.ports(), Open: s.vague() && !s.toEnd()}
	if len(b.Ports) > 0 || b.Open {
		b.Handler = newHandler(s)
	}
	return b
}

// unknown stands for a program of an image that we do not have. The last command of a
// container's script is what it is there for: it runs until it is stopped, or works a while
// where it is to end. Those before it prepare something and succeed.
func (s Spec) unknown(ctx context.Context, name string, last bool) (code int, stood bool) {
	if s.lacks(name) {
		return 0, false
	}
	s.assume(cmp.Or(s.Place, image.Main))
	switch {
	case last && s.toEnd():
		clock.Sleep(ctx, image.Work)
	case last:
		<-ctx.Done()
	}
	return 0, true
}

// hidden says whether a file that is not there may be of the image: it is nowhere where only
// what runs has files.
func (s Spec) hidden(file string) bool {
	mounted := slices.ContainsFunc(s.Mounts, func(m Mount) bool { _, ok := m.below(file); return ok })
	first, _, _ := strings.Cut(strings.TrimPrefix(file, "/"), "/")
	return !mounted && !s.bare() && s.system() != image.None && !slices.Contains(ownFolders, first)
}

// ownFolders are where images have no files.
var ownFolders = strings.Fields("tmp run proc sys dev root home mnt")

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
