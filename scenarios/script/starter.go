package script

import (
	_ "embed"
	"slices"
)

//go:embed starter.txtar
var starter []byte

// Starter is a scenario to begin with: it works, and shows most of the
// language.
func Starter() []byte { return slices.Clone(starter) }
