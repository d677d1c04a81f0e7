package script

import (
	"context"
	"fmt"

	"demarc/sim/fault"
	"demarc/sim/timeline"
)

var verbWatch = Verb{
	Name:    "watch",
	Summary: "starts a client that lists and watches a kind of objects",
	Doc: "It is outside the cluster, has the customer's credentials, and does what the informers of client-go do: it lists, watches " +
		"from the list's version, after an error waits and watches from the last version that it has seen, and lists again if the " +
		"API server no longer has that (410 Gone) or not yet. It goes on until the scenario is over. Checks read it as watches.NAME.",
	Example: "watch settings kind=ConfigMap namespace=default",
	Args: []Arg{
		{Name: "name", Type: ArgWord, Positional: true, Required: true, Doc: "its name in checks"},
		{Name: "kind", Type: ArgText, Required: true, Doc: "the kind, as kubectl takes it: ConfigMap, configmaps, cm, kind.group of a CRD"},
		{Name: "namespace", Type: ArgText, Doc: "only objects in it; all namespaces if there is none"},
	},
	check: checkWatch,
	title: byName,
	run: func(ctx context.Context, a action) error {
		name, namespace, where := a.text("name"), a.text("namespace"), ""
		if err := a.watches.start(ctx, name, a.gvk, namespace); err != nil {
			return err
		}
		if namespace != "" {
			where = " in " + namespace
		}
		a.world.Record(timeline.Event{
			Actor: timeline.Customer, Verb: "watching", Subject: "watch/" + name,
			Message: fmt.Sprintf("a client of the customer watches every %s%s", a.gvk.Kind, where),
		})
		return nil
	},
}

func checkWatch(p *parser, c *call) {
	name, kind, namespace := c.text("name"), c.text("kind"), c.text("namespace")
	if line, twice := p.watches[name]; twice {
		p.problem(c.cols["name"], "", "there is a watch %s already, in line %d", name, line)
	}
	p.watches[name] = p.line
	var ok bool
	if c.gvk, ok = kindByWord(kind); !ok {
		p.problem(c.cols["kind"], fault.Suggest(kind, kindWords()), "unknown kind %q", kind)
		return
	}
	_, given := c.args["namespace"]
	switch {
	case given && namespace == "":
		p.problem(c.cols["namespace"], "", "namespace= needs the name of a namespace; leave it out for all")
	case given && !namespaced(c.gvk):
		p.problem(c.cols["namespace"], "", "a %s lives in no namespace: leave namespace= out", c.gvk.Kind)
	}
}
