// Package image is the catalogue of images: how the containers of each image behave, as
// data. A container runs no program; what its image's program would do (which ports it
// answers, how it ends, what its tools say) is an [Entry] here, and package program acts
// by it.
//
// [Builtin] is the catalogue that comes with demarc, the YAML files of this folder. A user's
// own is read by [Parse], which finds every mistake with its line, and its entries win
// ([Catalogue.With]). [Catalogue.Lookup] finds the entry of an image. An image without one
// is unknown, and the unknown goes the healthy way: [Assumed] says in words what that is.
package image

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"demarc/sim/backend"
)

// Catalogue is a list of entries, of which the first that matches is an image's, and of
// registries.
type Catalogue struct {
	Images     []Entry    `yaml:"images" json:"images"`
	Registries []Registry `yaml:"registries" json:"registries,omitempty"`
}

// Entry says how the containers of an image behave.
type Entry struct {
	// Match are patterns of the image's repository, without a tag: see [Entry.matches].
	Match []string `yaml:"match" json:"match"`
	About string   `yaml:"about" json:"about,omitempty"`
	// Like is the first pattern of another entry, which says what this one does not.
	Like string `yaml:"like" json:"like,omitempty"`
	// Tags is a regular expression of the tags that there are: see [Entry.Exists].
	Tags string `yaml:"tags" json:"tags,omitempty"`

	// Start is how long after its start the ports answer.
	Start Duration `yaml:"start" json:"start,omitempty"`
	// Serves are the ports on which it answers, whatever the pod declares. None and no end
	// is a program that runs and serves what the pod names.
	Serves []Port `yaml:"serves" json:"serves,omitempty"`
	// Listens is a regular expression over the files that are mounted, whose first group is
	// another port on which it answers.
	Listens string `yaml:"listens" json:"listens,omitempty"`
	// Backend are the real programs of this machine that are behind its ports.
	Backend backend.Set `yaml:"backend" json:"backend,omitempty"`
	// Ends says that it comes to an end by itself.
	Ends *End `yaml:"ends" json:"ends,omitempty"`
	// Logs is what it logs when it starts.
	Logs []string `yaml:"logs" json:"logs,omitempty"`
	// Memory and CPU are what it uses.
	Memory Usage `yaml:"memory" json:"memory,omitzero"`
	CPU    Usage `yaml:"cpu" json:"cpu,omitzero"`

	// Ingress says that it is the Ingress controller of nginx, and serves Ingresses.
	Ingress bool `yaml:"ingress" json:"ingress,omitempty"`

	// Makes are Secrets that its program makes when it starts.
	Makes []Secret `yaml:"makes" json:"makes,omitempty"`

	// Files are those that scripts look for, by their paths.
	Files map[string]string `yaml:"files" json:"files,omitempty"`
	// System is which programs it has beside its own: [Busybox], [Debian] or [None]. Without
	// it nobody knows, and it has whatever is called for.
	System string `yaml:"system" json:"system,omitempty"`
	// User is as whom its programs run: a number, 0 for root, or a name. Without it nobody
	// knows: see [Entry.UserOf].
	User string `yaml:"user" json:"user,omitempty"`
	// Programs are its own, by name.
	Programs map[string]Program `yaml:"programs" json:"programs,omitempty"`
	// Signals are what its server does at a signal, by the signal's name: [Quits] or
	// [GoesOn]. Any other signal ends it, with 128 and the signal's number.
	Signals map[string]string `yaml:"signals" json:"signals,omitempty"`
	// Entrypoint is the program of ours that its arguments are for.
	Entrypoint string `yaml:"entrypoint" json:"entrypoint,omitempty"`
	// Args are what its entry point gets if the pod gives no arguments.
	Args []string `yaml:"args" json:"args,omitempty"`

	// From is where the entry stands: a file and a line.
	From string `yaml:"-" json:"from,omitempty"`
}

// What an image has beside its own programs.
const (
	Busybox = "busybox" // a shell and BusyBox's applets
	Debian  = "debian"  // a shell and the programs of a minimal Debian or Ubuntu
	None    = "none"    // nothing, not even a shell
)

// What a server does at a signal.
const (
	Quits  = "quits"   // it ends with 0
	GoesOn = "goes on" // it reads its configuration anew, or opens its logs
)

