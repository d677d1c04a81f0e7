package shell

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"syscall"

	"mvdan.cc/sh/v3/interp"
)

// rm also stands for rmdir.
func rm(_ context.Context, c *Call) int {
	names := c.Operands()
	if len(names) == 0 {
		if c.Has("f") {
			return 0
		}
		return c.Fail("%s: missing operand\nTry '%s --help' for more information.", c.Name, c.Name)
	}
	code := 0
	for _, name := range names {
		if text := c.remove(name); text != "" {
			code = c.Fail("%s", text)
		}
	}
	return code
}

// remove removes one file and says what is wrong if it cannot.
func (c *Call) remove(name string) string {
	full := c.Path(name)
	verb := "rm: cannot remove"
	if c.Name == "rmdir" {
		verb = "rmdir: failed to remove"
	}
	recursive := c.Name == "rm" && (c.Has("rR") || c.Long("--recursive"))
	f, err := c.Shell.Stat(full)
	switch {
	case errors.Is(err, syscall.ENOENT) || errors.Is(err, fs.ErrNotExist):
		if c.Name == "rm" && c.Has("f") {
			return ""
		}
		return fmt.Sprintf("%s '%s': %s", verb, name, Reason(err))
	case err != nil:
		return fmt.Sprintf("%s '%s': %s", verb, name, Reason(err))
	case full == "/" && c.Shell.GNU && recursive && !c.Long("--no-preserve-root"):
		return "rm: it is dangerous to operate recursively on '/'\nrm: use --no-preserve-root to override this failsafe"
	case f.Dir && c.Name == "rm" && !recursive:
		return fmt.Sprintf("rm: cannot remove '%s': Is a directory", name)
	case !f.Dir && c.Name == "rmdir":
		return fmt.Sprintf("rmdir: failed to remove '%s': Not a directory", name)
	}
	if c.Name == "rmdir" {
		if files, err := c.Shell.List(Root, full); err == nil && len(files) > 0 {
			return fmt.Sprintf("rmdir: failed to remove '%s': Directory not empty", name)
		}
	}
	if err := c.Shell.Remove(c.User, full, recursive || f.Dir); err != nil {
		return fmt.Sprintf("%s '%s': %s", verb, name, Reason(err))
	}
	return ""
}

// cp also stands for mv, ln and install. A link is a copy: the machine's files have no links.
func cp(_ context.Context, c *Call) int {
	names := c.Options("t= m= o= g=").Operands
	switch {
	case len(names) == 0:
		return c.Fail("%s: missing file operand\nTry '%s --help' for more information.", c.Name, c.Name)
	case len(names) == 1:
		return c.Fail("%s: missing destination file operand after '%s'\nTry '%s --help' for more information.", c.Name, names[0], c.Name)
	}
	to := names[len(names)-1]
	into := false
	if f, err := c.Stat(to); err == nil {
		into = f.Dir
	}
	if len(names) > 2 && !into {
		return c.Fail("%s: target '%s' is not a directory", c.Name, to)
	}
	code := 0
	for _, name := range names[:len(names)-1] {
		target := to
		if into {
			target = path.Join(to, path.Base(name))
		}
		if text := c.copy(name, target); text != "" {
			code = c.Fail("%s: %s", c.Name, text)
		}
	}
	return code
}

// copy copies a file or a directory, removes the first if the command is mv, and says what
// is wrong if it cannot.
func (c *Call) copy(name, target string) string {
	from, to := c.Path(name), c.Path(target)
	f, err := c.Shell.Stat(from)
	switch {
	case err != nil && c.Name == "ln":
		return "" // a link may lead nowhere
	case err != nil && c.Name == "cp" && c.Shell.hides(from):
		return c.copyHidden(name, target)
	case err != nil:
		return fmt.Sprintf("cannot stat '%s': %s", name, Reason(err))
	case from == to:
		return fmt.Sprintf("'%s' and '%s' are the same file", name, target)
	case f.Dir && strings.HasPrefix(to, from+"/"):
		return fmt.Sprintf("cannot copy a directory, '%s', into itself, '%s'", name, target)
	case f.Dir && c.Name == "cp" && !c.Has("rRa"):
		return fmt.Sprintf("-r not specified; omitting directory '%s'", name)
	case f.Dir && c.Name == "ln":
		return "" // there are no links to directories
	case c.Name == "mv" && c.Shell.Access(c.User, from, interp.AccessWrite) != nil:
		return fmt.Sprintf("cannot move '%s' to '%s': Permission denied", name, target)
	}
	var failed string
	c.Walk(name, 12, func(one string, f File) {
		if failed == "" {
			failed = c.copyOne(one, target+strings.TrimPrefix(one, name), f)
		}
	})
	if failed == "" && c.Name == "mv" {
		if err := c.Shell.Remove(c.User, from, true); err != nil {
			return fmt.Sprintf("cannot remove '%s': %s", name, Reason(err))
		}
	}
	return failed
}

// copyHidden copies what nobody knows: a file without contents, or a directory without files.
func (c *Call) copyHidden(name, target string) string {
	dir := c.Has("rRa")
	if dir && (strings.HasSuffix(name, "/.") || strings.ContainsAny(path.Base(name), "*?")) {
		return "" // all that is in it
	}
	if dir {
		return c.copyOne(name, target, File{Dir: true})
	}
	if err := c.Shell.Write(c.User, c.Path(target), nil, false); err != nil {
		return fmt.Sprintf("cannot create regular file '%s': %s", target, Reason(err))
	}
	return ""
}

func (c *Call) copyOne(name, target string, f File) string {
	to := c.Path(target)
	var err error
	switch {
	case f.Dir:
		if _, missing := c.Shell.Stat(to); missing != nil {
			err = c.makeDir(to, false)
		}
	case f.Size > MaxRead:
		err = c.Shell.Allocate(c.User, to, f.Size)
	default:
		var b []byte
		if b, err = c.Read(name); err != nil {
			return fmt.Sprintf("cannot open '%s' for reading: %s", name, Reason(err))
		}
		err = c.Shell.Write(c.User, to, b, false)
	}
	if err != nil {
		return fmt.Sprintf("cannot create regular file '%s': %s", target, Reason(err))
	}
	return ""
}

// tee writes what comes in to files too.
func tee(_ context.Context, c *Call) int {
	b, err := c.Read("-")
	if err != nil {
		return c.Problem("standard input", err)
	}
	_, _ = c.Out.Write(b) // ends when the reader does
	code := 0
	for _, name := range c.Operands() {
		full := c.Path(name)
		if IsDevice(full) {
			continue
		}
		if err := c.Shell.Write(c.User, full, b, c.Has("a")); err != nil {
			code = c.Problem(name, err)
		}
	}
	return code
}
