// Package script is the language of scenarios: one text file that says what
// happens to a managed cluster, when, and what is expected of it.
//
// It holds what a scenario is once it has been read, a [Script], and its words:
// [Verbs] is the registry from which help, lint and completion are made. Each verb
// is declared in a file of its own or beside its opposite, verb_NAME.go; the verbs
// of faults come from package sim/fault. [Starter] is a scenario to begin with.
//
// A file is a txtar archive: the script, then the files it needs. Package parse
// reads and checks a whole file and reports every mistake with its line and column
// before anything starts; package check compiles and evaluates CEL; package run
// plays a script in a cluster; package reference prints the language's reference.
package script

import (
	"fmt"
	"time"

	"demarc/sim/api"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Script is a scenario that has been parsed and checked.
type Script struct {
	// Name is the file's name without its extension.
	Name string
	// File is the file's name as it was given, for messages.
	File string
	// Title is the first line, a comment.
	Title string
	// Description is the comment paragraphs that follow it.
	Description string
	// Cluster is the cluster that the scenario wants.
	Cluster api.ClusterSpec
	// Clauses are the clauses of the support contract that it shows.
	Clauses []string
	// Length is the virtual time from a ready cluster until the last step can be over.
	Length time.Duration
	// Steps are its lines, in their order.
	Steps []Step
}

// Problem is one mistake in a scenario file.
type Problem struct {
	File string `json:"file"`
	// Line and Column count from 1; columns are bytes.
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	// Suggestion is what was probably meant, or empty.
	Suggestion string `json:"suggestion,omitempty"`
}

// String is the problem in the form file:line:column: message.
func (p Problem) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
	if p.Suggestion != "" {
		s += fmt.Sprintf(" (did you mean %q?)", p.Suggestion)
	}
	return s
}

// Opening is the word that opens a step and says when it is looked at.
type Opening string

// Openings of a [Step].
const (
	At         Opening = "at"
	When       Opening = "when"
	Then       Opening = "then"
	Within     Opening = "within"
	Throughout Opening = "throughout"
	Finally    Opening = "finally"
	Narrative  Opening = "" // a comment between steps
)

// WhenSpan is for how long a when-step waits for its moment if it does not say.
const WhenSpan = 10 * time.Minute

// Step is one line of a script, or the narrative between lines.
type Step struct {
	Line  int
	Text  string
	Opens Opening
	// At is when an at-step is due, since the cluster was ready.
	At time.Duration
	// After and Span bound a window, from the moment it opens. A then-step is due
	// After the step before it.
	After, Span time.Duration
	// Until is when a throughout-step that later steps do not wait for is over, since
	// the cluster was ready; 0 for any other.
	Until time.Duration

	Act    *Call        // what is done; nil for an expectation
	Refuse *Refusal     // the action must be refused
	Expect *Expectation // what is expected; nil for an action
}

// Refusal is what is expected of an action that must not succeed.
type Refusal struct{ Containing string }

// Expectation is what must be true: a check, or that objects of the API server are
// as in a section, or that none is, or that a command prints and ends as it says.
type Expectation struct {
	Check   string   // a CEL expression; empty if there is a section or a command
	Section *Section // its documents are what is expected
	Absent  bool
	Command *Call
}

// Section is one file of the archive.
type Section struct {
	Name   string
	Marker int // line of the marker; the text begins in the next line
	Text   string
	Docs   []Document // once it was read as Kubernetes YAML
}

// Document is one YAML document of a section: a Kubernetes object, whole or in
// part.
type Document struct {
	Object       map[string]any
	GVK          schema.GroupVersionKind
	Line, Column int // where it begins in the scenario file
}