// SignalNames are the signals that an entry can name.
var SignalNames = []string{"HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "WINCH"}

// Port is a port that answers. One without routes answers every path with 200.
type Port struct {
	Port   int32   `yaml:"port" json:"port"`
	Routes []Route `yaml:"routes" json:"routes,omitempty"`
}

// Route is the answer to a path, or to all that begin so if it ends in *. The first that
// fits is taken.
type Route struct {
	Path   string `yaml:"path" json:"path"`
	Status int    `yaml:"status" json:"status,omitempty"` // 200 if zero
	Type   string `yaml:"type" json:"type,omitempty"`     // of the content; plain text if empty
	Body   string `yaml:"body" json:"body,omitempty"`
}

// Secret is one that a program makes in its own namespace, unless there is one, if its service
// account may. A key that ends in crt or key is of a certificate, ca.crt of who has signed it,
// and any other is a password.
type Secret struct {
	Name string   `yaml:"name" json:"name"`
	Keys []string `yaml:"keys" json:"keys"`
	// Words are those in a row of the command line that makes it; any does if empty.
	Words string `yaml:"words" json:"words,omitempty"`
}

// End is how a program comes to its end.
type End struct {
	After Duration `yaml:"after" json:"after,omitempty"`
	Code  int      `yaml:"code" json:"code,omitempty"`
}

// Usage is what a program uses of a resource: at rest, more for each request a second, and
// more for each hour that it runs.
type Usage struct {
	Rest    Quantity `yaml:"rest" json:"rest,omitempty"`
	Request Quantity `yaml:"request" json:"request,omitempty"`
	Hour    Quantity `yaml:"hour" json:"hour,omitempty"`
}

// Program is what a program of an image does when it is called.
type Program struct {
	// Server says that it is what the container is there for: it runs until it is stopped.
	Server bool `yaml:"server" json:"server,omitempty"`
	// Asks is the port of the server that it asks, here or at the host that its command line
	// names: until that answers it prints Fails, and ends with FailCode, 1 if that is zero.
	Asks     int32  `yaml:"asks" json:"asks,omitempty"`
	Fails    string `yaml:"fails" json:"fails,omitempty"`
	FailCode int    `yaml:"fail-code" json:"failCode,omitempty"`
	// Prints is what it prints, and Code its exit code, if its command line has none of the
	// words of Answers.
	Prints  string   `yaml:"prints" json:"prints,omitempty"`
	Code    int      `yaml:"code" json:"code,omitempty"`
	Answers []Answer `yaml:"answers" json:"answers,omitempty"`
	// Takes is how long it runs.
	Takes Duration `yaml:"takes" json:"takes,omitempty"`
}

// Answer is what a program prints whose command line has words in a row.
type Answer struct {
	Words  string `yaml:"words" json:"words"`
	Prints string `yaml:"prints" json:"prints,omitempty"`
	Code   int    `yaml:"code" json:"code,omitempty"`
	// Signal is the name of what it sends to the container's server. If that does not run
	// the program prints Fails.
	Signal string `yaml:"signal" json:"signal,omitempty"`
}

// Registry says what is known of a registry, or of repositories in it.
type Registry struct {
	Match string `yaml:"match" json:"match"`
	// Private says that only a pod with imagePullSecrets gets an image from it.
	Private bool `yaml:"private" json:"private,omitempty"`
}

// Duration is a time.Duration, written as 2s.
type Duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err == nil && v < 0 || err != nil {
		return fmt.Errorf("%q is not a duration with its unit, such as 500ms, 2s or 1m", b)
	}
	*d = Duration(v)
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// Place is where in a pod a program runs.
type Place string

// Places.
const (
	Main Place = "main" // a container that is to stay
	Init Place = "init" // an init container that is to end
	Job  Place = "job"  // a container of a Job's pod
	Exec Place = "exec" // a command in a container: kubectl exec, a probe, a hook
)

// Places are all of them.
var Places = []Place{Main, Init, Job, Exec}

// Assumed is what a program of an unknown image does in a place, in words.
func Assumed(p Place) string {
	switch p {
	case Init, Job:
		return fmt.Sprintf("ends with 0 after %s", Work)
	case Exec:
		return "has every program, each of which succeeds"
	}
	return "serves every port that the pod, its probes, its hooks or a Service name"
}

// Work is how long a program of an unknown image works that is to come to an end.
const Work = 3 * time.Second

//go:embed *.yaml
var files embed.FS

// Help is what there is to read of images.
//
//go:embed images.md
var Help string

// Builtin is the catalogue that comes with demarc. It must not be changed.
var Builtin = sync.OnceValue(func() *Catalogue {
	all := &Catalogue{}
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // it is part of the program
	}
	for _, e := range entries {
		b, err := files.ReadFile(e.Name())
		if err != nil {
			panic(err)
		}
		c, problems := parse("built-in "+e.Name(), b, all)
		if len(problems) > 0 {
			panic(problems[0].String())
		}
		all = &Catalogue{Images: append(all.Images, c.Images...), Registries: append(all.Registries, c.Registries...)}
	}
	return all
})

// With is the catalogue with a user's, whose entries win.
func (c *Catalogue) With(own *Catalogue) *Catalogue {
	if own == nil {
		return c
	}
	return &Catalogue{Images: slices.Concat(own.Images, c.Images), Registries: slices.Concat(own.Registries, c.Registries)}
}

// Lookup is the entry of an image; nil if it is unknown.
func (c *Catalogue) Lookup(name string) *Entry {
	ref := Split(name)
	for i := range c.Images {
		if c.Images[i].matches(ref) {
			return &c.Images[i]
		}
	}
	return nil
}

// UserOf is as whom the programs of an image run; empty if nobody knows.
func (c *Catalogue) UserOf(name string) string {
	if e := c.Lookup(name); e != nil {
		return e.UserOf(Split(name))
	}
	return ""
}

// Load reads what a cluster was given: the text of a user's catalogue, or nothing.
func Load(file, text string) (*Catalogue, error) {
	if text == "" {
		return Builtin(), nil
	}
	own, problems := Parse(file, []byte(text))
	if len(problems) > 0 {
		return nil, Error(problems)
	}
	return Builtin().With(own), nil
}

// Private says whether an image is in a registry that asks who pulls.
func (c *Catalogue) Private(name string) bool {
	ref := Split(name)
	for _, r := range c.Registries {
		if fits(r.Match, ref.Registry) || fits(r.Match, ref.Registry+"/"+ref.Repository) || strings.HasPrefix(ref.Registry+"/"+ref.Repository, r.Match+"/") {
			return r.Private
		}
	}
	return false
}
