package coredns

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"
	"time"

	"demarc/nodes/network"
)

// answers is the plugin template: it makes answers up.
type answers struct {
	kind     string // of records; ANY for all
	zones    []string
	patterns []*regexp.Regexp
	says     []*template.Template
	code     network.Code
	through  fallthroughs
}

// recordTypes and codes are those that CoreDNS knows by name, as far as anybody uses them.
var (
	recordTypes = strings.Fields("A AAAA ANY CNAME MX NS PTR SOA SRV TXT HTTPS SVCB CAA NAPTR")
	codes       = strings.Fields("NOERROR FORMERR SERVFAIL NXDOMAIN NOTIMP REFUSED")
)

// maxAnswer is how long an answer that is made up can be.
const maxAnswer = 4096

// templates: template CLASS TYPE [ZONES…] { … }.
func (b *building) templates(list []directive) error {
	for _, d := range list {
		args, body := d.lines()
		if len(args) < 2 {
			return miscounted(append(d[:1:1], args...))
		}
		t := &answers{kind: args[1].text, code: network.NoError, zones: b.origins(texts(args[2:]))}
		switch class := args[0].text; {
		case !slices.Contains([]string{"IN", "ANY", "CH", "CS", "HS", "NONE"}, class):
			return args[0].wrong("invalid query class %s", class)
		case !slices.Contains(recordTypes, t.kind):
			return args[1].wrong("invalid RR class %s", t.kind)
		}
		for _, line := range body {
			if err := t.property(line); err != nil {
				return err
			}
		}
		b.plugins = append(b.plugins, t)
	}
	return nil
}

// property reads a line of the block.
func (t *answers) property(line []token) error {
	args := line[1:]
	switch name := line[0].text; name {
	case "match", "answer", "additional", "authority", "rcode", "ederror":
		if len(args) == 0 {
			return miscounted(line)
		}
	case "fallthrough":
		t.through.read(line)
		return nil
	case "upstream":
		return nil
	default:
		return miscounted(line)
	}
	for _, a := range args {
		switch line[0].text {
		case "match":
			if len(a.text) > maxPattern {
				return a.wrong("regex pattern too long: %d > %d", len(a.text), maxPattern)
			}
			re, err := regexp.Compile(a.text)
			if err != nil {
				return a.wrong("could not parse regex: %s, %v", a.text, err)
			}
			t.patterns = append(t.patterns, re)
		case "answer":
			made, err := template.New("answer").Parse(a.text)
			if err != nil {
				return a.wrong("could not compile template: %s, %v", a.text, err)
			}
			if repeats(made.Root) || len(made.Templates()) > 1 {
				return a.wrong("could not compile template: %s, %v", a.text, errRepeats)
			}
			t.says = append(t.says, made)
		case "rcode":
			if !slices.Contains(codes, a.text) {
				return a.wrong("unknown rcode %s", a.text)
			}
			t.code = network.Code(a.text)
		}
	}
	return nil
}

// asked is what a template can say of a question.
type asked struct {
	Zone, Name, Class, Type string
	Match                   []string
	Group                   map[string]string
}

// serve implements [plugin].
func (t *answers) serve(ctx context.Context, q query, next func(context.Context, query) network.Reply) network.Reply {
	zone := slices.IndexFunc(t.zones, func(z string) bool { return inZone(q.name, z) })
	if zone < 0 || t.kind != "ANY" && t.kind != q.kind {
		return next(ctx, q)
	}
	data := asked{Zone: t.zones[zone] + ".", Name: q.name + ".", Class: "IN", Type: q.kind, Group: map[string]string{}}
	if len(t.patterns) > 0 && !data.matches(t.patterns) {
		if t.through.passes(q.name) {
			return next(ctx, q)
		}
		return network.Reply{Code: network.NXDomain}
	}
	r := network.Reply{Code: t.code, TTL: maxTTL}
	for _, x := range t.says {
		var b limited
		if err := x.Execute(&b, data); err != nil {
			q.failed(err)
			return network.Reply{Code: network.ServFail}
		}
		record, ok := readRecord(b.String())
		if !ok {
			q.failed(errNoRecord)
			return network.Reply{Code: network.ServFail}
		}
		r.TTL = min(r.TTL, time.Duration(record.TTL)*time.Second)
		r.Records = append(r.Records, record)
	}
	return follow(ctx, q, r)
}

// matches takes the groups of the first pattern that fits.
func (a *asked) matches(patterns []*regexp.Regexp) bool {
	for _, re := range patterns {
		m := re.FindStringSubmatch(a.Name)
		if m == nil {
			continue
		}
		a.Match = m
		for i, name := range re.SubexpNames() {
			a.Group[strconv.Itoa(i)] = m[i]
			if name != "" {
				a.Group[name] = m[i]
			}
		}
		return true
	}
	return false
}

// readRecord reads NAME [TTL] [IN] TYPE DATA.
func readRecord(text string) (r network.Record, ok bool) {
	f := strings.Fields(text)
	if len(f) < 3 {
		return r, false
	}
	r.Name, r.TTL = normal(f[0])+".", 3600
	f = f[1:]
	for len(f) > 2 {
		if n, err := strconv.Atoi(f[0]); err == nil && n >= 0 {
			r.TTL = n
		} else if f[0] != "IN" {
			break
		}
		f = f[1:]
	}
	if len(f) < 2 || !slices.Contains(recordTypes, f[0]) {
		return r, false
	}
	r.Type, r.Data = f[0], strings.Join(f[1:], " ")
	return r, true
}

// limited takes as much as an answer can be.
type limited struct{ strings.Builder }

// Write implements [io.Writer].
func (b *limited) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxAnswer {
		return 0, errNoRecord
	}
	return b.Builder.Write(p)
}

var errNoRecord = errors.New("the template makes no record")

// errRepeats refuses what could keep the engine busy without end.
var errRepeats = errors.New("range, define and template cannot be used here")

// repeats says whether a part of a template is one that can be repeated.
func repeats(n parse.Node) bool {
	lists := []*parse.ListNode{}
	switch x := n.(type) {
	case *parse.RangeNode, *parse.TemplateNode:
		return true
	case *parse.ListNode:
		return slices.ContainsFunc(x.Nodes, repeats)
	case *parse.IfNode:
		lists = append(lists, x.List, x.ElseList)
	case *parse.WithNode:
		lists = append(lists, x.List, x.ElseList)
	}
	return slices.ContainsFunc(lists, func(l *parse.ListNode) bool { return l != nil && repeats(l) })
}
