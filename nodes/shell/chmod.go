package shell

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// chmod changes permissions, as numbers or as letters say.
func chmod(_ context.Context, c *Call) int {
	option := func(a string) bool { return strings.HasPrefix(a, "-") && strings.Trim(a, "-Rvcf") == "" } // others are modes
	return c.changeFiles(option, func(mode, name, shown string, f File) string {
		to, ok := permissions(mode, f.Mode.Perm(), f.Dir)
		if !ok {
			return fmt.Sprintf("invalid mode: '%s'", mode)
		}
		return c.unchanged("permissions", shown, c.Shell.Chmod(c.User, name, to))
	})
}

// changeFiles changes files as chmod, chown and chgrp do, which take options, what to change
// to, and files; with -R all that is below these too. Change says what went wrong with one.
func (c *Call) changeFiles(option func(arg string) bool, change func(to, name, shown string, f File) (problem string)) int {
	var recursive, quiet bool
	args := c.Args
	for len(args) > 0 && option(args[0]) {
		recursive, quiet = recursive || strings.Contains(args[0], "R"), quiet || strings.Contains(args[0], "f")
		args = args[1:]
	}
	if len(args) < 2 {
		return c.Fail(c.say("%s: missing operand\nTry '%[1]s --help' for more information.", "%s: missing operand"), c.Name)
	}
	code := 0
	var walk func(name, shown string)
	walk = func(name, shown string) {
		problem := ""
		f, err := c.Shell.Stat(name)
		if err != nil {
			problem = fmt.Sprintf(c.say("cannot access '%s': %s", "%s: %s"), shown, Reason(err))
		} else {
			problem = change(args[0], name, shown, f)
		}
		if problem != "" {
			if code = 1; !quiet {
				c.Fail("%s: %s", c.Name, problem)
			}
			return
		}
		if files, err := c.Shell.List(c.User, name); recursive && f.Dir && err == nil {
			for _, x := range files {
				walk(x.Path, path.Join(shown, path.Base(x.Path)))
			}
		}
	}
	for _, name := range args[1:] {
		walk(c.Path(name), name)
	}
	return code
}

// unchanged says that something of a file could not be changed, if err is one.
func (c *Call) unchanged(what, shown string, err error) (problem string) {
	if err == nil {
		return ""
	}
	return fmt.Sprintf(c.say("changing "+what+" of '%s': %s", "%s: %s"), shown, Reason(err))
}

// permissions are those that a mode as chmod takes it makes of others. Ok says that it is
// one.
func permissions(mode string, was fs.FileMode, dir bool) (now fs.FileMode, ok bool) {
	if n, err := strconv.ParseUint(mode, 8, 12); err == nil {
		return fs.FileMode(n) & fs.ModePerm, true
	}
	for _, clause := range strings.Split(mode, ",") {
		i := strings.IndexAny(clause, "+-=")
		if i < 0 {
			return 0, false
		}
		var who, what fs.FileMode
		for _, r := range clause[:i] {
			mask, known := map[rune]fs.FileMode{'u': 0o700, 'g': 0o070, 'o': 0o007, 'a': 0o777}[r]
			if !known {
				return 0, false
			}
			who |= mask
		}
		if who == 0 {
			who = 0o777
		}
		for _, r := range clause[i+1:] {
			switch {
			case r == 'X' && (dir || was&0o111 != 0):
				what |= 0o111
			case r == 'X' || r == 's' || r == 't': // of these nothing here takes notice
			default:
				bits, known := map[rune]fs.FileMode{'r': 0o444, 'w': 0o222, 'x': 0o111}[r]
				if !known {
					return 0, false
				}
				what |= bits
			}
		}
		switch clause[i] {
		case '+':
			was |= who & what
		case '-':
			was &^= who & what
		default:
			was = was&^who | who&what
		}
	}
	return was, true
}
