package image

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"demarc/sim/fault"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Problem is one mistake in a catalogue.
type Problem struct {
	File       string `json:"file"`
	Line       int    `json:"line"` // from 1
	Message    string `json:"message"`
	Suggestion string `json:"suggestion,omitempty"` // what was probably meant
}

// String is the problem in the form file:line: message.
func (p Problem) String() string {
	s := fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message)
	if p.Suggestion != "" {
		s += fmt.Sprintf(" (did you mean %q?)", p.Suggestion)
	}
	return s
}

// Error are the problems of a catalogue as an error.
type Error []Problem

func (e Error) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// MaxSize bounds a catalogue, in bytes.
const MaxSize = 1 << 20

// Parse reads a user's catalogue and checks all of it. It may be used if there are no
// problems; they are in the order of the file, whose name is for messages.
func Parse(file string, b []byte) (*Catalogue, []Problem) { return parse(file, b, Builtin()) }

// parse reads a catalogue whose entries may be like those of another.
func parse(file string, b []byte, others *Catalogue) (*Catalogue, []Problem) {
	r := &reader{file: file, others: others}
	if len(b) > MaxSize {
		r.problem(1, "", "the catalogue has %d bytes: want at most %d", len(b), MaxSize)
		return &r.catalogue, r.problems
	}
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(b))
	if err := dec.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		line, message := lineOf(err)
		r.problem(line, "", "this is no YAML: %s", message)
		return &r.catalogue, r.problems
	}
	if dec.Decode(new(yaml.Node)) == nil {
		r.problem(1, "", "want one YAML document, with images and registries in it")
	}
	if len(doc.Content) == 1 {
		r.read(doc.Content[0])
	} else {
		r.problem(1, "", "the catalogue is empty: want images: with a list of entries; demarc help images has an example")
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int { return a.Line - b.Line })
	return &r.catalogue, r.problems
}

