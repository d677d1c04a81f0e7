package shell

import (
	"context"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of a walk: how many files one command looks at, and the price of each in commands.
const (
	maxWalk   = 20_000
	walkPrice = 0.1
)

// Walk shows a file and, if it is a directory, all that is below it, at most so deep.
func (c *Call) Walk(name string, depth int, show func(name string, f File)) {
	left := maxWalk
	var visit func(name string, depth int)
	visit = func(name string, depth int) {
		f, err := c.Stat(name)
		if err != nil || left <= 0 || c.Shell.process.Meter.SpendAll(c.Ctx, walkPrice) != nil {
			return
		}
		left--
		show(name, f)
		if !f.Dir || depth <= 0 {
			return
		}
		files, err := c.Shell.List(c.User, c.Path(name))
		if err != nil {
			c.Fail("%s: ‘%s’: %s", c.Name, name, Reason(err))
			return
		}
		for _, f := range files {
			visit(strings.TrimSuffix(name, "/")+"/"+path.Base(f.Path), depth-1)
		}
	}
	visit(name, depth)
}

// find knows -name, -iname, -path, -type, -mindepth, -maxdepth, -size +N, -mtime, -mmin, -empty,
// -print0, -exec and -delete.
func find(ctx context.Context, c *Call) int {
	var dirs []string
	args := c.Args
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		dirs, args = append(dirs, args[0]), args[1:]
	}
	if len(dirs) == 0 {
		dirs = []string{"."}
	}
	pattern, kind, depth, fold, remove := "", "", 20, false, false
	larger := int64(-1)
	shallow, whole, end, empty := 0, "", "\n", false
	var run []string
	together := false
	aged := func(time.Duration) bool { return true }
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "-print0":
			end = "\x00"
			continue
		case "-empty":
			empty = true
			continue
		case "-exec":
			n := slices.IndexFunc(args[i:], func(a string) bool { return a == ";" || a == "+" })
			if n < 2 {
				return c.Fail("find: missing argument to `-exec'")
			}
			run, together = args[i+1:i+n], args[i+n] == "+"
			i += n
			continue
		}
		if args[i] == "-print" || args[i] == "-xdev" || args[i] == "-delete" || args[i] == "-mount" {
			remove = remove || args[i] == "-delete"
			continue
		}
		if i+1 >= len(args) {
			return c.Fail("find: missing argument to `%s'", args[i])
		}
		switch value := args[i+1]; args[i] {
		case "-name":
			pattern = value
		case "-iname":
			pattern, fold = strings.ToLower(value), true
		case "-type":
			kind = value
		case "-maxdepth":
			depth, _ = strconv.Atoi(value)
		case "-mindepth":
			shallow, _ = strconv.Atoi(value)
		case "-path":
			whole = value
		case "-mtime", "-mmin":
			aged = age(value, map[string]time.Duration{"-mtime": 24 * time.Hour, "-mmin": time.Minute}[args[i]])
		case "-size":
			larger, _ = ParseSize(strings.TrimPrefix(value, "+"))
		default:
			return c.Fail("find: unknown predicate `%s'", args[i])
		}
		i++
	}
	code := 0
	for _, dir := range dirs {
		if _, err := c.Stat(dir); err != nil {
			code = c.Fail("find: ‘%s’: %s", dir, Reason(err))
			continue
		}
		var found []string
		c.Walk(dir, depth, func(name string, f File) {
			base := path.Base(name)
			if fold {
				base = strings.ToLower(base)
			}
			if ok, _ := path.Match(pattern, base); pattern != "" && !ok || kind == "f" && f.Dir || kind == "d" && !f.Dir || f.Size <= larger {
				return
			}
			below := strings.Count(strings.TrimPrefix(name, strings.TrimSuffix(dir, "/")), "/")
			if ok, _ := path.Match(whole, name); whole != "" && !ok || below < shallow || empty && (f.Dir || f.Size > 0) || !aged(c.Shell.Now().Sub(f.ModTime)) {
				return
			}
			found = append(found, name)
		})
		switch {
		case len(run) > 0:
			code = max(code, c.runOn(ctx, run, found, together))
			continue
		case !remove && end == "\n":
			c.Print(found)
			continue
		case !remove:
			_, _ = io.WriteString(c.Out, strings.Join(append(found, ""), end)) // ends when the reader does
			continue
		}
		for i := len(found) - 1; i >= 0; i-- {
			full := c.Path(found[i])
			if err := c.Shell.Remove(c.User, full, true); err != nil {
				code = c.Fail("find: cannot delete ‘%s’: %s", found[i], Reason(err))
			}
		}
	}
	return code
}

// age is the condition of -mtime and -mmin: +N is older than N units, -N younger.
func age(value string, unit time.Duration) func(time.Duration) bool {
	n, err := strconv.Atoi(strings.TrimLeft(value, "+-"))
	return func(d time.Duration) bool {
		units := int(d / unit)
		switch {
		case err != nil:
			return true
		case strings.HasPrefix(value, "+"):
			return units > n
		case strings.HasPrefix(value, "-"):
			return units < n
		}
		return units == n
	}
}

// runOn runs a command for each of the files, whose names stand for {}, or for all together.
func (c *Call) runOn(ctx context.Context, argv, files []string, together bool) int {
	put := func(names []string) (out []string) {
		for _, a := range argv {
			switch {
			case a == "{}":
				out = append(out, names...)
			case strings.Contains(a, "{}") && len(names) == 1 && len(a)+strings.Count(a, "{}")*len(names[0]) <= maxText:
				out = append(out, strings.ReplaceAll(a, "{}", names[0]))
			default:
				out = append(out, a)
			}
		}
		return out
	}
	if together && len(files) > 0 {
		return c.Run(ctx, put(files))
	}
	for _, name := range files {
		if c.Run(ctx, put([]string{name})); ctx.Err() != nil {
			return c.Shell.Interrupted()
		}
	}
	return 0
}

// du knows -s, -h, -a and -d.
func du(_ context.Context, c *Call) int {
	o := c.Options("d,max-depth=")
	depth, names := 30, o.Operands
	switch {
	case o.Has("s"):
		depth = 0
	case o.Has("d"):
		depth, _ = strconv.Atoi(o.Value("d"))
	}
	if len(names) == 0 {
		names = []string{"."}
	}
	code := 0
	for _, name := range names {
		if _, err := c.Stat(name); err != nil {
			code = c.Fail("du: cannot access '%s': %s", name, Reason(err))
			continue
		}
		sizes := map[string]int64{}
		var order []File
		c.Walk(name, 30, func(one string, f File) {
			order = append(order, File{Path: one, Dir: f.Dir})
			size := (f.Size + 4095) / 4096 * 4096
			if f.Dir {
				size = 4096
			}
			for up := one; ; up = path.Dir(up) {
				sizes[up] += size
				if up == name || up == "/" || up == "." {
					break
				}
			}
		})
		for i := len(order) - 1; i >= 0; i-- {
			f := order[i]
			level := strings.Count(strings.TrimPrefix(f.Path, strings.TrimSuffix(name, "/")), "/")
			if i > 0 && (level > depth || !f.Dir && !c.Has("a")) {
				continue
			}
			text := strconv.FormatInt(sizes[f.Path]/1024, 10)
			if c.Has("h") {
				text = Human(sizes[f.Path])
			}
			c.Printf("%s\t%s\n", text, f.Path)
		}
	}
	return code
}
