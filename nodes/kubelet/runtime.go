package kubelet

import (
	"errors"
	"hash/fnv"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"demarc/nodes/shell/login"
)

// shellRuntime is a node's container runtime as a shell on its machine sees it.
type shellRuntime struct {
	k     *Kubelet
	cause int64 // the event of the script that asks
}

// Shell is the container runtime as a script sees it, whose event is the cause of
// what it does.
func (k *Kubelet) Shell(cause int64) login.Runtime { return shellRuntime{k, cause} }

var _ login.Runtime = shellRuntime{}

// errNoRuntime is what a client of a container runtime that is down hears.
var errNoRuntime = errors.New(`rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix /run/containerd/containerd.sock: connect: connection refused"`)

// Err implements [login.Runtime].
func (r shellRuntime) Err() error {
	if !r.k.RuntimeRuns {
		return errNoRuntime
	}
	return nil
}

// Containers implements [login.Runtime].
func (r shellRuntime) Containers() []login.Container {
	var out []login.Container
	for _, p := range sortedPods(r.k.pods) {
		for _, c := range p.containers {
			if c.state == absent || c.id == "" {
				continue
			}
			x := login.Container{
				ID: c.id, Name: c.name, Pod: p.name, Namespace: p.namespace, PodID: hexID("sandbox", p.uid, p.sandboxes), State: "Exited",
				Attempt: c.restarts, Created: c.startedAt, ExitCode: c.exitCode,
			}
			if c.state == running {
				x.State, x.PID = "Running", pid(c.id)
			}
			if s := c.spec(); s != nil {
				x.Image, x.Command = s.Image, commandOf(s.Image, slices.Concat(s.Command, s.Args))
			}
			out = append(out, x)
		}
	}
	return out
}

// pid is the process of a container, above those of the machine itself.
func pid(id string) int {
	h := fnv.New32a()
	h.Write([]byte(id)) // never fails
	return 10_000 + int(h.Sum32()%3_000_000)
}

// commandOf is the command line of a container's process.
func commandOf(image string, argv []string) string {
	if len(argv) > 0 && !strings.HasPrefix(argv[0], "-") {
		return strings.Join(argv, " ")
	}
	name, _, _ := strings.Cut(path.Base(image), ":")
	return strings.Join(append([]string{name}, argv...), " ")
}

// Logs implements [login.Runtime].
func (r shellRuntime) Logs(id string) []byte {
	c := r.find(id)
	if c == nil || c.log == nil {
		return nil
	}
	var b strings.Builder
	lines, _, _ := c.log.read(0)
	for _, l := range lines {
		b.WriteString(l.String())
	}
	return []byte(b.String())
}

// Kill implements [login.Runtime].
func (r shellRuntime) Kill(id string, signal int) {
	c := r.find(id)
	if c == nil || c.state != running {
		return
	}
	c.cause = r.cause
	c.ended(time.Now(), 128+signal, "")
	r.k.ks.Timers.Wake(c.p)
}

// Images implements [login.Runtime].
func (r shellRuntime) Images() []string { return slices.Sorted(maps.Keys(r.k.images)) }

func (r shellRuntime) find(id string) *container {
	for _, p := range r.k.pods {
		for _, c := range p.containers {
			if c.id != "" && strings.HasPrefix(c.id, id) {
				return c
			}
		}
	}
	return nil
}
