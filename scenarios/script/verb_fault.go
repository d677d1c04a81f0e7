package script

import (
	"context"
	"errors"
	"fmt"

	"demarc/sim/fault"
)

// faultVerb makes a verb of a kind of fault.
func faultVerb(k fault.Kind) Verb {
	v := Verb{Name: k.Verb, Summary: k.Summary, Doc: k.Doc, Example: k.Example, Fault: true, check: checkFault, run: runFault}
	v.Args = append(v.Args, Arg{Name: "target", Type: ArgTarget, Positional: true, Required: true, Doc: targetDoc(k)})
	for _, a := range append(k.Args, fault.By()) {
		arg := Arg{Name: a.Name, Type: ArgText, Default: a.Default, Values: a.Values, Doc: a.Doc}
		switch a.Type {
		case fault.Duration:
			arg.Type = ArgDuration
		case fault.Int:
			arg.Type = ArgInt
		case fault.Enum:
			arg.Type = ArgEnum
		}
		arg.Required = a.Required
		if a.Only != "" {
			arg.Default = "" // filled in by fault.Parse, for the right targets
		}
		v.Args = append(v.Args, arg)
	}
	return v
}

func targetDoc(k fault.Kind) string {
	s := "one of"
	for i, t := range k.Targets {
		if i > 0 {
			s += ","
		}
		s += " " + string(t)
	}
	return s
}

// checkFault lets the registry of faults check the words.
func checkFault(p *parser, c *call) {
	args := map[string]string{}
	for name, w := range c.args {
		if name != "target" {
			args[name] = w.text
		}
	}
	spec, err := fault.Parse(c.verb.Name, c.text("target"), args)
	if e := (*fault.Error)(nil); errors.As(err, &e) {
		p.problem(faultColumn(c, e), e.Suggestion, "%s", e.Message)
		return
	}
	c.fault = spec
	if t, err := fault.ParseTarget(spec.Target); err == nil && t.Node != "" {
		target := c.args["target"]
		p.checkNodeIndex(t.Node, target.col+len(target.text)-len(t.Node))
	}
}

// faultColumn is the column of the word that is wrong.
func faultColumn(c *call, e *fault.Error) int {
	switch {
	case e.Part == fault.PartTarget && e.Word == c.text("target"):
		return c.cols["target"]
	case e.Part == fault.PartArgValue:
		return c.cols[e.Arg]
	case e.Part == fault.PartArgName && c.cols[e.Arg] > 0:
		return c.cols[e.Arg] - len(e.Arg) - 1
	}
	return c.words[0].col
}

func runFault(ctx context.Context, r *run, c *call) error {
	if _, err := r.world.Inject(ctx, c.fault); err != nil {
		return fmt.Errorf("%s %s: %w", c.fault.Verb, c.fault.Target, err)
	}
	return nil
}
