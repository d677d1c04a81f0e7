package script

import (
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/fault"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Word is one word of a line.
type Word struct {
	Text string
	Col  int // column of the first character, from 1
	// QuotedAt is the index in Text at which the first quoted part begins, or -1.
	QuotedAt int
}

// At is the column of Text[i]. Quotes that were doubled are not accounted for.
func (w Word) At(i int) int {
	if w.QuotedAt >= 0 && i >= w.QuotedAt {
		return w.Col + i + 1
	}
	return w.Col + i
}

// End is the column behind the word.
func (w Word) End() int { return w.At(len(w.Text)) }

// Split cuts a word at its first unquoted equals sign.
func (w Word) Split() (name, value string, ok bool) {
	i := strings.IndexByte(w.Text, '=')
	if i <= 0 || w.QuotedAt >= 0 && i >= w.QuotedAt {
		return "", "", false
	}
	return w.Text[:i], w.Text[i+1:], true
}

// Call is an action with its arguments, checked.
type Call struct {
	Verb  *Verb
	Words []Word          // as written
	Args  map[string]Word // by name of the argument; their text is the value
	Cols  map[string]int  // columns of the values
	Pairs []Word          // of ArgPairs

	Section *Section                // of an ArgSection
	GVK     schema.GroupVersionKind // of an ArgObject
	Fault   fault.Spec              // of a fault
}

// Text is an argument's value, or empty.
func (c *Call) Text(name string) string { return c.Args[name].Text }

// Duration is an argument's value that has been checked to be one, or 0.
func (c *Call) Duration(name string) time.Duration {
	d, err := ParseDuration(c.Text(name))
	if err != nil {
		return 0
	}
	return d
}

// Span is how long the action can take.
func (c *Call) Span() time.Duration {
	if c.Verb.Spans == "" {
		return 0
	}
	return c.Duration(c.Verb.Spans)
}

// Need is what the use of a section needs of its documents.
type Need int

// Needs, each with those before it, but for a patch.
const (
	NeedPart  Need = iota // apiVersion and kind
	NeedWhole             // and a name
	NeedPatch             // nothing
)

// Checker is the file around a call, to which the check of its verb tells mistakes.
type Checker interface {
	// Problem records a mistake in the call's line.
	Problem(col int, suggestion, format string, args ...any)
	// Section finds the section that a word names, or returns nil.
	Section(Word) *Section
	// Manifest reads a section as Kubernetes YAML. of is the kind that a patch is for.
	Manifest(s *Section, n Need, of schema.GroupVersionKind) []Document
	// Object reads KIND/[NAMESPACE/]NAME and sets the call's kind.
	Object(c *Call, v string, col int)
	// Node checks node/INDEX or node/NAME, and NodeIndex what is behind the slash. What
	// is written in another form is read as one of these before.
	Node(v string, col int)
	NodeIndex(ref string, col int)
	// Pool checks the name of a node pool.
	Pool(name string, col int)
	// AddPool notes that there is another node pool from here on.
	AddPool(name string)
	// Exists checks that there can be an object, and Annotation an annotation of one,
	// which may be a pod.
	Exists(gvk schema.GroupVersionKind, namespace, name string, col int)
	Annotation(key, value string, pod bool, col int)
	// Start notes that the call starts something that checks can name, and Started
	// are the names of what a verb has started.
	Start(c *Call)
	Started(verb string) []string
	// Keep notes that the output of the call is kept for checks, by a name.
	Keep(c *Call)
	// Cluster is what the scenario wants, and Grow notes a new number of nodes.
	Cluster() api.ClusterSpec
	Grow(nodes int)
}
