package login

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"demarc/nodes/host"
)

// fileInfo is what walk shows.
type fileInfo = host.File

// human is a size in the units of ls -h: 1.5K, 12M, 3G.
func human(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10)
	}
	f, units := float64(n), "KMGTPE"
	i := -1
	for f >= 1024 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	if f < 10 {
		return fmt.Sprintf("%.1f%c", f, units[i])
	}
	return fmt.Sprintf("%.0f%c", f, units[i])
}

// parseSize reads 10G, 512M, 1048576.
func parseSize(s string) (int64, bool) {
	digits := strings.TrimRight(strings.TrimSuffix(strings.TrimSuffix(s, "iB"), "B"), "bcwkKmMgGtT")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > 1<<44 {
		return 0, false
	}
	unit := strings.ToUpper(strings.TrimSuffix(strings.TrimSuffix(s[len(digits):], "iB"), "B"))
	factor, ok := map[string]int64{"": 1, "C": 1, "B": 512, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}[unit]
	if !ok || factor > 1 && n > 1<<44/factor {
		return 0, false
	}
	return n * factor, true
}

func cat(_ context.Context, c *call) int {
	names := c.operands()
	if len(names) == 0 {
		names = []string{"-"}
	}
	code, number := 0, 0
	for _, name := range names {
		b, err := c.read(name)
		if err != nil {
			code = c.problem(name, err)
			continue
		}
		switch {
		case c.name == "tac":
			lines := splitLines(b)
			slices.Reverse(lines)
			c.print(lines)
		case c.name == "cat" && c.has("n"):
			for _, l := range splitLines(b) {
				number++
				c.printf("%6d\t%s\n", number, l)
			}
		default:
			_, _ = c.out.Write(b) // ends when the reader does
		}
	}
	return code
}

func ls(_ context.Context, c *call) int {
	names := c.operands()
	if len(names) == 0 {
		names = []string{"."}
	}
	code := 0
	var plain []host.File
	var dirs []string
	for _, name := range names {
		f, err := c.s.stat(c.path(name))
		switch {
		case err != nil:
			c.fail("ls: cannot access '%s': %s", name, reason(err))
			code = 2
		case f.Dir && !c.has("d"):
			dirs = append(dirs, name)
		default:
			f.Path = name
			plain = append(plain, f)
		}
	}
	c.entries(plain, "")
	for i, name := range dirs {
		files, err := c.s.list(c.user, c.path(name))
		if err != nil {
			c.fail("ls: cannot open directory '%s': %s", name, reason(err))
			code = 2
			continue
		}
		if len(names) > 1 {
			c.printf("%s%s:\n", map[bool]string{true: "\n", false: ""}[i > 0 || len(plain) > 0], name)
		}
		c.entries(files, c.path(name))
	}
	return code
}

// entries prints files as ls does; those of a directory by the last part of their names.
func (c *call) entries(files []host.File, dir string) {
	inside := dir != ""
	shown := make([]host.File, 0, len(files)+2)
	if inside && c.has("a") {
		shown = append(shown, host.File{Path: ".", Dir: true, Mode: 0o755, Size: 4096}, host.File{Path: "..", Dir: true, Mode: 0o755, Size: 4096})
	}
	var blocks int64
	for _, f := range files {
		if inside {
			f.Path = path.Base(f.Path)
			if strings.HasPrefix(f.Path, ".") && !c.has("aA") {
				continue
			}
		}
		blocks += (f.Size + 4095) / 4096 * 4
		shown = append(shown, f)
	}
	switch {
	case c.has("t"):
		slices.SortStableFunc(shown, func(a, b host.File) int { return b.ModTime.Compare(a.ModTime) })
	case c.has("S"):
		slices.SortStableFunc(shown, func(a, b host.File) int { return int(min(max(b.Size-a.Size, -1), 1)) })
	}
	if c.has("r") {
		slices.Reverse(shown)
	}
	if inside && c.has("l") {
		total := strconv.FormatInt(blocks, 10)
		if c.has("h") {
			total = human(blocks * 1024)
		}
		c.printf("total %s\n", total)
	}
	for _, f := range shown {
		if !c.has("l") {
			c.printf("%s\n", f.Path)
			continue
		}
		c.printf("%s\n", c.row(f, absolute(cmp.Or(dir, c.dir), f.Path)))
	}
}

