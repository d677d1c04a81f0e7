// Package scenarios has the built-in scenarios and the reports of how they
// went. Its tests play every one of them: go test ./scenarios/...
//
// [List] and [Load] find scenarios, built in or anywhere on disk; package
// script is the language they are written in, and package sim/engine plays
// them. [WriteText] and [WriteJUnit] write reports. A new scenario
// is a new .txtar file in this directory, and its name in the table of families_test.go.
package scenarios

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"demarc/scenarios/script/parse"
	"demarc/sim/fault"
)

//go:embed *.txtar
var files embed.FS

// Extension is how the names of scenario files end.
const Extension = ".txtar"

// Info is what a list of scenarios says of one.
type Info struct {
	Name        string   `json:"name"`
	Title       string   `json:"title"`
	Description string   `json:"description"`
	Clauses     []string `json:"clauses"`
	Nodes       int      `json:"nodes"`
}

// Scenario is a scenario file, built in or on disk.
type Scenario struct {
	// Name is the file's name without directory and extension.
	Name string
	// File is how it was asked for, for messages: a path, or the name of a
	// built-in scenario's file.
	File string
	// Text is the file's content, not yet checked.
	Text []byte
}

// Names are the names of the built-in scenarios, in alphabetical order.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil // an embedded directory can always be read
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), Extension))
	}
	return names
}

// List describes the built-in scenarios, in alphabetical order.
func List() []Info {
	var list []Info
	for _, name := range Names() {
		s, err := builtIn(name)
		if err != nil {
			continue
		}
		parsed, _ := parse.Parse(s.File, s.Text)
		list = append(list, Info{
			Name: name, Title: parsed.Title, Description: parsed.Description, Clauses: parsed.Clauses, Nodes: parsed.Cluster.Nodes,
		})
	}
	return list
}

// Load finds a built-in scenario by its name, or reads a file. What has a
// slash, or ends in .txtar, is a file; messages call a built-in scenario by such
// a name, so that means it where there is no such file.
func Load(nameOrPath string) (Scenario, error) {
	if !strings.ContainsAny(nameOrPath, `/\`) && !strings.HasSuffix(nameOrPath, Extension) {
		s, err := builtIn(nameOrPath)
		if errors.Is(err, fs.ErrNotExist) {
			return Scenario{}, notFound(nameOrPath)
		}
		return s, err
	}
	text, err := os.ReadFile(nameOrPath)
	if s, berr := builtIn(strings.TrimSuffix(nameOrPath, Extension)); errors.Is(err, fs.ErrNotExist) && berr == nil {
		return s, nil
	}
	if err != nil {
		return Scenario{}, fmt.Errorf("read the scenario: %w", err)
	}
	parsed, _ := parse.Parse(nameOrPath, nil)
	return Scenario{Name: parsed.Name, File: nameOrPath, Text: text}, nil
}

func builtIn(name string) (Scenario, error) {
	text, err := files.ReadFile(name + Extension)
	if err != nil {
		return Scenario{}, err
	}
	return Scenario{Name: name, File: name + Extension, Text: text}, nil
}

// notFound explains a name that is no built-in scenario.
func notFound(name string) error {
	if near := fault.Suggest(name, Names()); near != "" {
		return fmt.Errorf("there is no scenario %q (did you mean %q?)", name, near)
	}
	if _, err := os.Stat(name); err == nil {
		return fmt.Errorf("there is no built-in scenario %q; for the file of that name, write ./%s", name, name)
	}
	return fmt.Errorf("there is no scenario %q; demarc drill --list lists them, and a file is named by its path", name)
}
