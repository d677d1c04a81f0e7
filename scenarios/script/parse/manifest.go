package parse

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"demarc/scenarios/script"
	"demarc/scenarios/script/kinds"

	yamlv3 "go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// Manifest reads a section as YAML, checks it, and returns its documents.
// of is the kind that a patch is for.
func (p *parser) Manifest(s *script.Section, n script.Need, of schema.GroupVersionKind) []script.Document {
	if p.read[s] {
		for _, d := range s.Docs {
			p.checkNeeds(d, n)
		}
		return s.Docs
	}
	p.read[s] = true
	line := s.Marker + 1
	for _, text := range splitDocuments(s.Text) {
		before := len(p.problems)
		if object, node, ok := p.readDocument(text, line); ok {
			d := script.Document{Object: object, GVK: of, Line: line + node.Line - 1, Column: node.Column}
			if n != script.NeedPatch {
				d.GVK, ok = p.readKind(object, node, line)
			}
			if ok {
				p.checkNeeds(d, n)
				p.checkSchema(d, node, line)
				s.Docs = append(s.Docs, d)
				before = len(p.problems)
			}
		}
		p.unsure = p.unsure || len(p.problems) > before
		line += strings.Count(text, "\n") + 2
	}
	if len(s.Docs) == 0 && !slices.ContainsFunc(p.problems, func(x script.Problem) bool { return x.Line > s.Marker && x.Line <= line }) {
		p.problemAt(s.Marker, 4, "", "the section %s is empty", s.Name)
	}
	return s.Docs
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
func (p *parser) readDocument(text string, line int) (map[string]any, *yamlv3.Node, bool) {
	raw, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		at, said := line, strings.TrimPrefix(err.Error(), "error converting YAML to JSON: ")
		said = strings.TrimPrefix(strings.TrimPrefix(said, "yaml: "), "unmarshal errors:\n  ")
		if m := yamlLine.FindStringSubmatch(said); m != nil {
			n, _ := strconv.Atoi(m[1])
			at, said = line+n-1, strings.Replace(said, m[0], "", 1)
		}
		p.problemAt(at, 1, "", "not YAML: %s", said)
		return nil, nil, false
	}
	var value any
	var node yamlv3.Node
	if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &value); err != nil || value == nil {
		return nil, nil, false
	}
	object, ok := value.(map[string]any)
	if !ok {
		p.problemAt(line, 1, "", "want a Kubernetes object, with apiVersion and kind")
		return nil, nil, false
	}
	if err := yamlv3.Unmarshal([]byte(text), &node); err != nil || len(node.Content) == 0 {
		p.problemAt(line, 1, "", "not YAML: %v", err)
		return nil, nil, false
	}
	return object, node.Content[0], true
}

// readKind reads apiVersion and kind and checks that they exist together.
func (p *parser) readKind(object map[string]any, node *yamlv3.Node, line int) (schema.GroupVersionKind, bool) {
	apiVersion, _ := object["apiVersion"].(string)
	kind, _ := object["kind"].(string)
	for _, field := range []string{"apiVersion", "kind"} {
		if s, _ := object[field].(string); s == "" {
			p.problemAt(line+node.Line-1, node.Column, "", "the object needs %s", field)
		}
	}
	if apiVersion == "" || kind == "" {
		return schema.GroupVersionKind{}, false
	}
	versionAt, kindAt := valueNode(node, "apiVersion"), valueNode(node, "kind")
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		p.problemAt(line+versionAt.Line-1, versionAt.Column, "", "apiVersion %q: want GROUP/VERSION, such as apps/v1", apiVersion)
		return schema.GroupVersionKind{}, false
	}
	message, wrongKind, suggestion := kinds.Check(gv, kind)
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

// checkNeeds checks that the document has what its use needs.
func (p *parser) checkNeeds(d script.Document, n script.Need) {
	metadata, _ := d.Object["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	if n == script.NeedWhole && name == "" {
		p.problemAt(d.Line, d.Column, "", "the %s needs metadata.name", d.GVK.Kind)
	}
	if namespace, ok := metadata["namespace"].(string); ok && namespace != "" && n != script.NeedPatch && !kinds.Namespaced(d.GVK) {
		p.problemAt(d.Line, d.Column, "", "a %s lives in no namespace: leave metadata.namespace out", d.GVK.Kind)
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