// row is one line of ls -l, of a file whose whole name is full.
func (c *call) row(f host.File, full string) string {
	size := strconv.FormatInt(f.Size, 10)
	if c.has("h") {
		size = human(f.Size)
	}
	at := f.ModTime
	if at.IsZero() {
		at = c.s.began
	}
	own := owner(full)
	return fmt.Sprintf("%s 1 %s %s %8s %s %s", mode(f), own, own, size, at.UTC().Format("Jan _2 15:04"), f.Path)
}

// owner is whose a file is: all that is not in a home is root's.
func owner(name string) string {
	if rest, ok := strings.CutPrefix(name, "/home/"); ok {
		return strings.Split(rest, "/")[0]
	}
	return root
}

// mode is a file's type and permissions.
func mode(f host.File) string {
	bits := f.Mode.Perm()
	switch {
	case bits == 0 && f.Dir:
		bits = 0o755
	case bits == 0:
		bits = 0o644
	}
	text := []byte(bits.String())
	if f.Dir {
		text[0] = 'd'
	}
	if f.Mode&fs.ModeSticky != 0 || slices.Contains(shared, f.Path) {
		text[9] = 't'
	}
	return string(text)
}

func stat(_ context.Context, c *call) int {
	format := ""
	names := options(c.args, "c", []string{"format"}, func(name, value string) {
		if name == "c" || name == "format" {
			format = value
		}
	})
	if len(names) == 0 {
		return c.fail("stat: missing operand\nTry 'stat --help' for more information.")
	}
	code := 0
	for _, name := range names {
		f, err := c.s.stat(c.path(name))
		if err != nil {
			code = c.fail("stat: cannot statx '%s': %s", name, reason(err))
			continue
		}
		kind := "regular file"
		if f.Dir {
			kind = "directory"
		} else if f.Size == 0 {
			kind = "regular empty file"
		}
		text, own := mode(f), owner(c.path(name))
		octal := fmt.Sprintf("%o", f.Mode.Perm())
		at := f.ModTime.UTC().Format("2006-01-02 15:04:05.000000000 -0700")
		if format != "" {
			c.printf("%s\n", strings.NewReplacer("%n", name, "%s", strconv.FormatInt(f.Size, 10), "%a", octal, "%A", text, "%U", own, "%G", own, "%F", kind, "%y", at, "%Y", strconv.FormatInt(f.ModTime.Unix(), 10)).Replace(format))
			continue
		}
		c.printf("  File: %s\n  Size: %-10d\tBlocks: %-10d IO Block: 4096   %s\nAccess: (%04o/%s)  Uid: (%5d/%8s)   Gid: (%5d/%8s)\nModify: %s\n",
			name, f.Size, (f.Size+511)/512, kind, f.Mode.Perm(), text, uid(own), own, uid(own), own, at)
	}
	return code
}

func mkdir(_ context.Context, c *call) int {
	code := 0
	names := options(c.args, "m", nil, func(string, string) {})
	if len(names) == 0 {
		return c.fail("mkdir: missing operand\nTry 'mkdir --help' for more information.")
	}
	for _, name := range names {
		full := c.path(name)
		if f, err := c.s.stat(full); err == nil {
			if !c.has("p") || !f.Dir {
				code = c.fail("mkdir: cannot create directory ‘%s’: File exists", name)
			}
			continue
		}
		if err := c.makeDir(full, c.has("p")); err != nil {
			code = c.fail("mkdir: cannot create directory ‘%s’: %s", name, reason(err))
		}
	}
	return code
}

// makeDir makes a directory, and with parents those above it.
func (c *call) makeDir(full string, parents bool) error {
	up := path.Dir(full)
	if _, err := c.s.stat(up); err != nil && up != full {
		if !parents {
			return syscall.ENOENT
		}
		if err := c.makeDir(up, true); err != nil {
			return err
		}
	}
	return c.s.change(c.user, full, func(now time.Time, h *host.Host) error { return h.Mkdir(now, full) })
}

func touch(_ context.Context, c *call) int {
	code := 0
	for _, name := range options(c.args, "dtr", []string{"date"}, func(string, string) {}) {
		full := c.path(name)
		if f, err := c.s.stat(full); err == nil && f.Dir {
			continue
		}
		if err := c.s.write(c.user, full, nil, true); err != nil {
			code = c.fail("touch: cannot touch '%s': %s", name, reason(err))
		}
	}
	return code
}
