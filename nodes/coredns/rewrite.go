package coredns

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"demarc/nodes/network"
)

// maxPattern is how long a regular expression may be.
const maxPattern = 10000

// rewrite asks for another name than a client does, and answers as if it had not.
type rewrite struct{ rules []rewriteRule }

type rewriteRule struct {
	match    string // exact, prefix, suffix, substring or regex
	from, to string
	pattern  *regexp.Regexp
	goesOn   bool // to the rules behind it
	auto     bool // names in answers are put back
}

// rewrites: rewrite [continue|stop] name … or another kind of rules, which changes nothing here.
func (b *building) rewrites(list []directive) error {
	w := &rewrite{}
	for _, d := range list {
		args, body := d.lines()
		words := texts(args)
		if len(words) < 2 {
			for _, line := range body {
				words = append(words, texts(line)...)
			}
		}
		rule, err := readRewrite(words)
		if err != nil {
			return err
		}
		if rule.match != "" {
			w.rules = append(w.rules, rule)
		}
	}
	b.plugins = append(b.plugins, w)
	return nil
}

// readRewrite reads a rule; one that changes nothing here has no match.
func readRewrite(words []string) (r rewriteRule, err error) {
	if len(words) == 0 {
		return r, errors.New("no rule type specified for rewrite")
	}
	first := words[0]
	if how := strings.ToLower(first); how == "continue" || how == "stop" {
		if r.goesOn, words = how == "continue", words[1:]; len(words) == 0 {
			return r, fmt.Errorf("%s rule must begin with a rule type", how)
		}
	}
	switch kind := strings.ToLower(words[0]); kind {
	case "name":
		err = r.name(words[1:])
	case "class", "type":
		if len(words) != 3 {
			err = fmt.Errorf("%s rules must have exactly two arguments", kind)
		}
	case "answer":
		err = errors.New("response rewrites must begin with a name rule")
	case "edns0", "ttl", "cname", "rcode":
	default:
		err = fmt.Errorf("invalid rule type %q", first)
	}
	return r, err
}

// name reads a rule about names.
func (r *rewriteRule) name(words []string) (err error) {
	r.match = "exact"
	switch {
	case len(words) < 2:
		return errors.New("too few arguments for a name rule")
	case len(words) > 2:
		r.match, words = strings.ToLower(words[0]), words[1:]
	}
	r.from, r.to = normal(words[0]), normal(words[1])
	switch r.match {
	case "exact", "suffix", "regex":
	case "prefix", "substring":
		r.from, r.to = strings.ToLower(words[0]), strings.ToLower(words[1])
	default:
		return fmt.Errorf("name rule supports only exact, prefix, suffix, substring, and regex name matching, received: %s", r.match)
	}
	if r.match == "regex" {
		if len(words[0]) > maxPattern {
			return fmt.Errorf("regex pattern too long in rewrite rule: %d > %d", len(words[0]), maxPattern)
		}
		if r.pattern, err = regexp.Compile(words[0]); err != nil {
			return fmt.Errorf("invalid regex pattern in a name rule: %s", words[0])
		}
	}
	more := words[2:]
	if len(more) == 1 || len(more) > 0 && more[0] != "answer" {
		return fmt.Errorf("invalid arguments for %s rule", r.match)
	}
	r.auto = r.match == "exact" || slices.Contains(more, "auto")
	return nil
}

// apply is another name for one; not ok says that the rule is not about it.
func (r rewriteRule) apply(name string) (to string, ok bool) {
	switch r.match {
	case "exact":
		return r.to, name == r.from
	case "prefix":
		rest, ok := strings.CutPrefix(name, r.from)
		return r.to + rest, ok
	case "suffix":
		rest, ok := strings.CutSuffix(name, r.from)
		return rest + r.to, ok
	case "substring":
		return strings.ReplaceAll(name, r.from, r.to), strings.Contains(name, r.from)
	}
	groups := r.pattern.FindStringSubmatch(name + ".")
	to = r.to
	for i, g := range groups {
		to = strings.ReplaceAll(to, "{"+strconv.Itoa(i)+"}", g)
	}
	return normal(to), groups != nil
}

// serve implements [plugin].
func (w *rewrite) serve(ctx context.Context, q query, next func(context.Context, query) network.Reply) network.Reply {
	asked, auto := q.name, false
	for _, r := range w.rules {
		to, ok := r.apply(q.name)
		if !ok {
			continue
		}
		if len(to) > 255 || !validName(to) {
			q.failed(fmt.Errorf("invalid name after rewrite: %s", to+"."))
			return network.Reply{Code: network.ServFail}
		}
		q.name, auto = to, auto || r.auto
		if !r.goesOn {
			break
		}
	}
	r := next(ctx, q)
	if auto && q.name != asked {
		r.Records = slices.Clone(r.Records)
		for i := range r.Records {
			if x := &r.Records[i]; x.Name == q.name+"." {
				x.Name = asked + "."
			}
		}
	}
	return r
}
