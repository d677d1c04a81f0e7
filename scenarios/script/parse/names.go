package parse

import (
	"slices"
	"strings"

	"demarc/scenarios/script"
	"demarc/scenarios/script/kinds"
	"demarc/sim/annotation"
	"demarc/sim/api"
	"demarc/sim/fault"

	yamlv3 "go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// objectName is what a manifest gives a name to.
type objectName struct{ kind, namespace, name string }

// generated are kinds of which a cluster makes objects by itself, with a name that
// has that of what they belong to in it.
var generated = []string{"Pod", "ReplicaSet", "Job", "Endpoints", "EndpointSlice", "ControllerRevision", "PersistentVolumeClaim"}

// standing are objects that every namespace or cluster has.
var standing = []objectName{
	{"Service", metav1.NamespaceDefault, "kubernetes"}, {"Endpoints", metav1.NamespaceDefault, "kubernetes"},
	{"ServiceAccount", "", "default"}, {"ConfigMap", "", "kube-root-ca.crt"},
}

// namespaces are those that every cluster has, or that AKS's add-ons make.
var namespaces = []string{metav1.NamespaceDefault, metav1.NamespaceSystem, metav1.NamespacePublic, "kube-node-lease", api.AppRoutingNamespace}

// Pool checks the name of a node pool. What must be refused may be about none.
func (p *parser) Pool(name string, col int) {
	if pools := append([]string{api.DefaultPool}, p.pools...); !p.refusing && !slices.Contains(pools, name) {
		p.Problem(col, fault.Suggest(name, pools), "there is no node pool %s: the cluster has %s", name, strings.Join(pools, ", "))
	}
}

// AddPool notes that there is another node pool from here on.
func (p *parser) AddPool(name string) {
	if !p.refusing {
		p.pools = append(p.pools, name)
	}
}

// apply notes what a manifest makes.
func (p *parser) apply(c *script.Call) {
	for _, d := range c.Section.Docs {
		metadata, _ := d.Object["metadata"].(map[string]any)
		name, _ := metadata["name"].(string)
		namespace, _ := metadata["namespace"].(string)
		p.made = append(p.made, objectName{d.GVK.Kind, namespaceOf(d.GVK, namespace), name})
	}
}

// namespaceOf is the namespace in which an object is; empty if its kind lives in none.
func namespaceOf(gvk schema.GroupVersionKind, namespace string) string {
	switch {
	case !kinds.Namespaced(gvk):
		return ""
	case namespace == "":
		return metav1.NamespaceDefault
	}
	return namespace
}

// exists says whether there can be an object, as far as the manifests go that were
// applied so far: of most kinds, and outside of the cluster's own namespaces, nothing
// else makes any. A scenario that has applied none is about objects that others make. near is the name that was probably meant.
func (p *parser) exists(gvk schema.GroupVersionKind, namespace, name string) (ok bool, near string) {
	namespace = namespaceOf(gvk, namespace)
	checked := gvk.Kind == "Namespace" || namespace != "" && (namespace == metav1.NamespaceDefault || !slices.Contains(namespaces, namespace))
	if p.unsure || len(p.made) == 0 || !checked || script.NodeRef.MatchString(name) || gvk.Group != "" && !kinds.BuiltIn(gvk.Group) {
		return true, ""
	}
	var names []string
	for _, o := range slices.Concat(p.made, standing) {
		switch {
		case o.namespace != namespace && o.namespace != "" || o.kind == "Namespace" && gvk.Kind != o.kind:
		case o.kind == gvk.Kind && o.name == name, slices.Contains(generated, gvk.Kind) && strings.Contains(name, o.name):
			return true, ""
		case o.kind == gvk.Kind:
			names = append(names, o.name)
		}
	}
	if gvk.Kind == "Namespace" {
		names = append(names, namespaces...)
		if slices.Contains(namespaces, name) {
			return true, ""
		}
	}
	return false, fault.Suggest(name, names)
}

// Exists checks that there can be the object that a word names. What must be refused
// may be about none.
func (p *parser) Exists(gvk schema.GroupVersionKind, namespace, name string, col int) {
	if p.refusing {
		return
	}
	if ok, near := p.exists(gvk, namespace, name); !ok {
		p.Problem(col, near, "%s", nothingMakes(gvk, namespace, name))
	}
}

// nothingMakes says that there can be no such object.
func nothingMakes(gvk schema.GroupVersionKind, namespace, name string) string {
	full := strings.TrimPrefix(namespaceOf(gvk, namespace)+"/"+name, "/")
	return "nothing makes the " + gvk.Kind + " " + full + ": no manifest that is applied before has it"
}

// misspelt says that nothing makes an object, if it was probably meant to be another.
func (p *parser) misspelt(gvk schema.GroupVersionKind, namespace, name string) (message, suggestion string) {
	if ok, near := p.exists(gvk, namespace, name); !ok && near != "" {
		return nothingMakes(gvk, namespace, name), near
	}
	return "", ""
}

// checkNames reports documents of an expectation that were probably meant to be of an
// object of another name. Others may be made by whoever plays the scenario.
func (p *parser) checkNames(docs []script.Document) {
	for _, d := range docs {
		metadata, _ := d.Object["metadata"].(map[string]any)
		name, _ := metadata["name"].(string)
		namespace, _ := metadata["namespace"].(string)
		if name == "" {
			continue
		}
		if message, suggestion := p.misspelt(d.GVK, namespace, name); message != "" {
			p.problemAt(d.Line, d.Column, suggestion, "%s", message)
		}
	}
}

// Annotation checks an annotation of an object, which is a pod's only if pod says so.
func (p *parser) Annotation(key, value string, pod bool, col int) {
	p.annotation(key, value, pod, p.line, col)
}

func (p *parser) annotation(key, value string, pod bool, line, col int) {
	if m := annotation.Check(key, value); m != nil {
		p.problemAt(line, col, m.Suggestion, "%s", m.Message)
	} else if annotation.Ours(key) && !pod {
		p.problemAt(line, col, "", "annotation %s has no effect here: it belongs to a pod, or to the metadata of a pod template", key)
	}
}

// annotations checks the annotations of what stands at a path of a document.
func (c schemaCheck) annotations(metadata map[string]any, n *yamlv3.Node, path string) {
	annotations, _ := metadata["annotations"].(map[string]any)
	pod := strings.HasSuffix(path, "emplate.metadata") && !strings.HasSuffix(path, "jobTemplate.metadata") || path == "metadata" && c.kind == "Pod"
	at := valueNode(n, "annotations")
	for key, v := range annotations {
		keyAt, _ := pairNodes(at, key)
		if text, ok := v.(string); ok && keyAt != nil {
			c.parser.annotation(key, text, pod, c.line+keyAt.Line-1, keyAt.Column)
		}
	}
}
