package program

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"
)

func cat(_ context.Context, c *call) int {
	names := c.operands()
	if len(names) == 0 {
		names = []string{"-"}
	}
	code := 0
	for _, name := range names {
		b, err := c.read(name)
		if err != nil {
			code = c.problem("cat", "can't open '"+name+"'", err)
			continue
		}
		_, _ = c.out.Write(b) // ends when the reader does
	}
	return code
}

func ls(_ context.Context, c *call) int {
	names := c.operands()
	if len(names) == 0 {
		names = []string{c.dir}
	}
	code := 0
	for _, name := range names {
		info, err := c.shell.disk.stat(c.path(name))
		if err != nil {
			code = c.problem("ls", name, err)
			continue
		}
		if !info.IsDir() || c.has("d") {
			c.entry(name, info.IsDir(), info.Size(), info.ModTime())
			continue
		}
		entries, err := c.shell.disk.list(c.path(name))
		if err != nil {
			code = c.problem("ls", name, err)
			continue
		}
		if len(names) > 1 {
			fmt.Fprintf(c.out, "%s:\n", name)
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".") && !c.has("aA") {
				continue
			}
			if info, err := e.Info(); err == nil {
				c.entry(e.Name(), info.IsDir(), info.Size(), info.ModTime())
			}
		}
	}
	return code
}

// entry prints one line of ls.
func (c *call) entry(name string, dir bool, size int64, at time.Time) {
	if !c.has("l") {
		fmt.Fprintln(c.out, name)
		return
	}
	mode := "-rw-r--r--"
	if dir {
		mode = "drwxr-xr-x"
	}
	if at.IsZero() {
		at = time.Unix(0, 0)
	}
	fmt.Fprintf(c.out, "%s    1 root     root     %9d %s %s\n", mode, size, at.UTC().Format("Jan _2 15:04"), name)
}

func mkdir(_ context.Context, c *call) int {
	code := 0
	for _, name := range c.operands() {
		if err := c.shell.disk.mkdir(c.path(name), c.has("p")); err != nil {
			code = c.problem("mkdir", "can't create directory '"+name+"'", err)
		}
	}
	return code
}

func touch(_ context.Context, c *call) int {
	code := 0
	for _, name := range c.operands() {
		if err := c.shell.disk.write(c.path(name), nil, true); err != nil {
			code = c.problem("touch", name, err)
		}
	}
	return code
}

func rm(_ context.Context, c *call) int {
	code := 0
	for _, name := range c.operands() {
		if err := c.shell.disk.remove(c.path(name), c.has("rR")); err != nil && !c.has("f") {
			code = c.problem("rm", "can't remove '"+name+"'", err)
		}
	}
	return code
}

func cp(_ context.Context, c *call) int { return c.copyTo("cp", false) }

func mv(_ context.Context, c *call) int { return c.copyTo("mv", true) }

// copyTo copies files to a file or into a directory, and removes them if asked to.
func (c *call) copyTo(command string, remove bool) int {
	names := c.operands()
	if len(names) < 2 {
		return c.fail("usage: %s SOURCE... DEST", command)
	}
	dest := c.path(names[len(names)-1])
	info, err := c.shell.disk.stat(dest)
	into := err == nil && info.IsDir()
	for _, name := range names[:len(names)-1] {
		b, err := c.read(name)
		if err != nil {
			return c.problem(command, "can't stat '"+name+"'", err)
		}
		to := dest
		if into {
			to = path.Join(dest, path.Base(name))
		}
		if err := c.shell.disk.write(to, b, false); err != nil {
			return c.problem(command, "can't create '"+to+"'", err)
		}
		if remove {
			if err := c.shell.disk.remove(c.path(name), false); err != nil {
				return c.problem(command, "can't remove '"+name+"'", err)
			}
		}
	}
	return 0
}

func tee(_ context.Context, c *call) int {
	b, err := c.read("-")
	if err != nil {
		return c.problem("tee", "standard input", err)
	}
	_, _ = c.out.Write(b) // ends when the reader does
	code := 0
	for _, name := range c.operands() {
		if err := c.shell.disk.write(c.path(name), b, c.has("a")); err != nil {
			code = c.problem("tee", name, err)
		}
	}
	return code
}

func basename(_ context.Context, c *call) int {
	if len(c.args) == 0 {
		return c.fail("usage: basename FILE [SUFFIX]")
	}
	name := path.Base(c.args[0])
	if len(c.args) > 1 && name != c.args[1] {
		name = strings.TrimSuffix(name, c.args[1])
	}
	fmt.Fprintln(c.out, name)
	return 0
}

func dirname(_ context.Context, c *call) int {
	for _, name := range c.args {
		fmt.Fprintln(c.out, path.Dir(name))
	}
	return 0
}
