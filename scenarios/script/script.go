// Package script is the language of scenarios: one text file that says what
// happens to a managed cluster, when, and what is expected of it.
//
// [Parse] reads and checks a whole file and reports every mistake with its
// line and column before anything starts; [Script.Run] plays it in a [World]
// and returns a report. [Verbs] is the registry from which help, lint and
// completion are made, [Document] prints the language's reference, and
// [Starter] is a scenario to begin with.
//
// A file is a txtar archive: the script, then the files it needs. parse*.go
// turn lines into steps and check times; manifest.go and schema.go check
// Kubernetes YAML against the types of client-go; check*.go compile and
// evaluate CEL, whose variables are the table in check_vars.go; match.go compares
// objects; lens.go reads the API server; run.go plays the steps, and action.go
// carries out what they do. Each verb is in a file of its own or beside its
// opposite, verb_NAME.go; the verbs of faults come from package sim/fault.
package script

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"demarc/sim/api"
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

	steps    []step
	sections map[string]*section
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

// opening is the word that opens a step and says when it is looked at.
type opening string

const (
	opensAt         opening = "at"
	opensWithin     opening = "within"
	opensThroughout opening = "throughout"
	opensFinally    opening = "finally"
	opensNarrative  opening = "" // a comment between steps
)

// step is one line of a script, or the narrative between lines.
type step struct {
	line  int
	text  string
	opens opening
	// at is when an at-step is due, since the cluster was ready.
	at time.Duration
	// after and span bound a window, from the moment it opens.
	after, span time.Duration

	act    *call     // what is done; nil for an expectation
	refuse *refusal  // the action must be refused
	cond   condition // what is expected; nil for an action
}

// refusal is what is expected of an action that must not succeed.
type refusal struct{ containing string }

// Defaults of the cluster statement.
const (
	defaultSeed = 1
	defaultName = "demarc"
)

// defaultStart is a Monday morning.
var defaultStart = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

func scriptName(file string) string {
	return strings.TrimSuffix(filepath.Base(file), ".txtar")
}