// yamlLine is how package yaml says where a mistake is.
var yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:unmarshal errors:\n\s*)?line (\d+): (?s:(.*))$`)

func lineOf(err error) (line int, message string) {
	line, message = 1, strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		_, _ = fmt.Sscan(m[1], &line) // the expression matches digits only
		message = m[2]
	}
	return line, message
}

// reader reads a catalogue.
type reader struct {
	file      string
	others    *Catalogue
	catalogue Catalogue
	problems  []Problem
}

func (r *reader) problem(line int, suggestion, format string, args ...any) {
	r.problems = append(r.problems, Problem{File: r.file, Line: line, Message: fmt.Sprintf(format, args...), Suggestion: suggestion})
}

// read reads the document: strictly, and one entry after the other, so that all mistakes
// are found. What has the wrong form is looked at no further.
func (r *reader) read(doc *yaml.Node) {
	r.known(doc, reflect.TypeFor[Catalogue]())
	wrong := slices.Clone(r.problems)
	for i := 0; i+1 < len(doc.Content); i += 2 {
		key, list := doc.Content[i].Value, doc.Content[i+1]
		for _, n := range list.Content {
			if slices.ContainsFunc(wrong, func(p Problem) bool { return p.Line >= n.Line && p.Line <= lastLine(n) }) {
				continue
			}
			switch key {
			case "images":
				e := Entry{From: fmt.Sprintf("%s:%d", r.file, n.Line)}
				if r.decode(n, &e) {
					r.entry(n, &e)
					r.catalogue.Images = append(r.catalogue.Images, e)
				}
			case "registries":
				var x Registry
				if r.decode(n, &x) {
					r.pattern(n.Line, x.Match)
					r.catalogue.Registries = append(r.catalogue.Registries, x)
				}
			}
		}
	}
}

// lastLine is where a node ends.
func lastLine(n *yaml.Node) int {
	line := n.Line
	for _, c := range n.Content {
		line = max(line, lastLine(c))
	}
	return line
}

// known checks that a node has the form of a type: no unknown keys, none twice, a list
// where a list belongs.
func (r *reader) known(n *yaml.Node, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	text := reflect.PointerTo(t).Implements(reflect.TypeFor[interface{ UnmarshalText([]byte) error }]())
	switch {
	case text || t.Kind() != reflect.Struct && t.Kind() != reflect.Slice && t.Kind() != reflect.Map:
		if n.Kind != yaml.ScalarNode {
			r.problem(n.Line, "", "want one value here, not a list or a map")
			return
		}
		r.decode(n, reflect.New(t).Interface())
	case n.Tag == "!!null":
	case t.Kind() == reflect.Slice && n.Kind != yaml.SequenceNode:
		r.problem(n.Line, "", "want a list here, each item with a hyphen in front")
	case t.Kind() != reflect.Slice && n.Kind != yaml.MappingNode:
		r.problem(n.Line, "", "want keys with values here")
	case t.Kind() == reflect.Slice:
		for _, item := range n.Content {
			r.known(item, t.Elem())
		}
	default:
		r.keys(n, t)
	}
}

// keys checks the keys of a map or a struct, and what is behind them.
func (r *reader) keys(n *yaml.Node, t reflect.Type) {
	fields := map[string]reflect.Type{}
	if t.Kind() == reflect.Struct {
		for f := range t.Fields() {
			if name := f.Tag.Get("yaml"); name != "-" {
				fields[name] = f.Type
			}
		}
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		field := fields[key.Value]
		if t.Kind() == reflect.Map {
			field = t.Elem()
		}
		names := slices.Sorted(maps.Keys(fields))
		switch {
		case seen[key.Value]:
			r.problem(key.Line, "", "%s is given twice", key.Value)
		case field == nil:
			r.problem(key.Line, fault.Suggest(key.Value, names), "there is no key %q here; there are %s", key.Value, strings.Join(names, ", "))
		default:
			r.known(value, field)
		}
		seen[key.Value] = true
	}
}

func (r *reader) decode(n *yaml.Node, into any) bool {
	err := n.Decode(into)
	if err == nil {
		return true
	}
	_, message := lineOf(err)
	r.problem(n.Line, "", "%s", message)
	return false
}

// userName is as whom an image's programs can run.
var userName = regexp.MustCompile(`^(\d{1,9}|[a-z_][a-z0-9_-]{0,31})$`)

// entry checks an entry, and gives it what the one has that it is like.
func (r *reader) entry(n *yaml.Node, e *Entry) {
	if len(e.Match) == 0 {
		r.problem(n.Line, "", "the entry matches nothing: want match: with a list of patterns such as nginx or myregistry.azurecr.io/shop/*")
	}
	for _, p := range e.Match {
		r.pattern(n.Line, p)
	}
	if e.Like != "" {
		r.inherit(n, e)
	}
	if _, err := regexp.Compile(e.Tags); err != nil {
		r.problem(at(n, "tags"), "", "tags: %v", err)
	}
	if re, err := regexp.Compile(e.Listens); err != nil || e.Listens != "" && re.NumSubexp() < 1 {
		r.problem(at(n, "listens"), "", "listens: want a regular expression with a group for the port, such as '(?m)^listen (\\d+)'")
	}
	if e.System != "" && !slices.Contains([]string{Busybox, Debian, None}, e.System) {
		r.problem(at(n, "system"), fault.Suggest(e.System, []string{Busybox, Debian, None}), "system is %q: want %s, %s, %s, or nothing if it may have any program", e.System, Busybox, Debian, None)
	}
	if e.User != "" && !userName.MatchString(e.User) {
		r.problem(at(n, "user"), "", "user is %q: want a number, such as 1001 or 0 for root, or a name", e.User)
	}
	for _, p := range e.Serves {
		if p.Port < 1 || p.Port > 65535 {
			r.problem(at(n, "serves"), "", "port %d: want 1 to 65535", p.Port)
		}
		for _, route := range p.Routes {
			if !strings.HasPrefix(route.Path, "/") && route.Path != "*" {
				r.problem(at(n, "serves"), "", "path %q: want one that begins with /, or *", route.Path)
			}
			if route.Status != 0 && (route.Status < 100 || route.Status > 599) {
				r.problem(at(n, "serves"), "", "status %d: want 100 to 599", route.Status)
			}
		}
	}
	for _, s := range e.Makes {
		if bad := validation.IsDNS1123Subdomain(s.Name); len(bad) > 0 {
			r.problem(at(n, "makes"), "", "Secret %q: %s", s.Name, bad[0])
		}
		if len(s.Keys) == 0 {
			r.problem(at(n, "makes"), "", "Secret %q has nothing in it: want keys: with a list such as [tls.crt, tls.key, ca.crt]", s.Name)
		}
		for _, key := range s.Keys {
			if bad := validation.IsConfigMapKey(key); len(bad) > 0 {
				r.problem(at(n, "makes"), "", "key %q: %s", key, bad[0])
			}
		}
	}
	if e.Ends != nil {
		r.code(at(n, "ends"), e.Ends.Code)
	}
	for name, does := range e.Signals {
		r.signal(at(n, "signals"), name)
		if does != Quits && does != GoesOn {
			r.problem(at(n, "signals"), "", "at %s it %q: want %q or %q", name, does, Quits, GoesOn)
		}
	}
	for name := range e.Files {
		if !path.IsAbs(name) || strings.HasSuffix(name, "/") {
			r.problem(at(n, "files"), "", "file %q: want a path from the root", name)
		}
	}
	for name, p := range e.Programs {
		if strings.ContainsAny(name, " \t") || name == "" {
			r.problem(at(n, "programs"), "", "program %q: want its name or path, without arguments", name)
		}
		if p.Asks < 0 || p.Asks > 65535 {
			r.problem(at(n, "programs"), "", "program %s asks port %d: want 1 to 65535", name, p.Asks)
		}
		r.code(at(n, "programs"), p.Code)
		r.code(at(n, "programs"), p.FailCode)
		for _, a := range p.Answers {
			r.code(at(n, "programs"), a.Code)
			if a.Signal != "" {
				r.signal(at(n, "programs"), a.Signal)
			}
		}
	}
}

func (r *reader) signal(line int, name string) {
	if !slices.Contains(SignalNames, name) {
		r.problem(line, fault.Suggest(name, SignalNames), "there is no signal %q: want one of %s", name, strings.Join(SignalNames, ", "))
	}
}

func (r *reader) code(line, code int) {
	if code < 0 || code > 255 {
		r.problem(line, "", "exit code %d: want 0 to 255", code)
	}
}

func (r *reader) pattern(line int, p string) {
	_, err := path.Match(p, "")
	switch {
	case err != nil || p == "":
		r.problem(line, "", "pattern %q: want a repository, in which * stands for what is between slashes", p)
	case strings.Contains(path.Base(p), ":") || strings.Contains(p, "@"):
		r.problem(line, "", "pattern %q has a tag or a digest: an entry is for all tags; say which there are with tags:", p)
	}
}

// inherit gives an entry what it does not say itself.
func (r *reader) inherit(n *yaml.Node, e *Entry) {
	all := slices.Concat(r.catalogue.Images, r.others.Images)
	i := slices.IndexFunc(all, func(o Entry) bool { return len(o.Match) > 0 && o.Match[0] == e.Like })
	if i < 0 {
		var names []string
		for _, o := range all {
			names = append(names, o.Match...)
		}
		r.problem(at(n, "like"), fault.Suggest(e.Like, names), "like is %q, and no entry before this one has that as its first pattern; demarc image list lists them", e.Like)
		return
	}
	own, from := reflect.ValueOf(e).Elem(), reflect.ValueOf(all[i])
	for f := range own.NumField() {
		if own.Field(f).IsZero() {
			own.Field(f).Set(from.Field(f))
		}
	}
	e.Programs, e.Files = merged(all[i].Programs, e.Programs), merged(all[i].Files, e.Files)
}

// merged is what either map has; the second wins.
func merged[V any](from, own map[string]V) map[string]V {
	if from == nil {
		return own
	}
	all := maps.Clone(from)
	maps.Copy(all, own)
	return all
}

// at is the line of a key of an entry.
func at(n *yaml.Node, key string) int {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i].Line
		}
	}
	return n.Line
}

// Quantity is an amount of a resource, as Kubernetes writes it: 64Mi, 250m.
type Quantity struct{ resource.Quantity }

// UnmarshalText implements encoding.TextUnmarshaler.
func (q *Quantity) UnmarshalText(b []byte) error {
	v, err := resource.ParseQuantity(string(b))
	if err != nil || v.Sign() < 0 {
		return fmt.Errorf("%q is not an amount such as 64Mi or 250m", b)
	}
	q.Quantity = v
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (q Quantity) MarshalText() ([]byte, error) { return []byte(q.String()), nil }
