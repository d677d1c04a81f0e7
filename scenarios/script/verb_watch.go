package script

import (
	"demarc/scenarios/script/kinds"
	"demarc/sim/fault"
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
	Check: checkWatch,
}

func checkWatch(k Checker, c *Call) {
	kind, namespace := c.Text("kind"), c.Text("namespace")
	k.Start(c)
	var ok bool
	if c.GVK, ok = kinds.ByWord(kind); !ok {
		k.Problem(c.Cols["kind"], fault.Suggest(kind, kinds.Words()), "unknown kind %q", kind)
		return
	}
	_, given := c.Args["namespace"]
	switch {
	case given && namespace == "":
		k.Problem(c.Cols["namespace"], "", "namespace= needs the name of a namespace; leave it out for all")
	case given && !kinds.Namespaced(c.GVK):
		k.Problem(c.Cols["namespace"], "", "a %s lives in no namespace: leave namespace= out", c.GVK.Kind)
	}
}
