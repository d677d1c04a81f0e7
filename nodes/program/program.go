// Package program is what runs inside a simulated container.
//
// [Plan] says how a container behaves: for how long it runs and how it ends,
// what its ports answer, what it logs. Where that can be known in advance (a
// web server, `sleep 30`, an annotation) nothing runs at all: the plan is data,
// and a handler for whoever connects. A shell script that is more than that runs
// in an interpreter, in which every command is one of ours (commands.go) and
// every file is in memory: nothing of the host can be reached. [Exec] runs a
// command in a container in the same way.
//
// Annotations of the pod change the plan, for all its containers or, with
// ".CONTAINER" behind the name, for one: see [AnnotationExitAfter] and those
// beside it. [Check] finds mistakes in them.
package program

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Spec is a container as far as its program can see it.
type Spec struct {
	Image         string
	Command, Args []string
	Env           []string // NAME=value
	WorkingDir    string
	Hostname      string
	PodIP         string
	Namespace     string
	Pod           string
	Container     string
	Annotations   map[string]string
	Ports         []int32
	Files         map[string][]byte // what is mounted, by path
}

// Behaviour is what a container will do.
type Behaviour struct {
	// ReadyAfter is how long after its start its ports answer.
	ReadyAfter time.Duration
	// Exits says that it ends by itself, ExitAfter its start, with ExitCode.
	// ExitReason is OOMKilled, or empty for what the code says.
	Exits      bool
	ExitAfter  time.Duration
	ExitCode   int
	ExitReason string
	// Script, if not nil, must be run; its result is the exit code.
	Script func(ctx context.Context, stdout io.Writer) int
	// Handler answers on Ports; nil if it serves nothing.
	Handler http.Handler
	Ports   []int32
	// IgnoresTerm says that SIGTERM does not end it.
	IgnoresTerm bool
	// Lines is what it logs when it starts, at the time given.
	Lines func(t time.Time) []string
}

// Plan says how a container behaves. What its annotations say wrongly is left
// out; [Check] reports it.
func Plan(s Spec) Behaviour {
	argv := slices.Concat(s.Command, s.Args)
	var b Behaviour
	image := imageName(s.Image)
	server, known := servers[image]
	switch {
	case len(s.Command) == 0 && known:
		b = serve(s, server)
	case len(argv) > 0:
		b = planCommand(s, argv, server)
	case len(s.Ports) > 0 || !bare[image]:
		b = serve(s, server)
	default:
		b = Behaviour{Exits: true} // a shell without a terminal ends at once
	}
	annotate(s, &b)
	return b
}

// servers are images that are known to serve, and on which ports.
var servers = map[string][]int32{
	"nginx": {80}, "httpd": {80}, "caddy": {80}, "whoami": {80}, "aks-helloworld": {80}, "hello-app": {8080},
	"echoserver": {8080}, "agnhost": {8080}, "podinfo": {9898}, "hello-kubernetes": {8080}, "http-echo": {5678},
	"redis": {6379}, "postgres": {5432}, "mysql": {3306}, "mongo": {27017}, "memcached": {11211}, "rabbitmq": {5672},
	"coredns": {53, 8080, 8181, 9153}, "kube-proxy": {10249, 10256}, "agent": {8093}, "metrics-server": {4443},
}

// bare are images that hold a shell and nothing to run.
var bare = map[string]bool{"busybox": true, "alpine": true, "ubuntu": true, "debian": true, "bash": true, "centos": true, "fedora": true, "hello-world": true}

// imageName is the last part of an image's name, without tag and digest.
func imageName(image string) string {
	name, _, _ := strings.Cut(path.Base(strings.SplitN(image, "@", 2)[0]), ":")
	return name
}

