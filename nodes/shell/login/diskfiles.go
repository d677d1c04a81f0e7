package login

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"demarc/nodes/host"
)

// maxWalk bounds how many files one command looks at.
const maxWalk = 20_000

// walk shows a file and, if it is a directory, all that is below it, at most so deep.
func (c *call) walk(name string, depth int, show func(name string, f host.File)) {
	left := maxWalk
	var visit func(name string, depth int)
	visit = func(name string, depth int) {
		f, err := c.s.stat(c.path(name))
		if err != nil || left <= 0 {
			return
		}
		left--
		show(name, f)
		if !f.Dir || depth <= 0 {
			return
		}
		files, err := c.s.list(c.user, c.path(name))
		if err != nil {
			c.fail("%s: ‘%s’: %s", c.name, name, reason(err))
			return
		}
		for _, f := range files {
			visit(strings.TrimSuffix(name, "/")+"/"+path.Base(f.Path), depth-1)
		}
	}
	visit(name, depth)
}

// find knows -name, -iname, -type, -maxdepth, -size +N and -delete.
func find(_ context.Context, c *call) int {
	var dirs []string
	args := c.args
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		dirs, args = append(dirs, args[0]), args[1:]
	}
	if len(dirs) == 0 {
		dirs = []string{"."}
	}
	pattern, kind, depth, fold, remove := "", "", 20, false, false
	larger := int64(-1)
	for i := 0; i < len(args); i++ {
		if args[i] == "-print" || args[i] == "-xdev" || args[i] == "-delete" || args[i] == "-mount" {
			remove = remove || args[i] == "-delete"
			continue
		}
		if i+1 >= len(args) {
			return c.fail("find: missing argument to `%s'", args[i])
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
		case "-size":
			larger, _ = parseSize(strings.TrimPrefix(value, "+"))
		default:
			return c.fail("find: unknown predicate `%s'", args[i])
		}
		i++
	}
	code := 0
	for _, dir := range dirs {
		if _, err := c.s.stat(c.path(dir)); err != nil {
			code = c.fail("find: ‘%s’: %s", dir, reason(err))
			continue
		}
		var found []string
		c.walk(dir, depth, func(name string, f host.File) {
			base := path.Base(name)
			if fold {
				base = strings.ToLower(base)
			}
			if ok, _ := path.Match(pattern, base); pattern != "" && !ok || kind == "f" && f.Dir || kind == "d" && !f.Dir || f.Size <= larger {
				return
			}
			found = append(found, name)
		})
		if !remove {
			c.print(found)
			continue
		}
		for i := len(found) - 1; i >= 0; i-- {
			full := c.path(found[i])
			if err := c.s.change(c.user, full, func(now time.Time, h *host.Host) error { return h.Delete(now, full, true) }); err != nil {
				code = c.fail("find: cannot delete ‘%s’: %s", found[i], reason(err))
			}
		}
	}
	return code
}

