package login

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"syscall"
	"time"

	"demarc/nodes/host"
)

// rm also stands for rmdir.
func rm(_ context.Context, c *call) int {
	names := c.operands()
	if len(names) == 0 {
		if c.has("f") {
			return 0
		}
		return c.fail("%s: missing operand\nTry '%s --help' for more information.", c.name, c.name)
	}
	code := 0
	for _, name := range names {
		if text := c.remove(name); text != "" {
			code = c.fail("%s", text)
		}
	}
	return code
}

// remove removes one file and says what is wrong if it cannot.
func (c *call) remove(name string) string {
	full := c.path(name)
	verb := "rm: cannot remove"
	if c.name == "rmdir" {
		verb = "rmdir: failed to remove"
	}
	recursive := c.name == "rm" && (c.has("rR") || c.long("--recursive"))
	f, err := c.s.stat(full)
	switch {
	case errors.Is(err, syscall.ENOENT) || errors.Is(err, fs.ErrNotExist):
		if c.name == "rm" && c.has("f") {
			return ""
		}
		return fmt.Sprintf("%s '%s': %s", verb, name, reason(err))
	case err != nil:
		return fmt.Sprintf("%s '%s': %s", verb, name, reason(err))
	case full == "/" && recursive && !c.long("--no-preserve-root"):
		return "rm: it is dangerous to operate recursively on '/'\nrm: use --no-preserve-root to override this failsafe"
	case f.Dir && c.name == "rm" && !recursive:
		return fmt.Sprintf("rm: cannot remove '%s': Is a directory", name)
	case !f.Dir && c.name == "rmdir":
		return fmt.Sprintf("rmdir: failed to remove '%s': Not a directory", name)
	}
	if c.name == "rmdir" {
		if files, err := c.s.list(root, full); err == nil && len(files) > 0 {
			return fmt.Sprintf("rmdir: failed to remove '%s': Directory not empty", name)
		}
	}
	if err := c.s.change(c.user, full, func(now time.Time, h *host.Host) error { return h.Delete(now, full, recursive || f.Dir) }); err != nil {
		return fmt.Sprintf("%s '%s': %s", verb, name, reason(err))
	}
	return ""
}

// cp also stands for mv, ln and install. A link is a copy: the machine's files have no links.
func cp(_ context.Context, c *call) int {
	names := options(c.args, "tmog", nil, func(string, string) {})
	switch {
	case len(names) == 0:
		return c.fail("%s: missing file operand\nTry '%s --help' for more information.", c.name, c.name)
	case len(names) == 1:
		return c.fail("%s: missing destination file operand after '%s'\nTry '%s --help' for more information.", c.name, names[0], c.name)
	}
	to := names[len(names)-1]
	into := false
	if f, err := c.s.stat(c.path(to)); err == nil {
		into = f.Dir
	}
	if len(names) > 2 && !into {
		return c.fail("%s: target '%s' is not a directory", c.name, to)
	}
	code := 0
	for _, name := range names[:len(names)-1] {
		target := to
		if into {
			target = path.Join(to, path.Base(name))
		}
		if text := c.copy(name, target); text != "" {
			code = c.fail("%s: %s", c.name, text)
		}
	}
	return code
}

// copy copies a file or a directory, removes the first if the command is mv, and says what
// is wrong if it cannot.
func (c *call) copy(name, target string) string {
	from, to := c.path(name), c.path(target)
	f, err := c.s.stat(from)
	switch {
	case err != nil && c.name == "ln":
		return "" // a link may lead nowhere
	case err != nil:
		return fmt.Sprintf("cannot stat '%s': %s", name, reason(err))
	case from == to:
		return fmt.Sprintf("'%s' and '%s' are the same file", name, target)
	case f.Dir && strings.HasPrefix(to, from+"/"):
		return fmt.Sprintf("cannot copy a directory, '%s', into itself, '%s'", name, target)
	case f.Dir && c.name == "cp" && !c.has("rRa"):
		return fmt.Sprintf("-r not specified; omitting directory '%s'", name)
	case f.Dir && c.name == "ln":
		return "" // there are no links to directories
	case c.name == "mv" && !owns(c.user, from):
		return fmt.Sprintf("cannot move '%s' to '%s': Permission denied", name, target)
	}
	var failed string
	c.walk(name, 12, func(one string, f host.File) {
		if failed == "" {
			failed = c.copyOne(one, target+strings.TrimPrefix(one, name), f)
		}
	})
	if failed == "" && c.name == "mv" {
		if err := c.s.change(c.user, from, func(now time.Time, h *host.Host) error { return h.Delete(now, from, true) }); err != nil {
			return fmt.Sprintf("cannot remove '%s': %s", name, reason(err))
		}
	}
	return failed
}

func (c *call) copyOne(name, target string, f host.File) string {
	to := c.path(target)
	var err error
	switch {
	case f.Dir:
		if _, missing := c.s.stat(to); missing != nil {
			err = c.makeDir(to, false)
		}
	case f.Size > maxRead:
		err = c.s.change(c.user, to, func(now time.Time, h *host.Host) error { return h.Allocate(now, to, f.Size) })
	default:
		var b []byte
		if b, err = c.read(name); err != nil {
			return fmt.Sprintf("cannot open '%s' for reading: %s", name, reason(err))
		}
		err = c.s.write(c.user, to, b, false)
	}
	if err != nil {
		return fmt.Sprintf("cannot create regular file '%s': %s", target, reason(err))
	}
	return ""
}

// tee writes what comes in to files too.
func tee(_ context.Context, c *call) int {
	b, err := c.read("-")
	if err != nil {
		return c.problem("standard input", err)
	}
	_, _ = c.out.Write(b) // ends when the reader does
	code := 0
	for _, name := range c.operands() {
		full := c.path(name)
		if _, ok := device(full, nil, nil); ok {
			continue
		}
		if err := c.s.write(c.user, full, b, c.has("a")); err != nil {
			code = c.problem(name, err)
		}
	}
	return code
}

// chmod also stands for chown and chgrp: they succeed for files that are there.
func chmod(_ context.Context, c *call) int {
	var names []string
	for _, a := range c.args {
		if !strings.HasPrefix(a, "-") || strings.Trim(a, "-rwxst") == "" && len(names) == 0 && !strings.Contains("-R -v -c -f", a) {
			names = append(names, a)
		}
	}
	if len(names) < 2 {
		return c.fail("%s: missing operand\nTry '%s --help' for more information.", c.name, c.name)
	}
	code := 0
	for _, name := range names[1:] {
		full := c.path(name)
		if _, err := c.s.stat(full); err != nil {
			code = c.fail("%s: cannot access '%s': %s", c.name, name, reason(err))
			continue
		}
		if !owns(c.user, full) || c.name != "chmod" && !c.root() {
			what := map[string]string{"chmod": "changing permissions of", "chown": "changing ownership of", "chgrp": "changing group of"}[c.name]
			code = c.fail("%s: %s '%s': Operation not permitted", c.name, what, name)
		}
	}
	return code
}
