package shell

import (
	"cmp"
	"slices"
	"strings"
)

// Options are a command line: its options, by the first of their names, and its operands.
type Options struct {
	Operands []string
	values   map[string][]string
}

// Options reads the command line. known has the options that take a value, which end in
// "=", and those that have several names: "o,output= s,silent". A "+" in front says that
// options end where the operands begin.
func (c *Call) Options(known string) *Options {
	o := &Options{values: map[string][]string{}}
	first, valued := map[string]string{}, map[string]bool{}
	known, ordered := strings.CutPrefix(known, "+")
	for names := range strings.FieldsSeq(known) {
		names, takes := strings.CutSuffix(names, "=")
		list := strings.Split(names, ",")
		for _, n := range list {
			first[n], valued[n] = list[0], takes
		}
	}
	args := c.Args
	set := func(name, value string, given bool) {
		if !given && valued[name] && len(args) > 0 {
			value, args = args[0], args[1:]
		}
		name = cmp.Or(first[name], name)
		o.values[name] = append(o.values[name], value)
	}
	for len(args) > 0 {
		a := args[0]
		args = args[1:]
		switch {
		case a == "--":
			o.Operands = append(o.Operands, args...)
			return o
		case strings.HasPrefix(a, "--"):
			name, value, given := strings.Cut(a[2:], "=")
			set(name, value, given)
		case len(a) > 1 && a[0] == '-':
			for k := range len(a) - 1 {
				name, rest := a[k+1:k+2], a[k+2:]
				if valued[name] {
					set(name, rest, rest != "")
					break
				}
				set(name, "", true)
			}
		case ordered:
			o.Operands = append([]string{a}, args...)
			return o
		default:
			o.Operands = append(o.Operands, a)
		}
	}
	return o
}

// Has says whether one of the options is given.
func (o *Options) Has(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return o.values[n] != nil })
}

// All are the values of an option.
func (o *Options) All(name string) []string { return o.values[name] }

// Value is the last value of an option; "" if it is not given.
func (o *Options) Value(name string) string {
	if all := o.values[name]; len(all) > 0 {
		return all[len(all)-1]
	}
	return ""
}

// Has says whether one of the options is given, alone or among others: -rf.
func (c *Call) Has(options string) bool {
	return slices.ContainsFunc(c.Args, func(a string) bool {
		return strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "--") && strings.ContainsAny(a[1:], options)
	})
}

// Long says whether one of the words is among the arguments.
func (c *Call) Long(names ...string) bool {
	return slices.ContainsFunc(c.Args, func(a string) bool { return slices.Contains(names, a) })
}

// Operands are the arguments that are not options.
func (c *Call) Operands() []string { return c.Options("").Operands }