// du knows -s, -h, -a and -d.
func du(_ context.Context, c *call) int {
	depth := 30
	names := options(c.args, "d", []string{"max-depth"}, func(name, value string) {
		switch name {
		case "d", "max-depth":
			depth, _ = strconv.Atoi(value)
		case "s":
			depth = 0
		}
	})
	if len(names) == 0 {
		names = []string{"."}
	}
	code := 0
	for _, name := range names {
		if _, err := c.s.stat(c.path(name)); err != nil {
			code = c.fail("du: cannot access '%s': %s", name, reason(err))
			continue
		}
		sizes := map[string]int64{}
		var order []host.File
		c.walk(name, 30, func(one string, f host.File) {
			order = append(order, host.File{Path: one, Dir: f.Dir})
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
			if i > 0 && (level > depth || !f.Dir && !c.has("a")) {
				continue
			}
			text := strconv.FormatInt(sizes[f.Path]/1024, 10)
			if c.has("h") {
				text = human(sizes[f.Path])
			}
			c.printf("%s\t%s\n", text, f.Path)
		}
	}
	return code
}

func df(_ context.Context, c *call) int {
	var used, size, memory int64
	if !c.do(func(_ time.Time, h *host.Host, _ Runtime) {
		used, size = h.Disk()
		_, memory = h.Memory()
	}) {
		return 1
	}
	type mount struct {
		from, on   string
		size, used int64
	}
	all := []mount{
		{"/dev/root", "/", size, used}, {"tmpfs", "/dev/shm", memory / 2, 0}, {"tmpfs", "/run", memory / 5, 2 << 20},
		{"tmpfs", "/run/lock", 5 << 20, 0}, {"/dev/sda15", "/boot/efi", 109422592, 6408192},
	}
	if names := c.operands(); len(names) > 0 {
		if _, err := c.s.stat(c.path(names[0])); err != nil {
			return c.fail("df: %s: %s", names[0], reason(err))
		}
		all = all[:1]
	}
	switch {
	case c.has("i"):
		c.printf("Filesystem       Inodes  IUsed    IFree IUse%% Mounted on\n")
	case c.has("h"):
		c.printf("Filesystem      Size  Used Avail Use%% Mounted on\n")
	default:
		c.printf("Filesystem     1K-blocks     Used Available Use%% Mounted on\n")
	}
	for _, m := range all {
		free := max(m.size-m.used, 0)
		share := 0
		if m.size > 0 {
			share = int((m.used*100 + m.size - 1) / m.size)
		}
		switch {
		case c.has("i"):
			inodes := m.size / 8192
			c.printf("%-14s %8d %6d %8d %4d%% %s\n", m.from, inodes, inodes/80, inodes-inodes/80, 2, m.on)
		case c.has("h"):
			c.printf("%-15s %4s  %4s  %4s %3d%% %s\n", m.from, human(m.size), human(m.used), human(free), share, m.on)
		default:
			c.printf("%-14s %9d %8d %9d %3d%% %s\n", m.from, m.size/1024, m.used/1024, free/1024, share, m.on)
		}
	}
	return 0
}

// allocate is fallocate -l, truncate -s and mkswap's like: a file of a size.
func allocate(_ context.Context, c *call) int {
	text := ""
	names := options(c.args, "lso", []string{"length", "size"}, func(name, value string) {
		switch name {
		case "l", "s", "length", "size":
			text = value
		}
	})
	size, ok := parseSize(text)
	switch {
	case !ok && c.name == "fallocate":
		return c.fail("fallocate: invalid length value specified")
	case !ok:
		return c.fail("truncate: Invalid number: ‘%s’", text)
	case len(names) == 0:
		return c.fail("%s: no filename specified", c.name)
	}
	for _, name := range names {
		if err := c.allocate(c.path(name), size); err != nil {
			switch {
			case c.name == "truncate":
				return c.fail("truncate: cannot open '%s' for writing: %s", name, reason(err))
			case !owns(c.user, c.path(name)):
				return c.fail("fallocate: cannot open %s: %s", name, reason(err))
			}
			return c.fail("fallocate: fallocate failed: %s", reason(err))
		}
	}
	return 0
}

// allocate makes a file of a size without its bytes being anywhere.
func (c *call) allocate(full string, size int64) error {
	if size == 0 {
		return c.s.write(c.user, full, nil, false)
	}
	return c.s.change(c.user, full, func(now time.Time, h *host.Host) error { return h.Allocate(now, full, size) })
}

// dd knows if=, of=, bs= and count=. What it writes takes the disk's space; only when it
// copies a file do the bytes matter.
func dd(_ context.Context, c *call) int {
	set := map[string]string{"bs": "512", "count": ""}
	for _, a := range c.args {
		name, value, ok := strings.Cut(a, "=")
		if !ok {
			return c.fail("dd: unrecognized operand ‘%s’\nTry 'dd --help' for more information.", a)
		}
		set[name] = value
	}
	block, ok := parseSize(set["bs"])
	if !ok || block == 0 {
		return c.fail("dd: invalid number: ‘%s’", set["bs"])
	}
	count, counted := parseSize(set["count"])
	var data []byte
	size := int64(0)
	switch from := set["if"]; {
	case from == "/dev/zero" || from == "/dev/urandom" || from == "/dev/random":
		if size = 1 << 44; counted { // without a count it fills the disk
			size = min(block*min(count, (1<<44)/block), 1<<44)
		}
	default:
		b, err := c.read(append([]string{from}, "-")[map[bool]int{true: 1}[from == ""]])
		if err != nil {
			return c.fail("dd: failed to open '%s': %s", from, reason(err))
		}
		if counted {
			b = b[:min(int64(len(b)), block*min(count, maxRead))]
		}
		data, size = b, int64(len(b))
	}
	to := set["of"]
	var err error
	full := c.path(to)
	_, isDevice := device(full, nil, nil)
	switch {
	case to == "":
		_, _ = c.out.Write(data) // ends when the reader does
	case isDevice:
	case strings.HasPrefix(full, "/dev/"):
		return c.fail("dd: failed to open '%s': Permission denied", to)
	case data != nil || size == 0:
		err = c.s.write(c.user, full, data, false)
	default:
		err = c.fill(full, size)
	}
	if err != nil && !owns(c.user, full) {
		return c.fail("dd: failed to open '%s': %s", to, reason(err))
	}
	code := 0
	if err != nil {
		code = c.fail("dd: error writing '%s': %s", to, reason(err))
		if f, err := c.s.stat(full); err == nil {
			size = f.Size
		}
	}
	fmt.Fprintf(c.err, "%d+0 records in\n%d+0 records out\n%d bytes (%s) copied, %.4g s, 412 MB/s\n", size/block, size/block, size, decimal(size), float64(size)/412e6)
	return code
}

// fill writes until the disk is full, as a program does that does not know the size.
func (c *call) fill(full string, size int64) error {
	err := c.allocate(full, size)
	if err == nil || !owns(c.user, full) {
		return err
	}
	c.do(func(now time.Time, h *host.Host, _ Runtime) {
		used, total := h.Disk()
		if free := total - used; free > 0 && free < size {
			_ = h.Allocate(now, full, free) // the error that counts is the first
		}
	})
	return err
}

// decimal is a size in dd's words: 1.1 GB, 1.0 GiB.
func decimal(n int64) string {
	f, units := float64(n), []string{"B", "kB", "MB", "GB", "TB"}
	i := 0
	for f >= 1000 && i < len(units)-1 {
		f, i = f/1000, i+1
	}
	text := fmt.Sprintf("%.2g", f)
	if f >= 100 {
		text = fmt.Sprintf("%.0f", f)
	}
	return text + " " + units[i] + ", " + human(n) + "iB"
}
