package program

import (
	"errors"
	"fmt"
	"strings"

	"demarc/nodes/shell/guard"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// parse reads a script.
func parse(script string) (*syntax.File, error) {
	f, err := guard.Parse(script, "sh")
	if err != nil {
		return nil, fmt.Errorf("sh: %w", err)
	}
	return f, nil
}

// safe reads a script and makes it safe to interpret.
func safe(script string) (*syntax.File, error) {
	f, err := parse(script)
	if err != nil {
		return nil, err
	}
	return f, made(guard.Safe(f))
}

// made is what a shell says of a script that cannot be made safe.
func made(err error) error {
	if e, ok := errors.AsType[*guard.Error](err); ok {
		return fmt.Errorf("sh: %d: %w", e.At.Line(), err)
	}
	return err
}

// environment is a container's variables, in front of what the interpreter
// would ask the host for.
type environment struct {
	expand.Environ
	ready bool // false until the interpreter has chosen its directory for pipes
}

// Get implements [expand.Environ].
func (e *environment) Get(name string) expand.Variable {
	if v := e.Environ.Get(name); v.IsSet() && (e.ready || name != "TMPDIR") {
		return v
	}
	text := ""
	switch user, home := strings.CutPrefix(name, "HOME "); {
	case home && user == "root": // ~root
		text = "/root"
	case home: // there are no others
		text = "~" + user
	case name == "UID" || name == "EUID" || name == "GID" || name == guard.ParentVar:
		text = "0"
	case name == guard.PIDVar:
		text = "1"
	case name == "TMPDIR" && !e.ready:
		text = "/\x00" // no file can be there
	default:
		return expand.Variable{}
	}
	return expand.Variable{Set: true, Kind: expand.String, Str: text}
}
