package script

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"demarc/sim/fault"

	yamlv3 "go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// document is one YAML document of a section: a Kubernetes object, whole or in
// part.
type document struct {
	object map[string]any
	gvk    schema.GroupVersionKind
	line   int // of its first line in the scenario file
	node   *yamlv3.Node
}

// Parts of a manifest that a use needs.
type need int

const (
	needPart  need = iota // apiVersion and kind
	needWhole             // and a name
	needPatch             // nothing
)

// readManifest reads a section as YAML, checks it, and returns its documents.
// of is the kind that a patch is for.
func (p *parser) readManifest(s *section, n need, of schema.GroupVersionKind) []document {
	if s.read {
		for _, d := range s.docs {
			p.checkNeeds(d, n)
		}
		return s.docs
	}
	s.read = true
	line := s.marker + 1
	for _, text := range splitDocuments(s.text) {
		if d, ok := p.readDocument(text, line); ok {
			d.line = line + d.node.Line - 1
			if n == needPatch {
				d.gvk = of
			} else {
				d.gvk, ok = p.readKind(d, line)
			}
			if ok {
				p.checkNeeds(d, n)
				p.checkSchema(d, line)
				s.docs = append(s.docs, d)
			}
		}
		line += strings.Count(text, "\n") + 2
	}
	if len(s.docs) == 0 && !slices.ContainsFunc(p.problems, func(x Problem) bool { return x.Line > s.marker && x.Line <= line }) {
		p.problemAt(s.marker, 4, "", "the section %s is empty", s.name)
	}
	return s.docs
}

// splitDocuments cuts a text at its lines "---". Joined by such lines the parts
// are the text again.
func splitDocuments(text string) []string {
	var docs []string
	var doc []string
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if line == "---" || strings.HasPrefix(line, "--- ") {
			docs = append(docs, strings.Join(doc, "\n"))
			doc = nil
			continue
		}
		doc = append(doc, line)
	}
	return append(docs, strings.Join(doc, "\n"))
}

var yamlLine = regexp.MustCompile(`line (\d+): `)

// readDocument decodes one document: its values as kubectl reads them, and
// where they stand. A document without content is not ok, and no mistake.
func (p *parser) readDocument(text string, line int) (document, bool) {
	raw, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		at, said := line, strings.TrimPrefix(err.Error(), "error converting YAML to JSON: ")
		said = strings.TrimPrefix(strings.TrimPrefix(said, "yaml: "), "unmarshal errors:\n  ")
		if m := yamlLine.FindStringSubmatch(said); m != nil {
			n, _ := strconv.Atoi(m[1])
			at, said = line+n-1, strings.Replace(said, m[0], "", 1)
		}
		p.problemAt(at, 1, "", "not YAML: %s", said)
		return document{}, false
	}
	var value any
	var node yamlv3.Node
	if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &value); err != nil || value == nil {
		return document{}, false
	}
	object, ok := value.(map[string]any)
	if !ok {
		p.problemAt(line, 1, "", "want a Kubernetes object, with apiVersion and kind")
		return document{}, false
	}
	if err := yamlv3.Unmarshal([]byte(text), &node); err != nil || len(node.Content) == 0 {
		p.problemAt(line, 1, "", "not YAML: %v", err)
		return document{}, false
	}
	return document{object: object, node: node.Content[0]}, true
}

// readKind reads apiVersion and kind and checks that they exist together.
func (p *parser) readKind(d document, line int) (schema.GroupVersionKind, bool) {
	apiVersion, _ := d.object["apiVersion"].(string)
	kind, _ := d.object["kind"].(string)
	for _, field := range []string{"apiVersion", "kind"} {
		if s, _ := d.object[field].(string); s == "" {
			p.problemAt(line+d.node.Line-1, d.node.Column, "", "the object needs %s", field)
		}
	}
	if apiVersion == "" || kind == "" {
		return schema.GroupVersionKind{}, false
	}
	versionAt, kindAt := valueNode(d.node, "apiVersion"), valueNode(d.node, "kind")
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		p.problemAt(line+versionAt.Line-1, versionAt.Column, "", "apiVersion %q: want GROUP/VERSION, such as apps/v1", apiVersion)
		return schema.GroupVersionKind{}, false
	}
	message, wrongKind, suggestion := checkKind(gv, kind)
	if message == "" {
		return gv.WithKind(kind), true
	}
	at := versionAt
	if wrongKind {
		at = kindAt
	}
	p.problemAt(line+at.Line-1, at.Column, suggestion, "%s", message)
	return schema.GroupVersionKind{}, false
}

// checkKind says what is wrong with an apiVersion and a kind, whether it is
// the kind, and what was probably meant. Groups of CRDs cannot be known here.
func checkKind(gv schema.GroupVersion, kind string) (message string, wrongKind bool, suggestion string) {
	b := builtins()
	versions := b.versions[kind]
	if slices.Contains(versions, gv) {
		return "", false, ""
	}
	if !b.groups[gv.Group] && strings.Contains(gv.Group, ".") {
		return "", false, ""
	}
	if len(versions) > 0 {
		return "there is no " + kind + " in " + gv.String(), false, versions[0].String()
	}
	return "unknown kind " + strconv.Quote(kind), true, fault.Suggest(kind, slices.Sorted(maps.Keys(b.versions)))
}

// checkNeeds checks that the document has what its use needs.
func (p *parser) checkNeeds(d document, n need) {
	metadata, _ := d.object["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	if n == needWhole && name == "" {
		p.problemAt(d.line, d.node.Column, "", "the %s needs metadata.name", d.gvk.Kind)
	}
	if namespace, ok := metadata["namespace"].(string); ok && namespace != "" && n != needPatch && !namespaced(d.gvk) {
		p.problemAt(d.line, d.node.Column, "", "a %s lives in no namespace: leave metadata.namespace out", d.gvk.Kind)
	}
}

// valueNode is the node of a mapping's value, or the mapping itself.
func valueNode(n *yamlv3.Node, key string) *yamlv3.Node {
	if _, v := pairNodes(n, key); v != nil {
		return v
	}
	return n
}

// pairNodes are the nodes of a key and its value in a mapping, or nil.
func pairNodes(n *yamlv3.Node, key string) (k, v *yamlv3.Node) {
	if n.Kind == yamlv3.AliasNode {
		n = n.Alias
	}
	if n.Kind != yamlv3.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i], n.Content[i+1]
		}
	}
	return nil, nil
}
