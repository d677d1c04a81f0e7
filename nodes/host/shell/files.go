package shell

import (
	"cmp"
	"context"
	"errors"
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