// planCommand plans a container that says what it runs.
func planCommand(s Spec, argv []string, known []int32) Behaviour {
	name := path.Base(argv[0])
	switch name {
	case "sh", "bash", "ash", "dash":
		if i := slices.IndexFunc(argv, isCommandFlag); i >= 0 && i+1 < len(argv) {
			return planScript(s, argv[i+1], argv[i+2:])
		}
		return Behaviour{Exits: true}
	case "perl": // the Job of the Kubernetes documentation: 2,000 digits of pi
		return Behaviour{Exits: true, ExitAfter: 5 * time.Second, Lines: fixed("3.1415926535897932384626433832795028841971693993751")}
	case "pause", "tail", "cat":
		return forever(s)
	}
	if commands[name] != nil {
		return planScript(s, quote(argv), nil)
	}
	if len(s.Ports) > 0 || known != nil || len(s.Command) > 0 && !bare[imageName(s.Image)] {
		return serve(s, known)
	}
	// What a runtime says of a command that the image does not have.
	return Behaviour{Exits: true, ExitCode: 127, ExitReason: "StartError", Lines: fixed(fmt.Sprintf("exec: %q: executable file not found in $PATH", argv[0]))}
}

// isCommandFlag says whether a word is a shell's -c, alone or among others.
func isCommandFlag(word string) bool {
	return strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "--") && strings.HasSuffix(word, "c")
}

// serve plans a server on the container's ports.
func serve(s Spec, known []int32) Behaviour {
	ports := slices.Concat(s.Ports, known)
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
		return serve(s, nil)
	}
	return Behaviour{}
}

func fixed(lines ...string) func(time.Time) []string {
	return func(time.Time) []string { return lines }
}

// planScript plans `sh -c SCRIPT`. The most frequent scripts need no
// interpreter.
func planScript(s Spec, script string, args []string) Behaviour {
	if b, ok := planSimple(s, script); ok {
		return b
	}
	return Behaviour{
		Ports: s.Ports, Handler: handlerIf(s),
		Script: func(ctx context.Context, out io.Writer) int {
			return newShell(s).run(ctx, script, args, nil, out, out)
		},
	}
}

func handlerIf(s Spec) http.Handler {
	if len(s.Ports) == 0 {
		return nil
	}
	return newHandler(s)
}

// planSimple understands a sequence of echo, sleep, true, false and exit.
func planSimple(s Spec, script string) (Behaviour, bool) {
	b := Behaviour{Exits: true}
	var lines []string
	for _, c := range strings.FieldsFunc(strings.ReplaceAll(script, "&&", ";"), func(r rune) bool { return r == ';' || r == '\n' }) {
		words := strings.Fields(c)
		if len(words) == 0 {
			continue
		}
		if strings.ContainsAny(c, "$`|&<>(){}*?'\"\\#") {
			return b, false
		}
		if words[0] != "exec" && b.ExitCode != 0 {
			return b, false // what follows a failure depends on && and ;
		}
		switch {
		case words[0] == "echo" && b.ExitAfter == 0 && !strings.HasPrefix(strings.Join(words[1:], " "), "-"):
			lines = append(lines, strings.Join(words[1:], " "))
		case words[0] == "true" && len(words) == 1:
		case words[0] == "false" && len(words) == 1:
			b.ExitCode = 1
		case words[0] == "exit" && len(words) == 2:
			code, err := strconv.Atoi(words[1])
			if err != nil {
				return b, false
			}
			b.ExitCode = code & 0xff
			b.Lines = fixed(lines...)
			return b, true
		case words[0] == "sleep" && len(words) == 2 && (words[1] == "infinity" || words[1] == "inf"):
			b = forever(s)
			b.Lines = fixed(lines...)
			return b, true
		case words[0] == "sleep" && len(words) == 2:
			d, err := parseSleep(words[1])
			if err != nil {
				return b, false
			}
			b.ExitAfter += d
		default:
			return b, false
		}
	}
	b.Lines = fixed(lines...)
	if b.ExitAfter > 0 && len(s.Ports) > 0 {
		b.Ports, b.Handler = s.Ports, newHandler(s)
	}
	return b, true
}

// parseSleep reads the argument of sleep(1): a number with s, m, h or d.
func parseSleep(s string) (time.Duration, error) {
	unit := time.Second
	if n := len(s) - 1; n >= 0 {
		if u, ok := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[s[n]]; ok {
			s, unit = s[:n], u
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < 0 || f > 1e9 {
		return 0, fmt.Errorf("sleep: invalid time interval %q", s)
	}
	return time.Duration(f * float64(unit)), nil
}

// quote is a command as a shell reads it.
func quote(argv []string) string {
	words := make([]string, len(argv))
	for i, a := range argv {
		words[i] = a
		if a == "" || strings.ContainsAny(a, " \t\n;&|<>(){}$`\\\"'*?#~[]!") {
			words[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}
