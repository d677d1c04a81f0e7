package shell

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
)

// MaxRead bounds what is read of one file, in bytes: files of a machine can be larger than
// what we want to hold.
const MaxRead = 16 << 20

// Human is a size in the units of ls -h: 1.5K, 12M, 3G.
func Human(n int64) string {
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

// ParseSize reads 10G, 512M, 1048576.
func ParseSize(s string) (int64, bool) {
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

// cat also stands for tac, less and more.
func cat(_ context.Context, c *Call) int {
	code, number := 0, 0
	for _, name := range inputs(c.Operands()) {
		if c.Name == "tac" || c.Has("n") {
			lines, err := c.readLines(name)
			if err != nil {
				code = c.Problem(name, err)
			}
			if c.Name == "tac" {
				slices.Reverse(lines)
				c.Print(lines)
				continue
			}
			for i := 0; i < len(lines) && !c.Stopped(); i++ {
				number++
				c.Printf("%6d\t%s\n", number, lines[i])
			}
			continue
		}
		b, err := c.Read(name)
		if err != nil {
			code = c.Fail(c.say("%s: %s: %s", "%s: can't open '%s': %s"), c.Name, name, Reason(err))
			continue
		}
		_, _ = c.Out.Write(b) // ends when the reader does
	}
	return code
}

func ls(_ context.Context, c *Call) int {
	names := c.Operands()
	if len(names) == 0 {
		names = []string{"."}
	}
	code := 0
	var plain []File
	var dirs []string
	problem := func(format, name string, err error) {
		code = c.Fail(format, name, Reason(err))
		if c.Shell.GNU {
			code = 2
		}
	}
	for _, name := range names {
		f, err := c.Stat(name)
		switch {
		case err != nil:
			problem(c.say("ls: cannot access '%s': %s", "ls: %s: %s"), name, err)
		case f.Dir && !c.Has("d"):
			dirs = append(dirs, name)
		default:
			f.Path = name
			plain = append(plain, f)
		}
	}
	c.entries(plain, "")
	for i, name := range dirs {
		files, err := c.Shell.List(c.User, c.Path(name))
		if err != nil {
			problem(c.say("ls: cannot open directory '%s': %s", "ls: %s: %s"), name, err)
			continue
		}
		if len(names) > 1 {
			c.Printf("%s%s:\n", map[bool]string{true: "\n", false: ""}[i > 0 || len(plain) > 0], name)
		}
		c.entries(files, c.Path(name))
	}
	return code
}

// entries prints files as ls does; those of a directory by the last part of their names.
func (c *Call) entries(files []File, dir string) {
	inside := dir != ""
	shown := make([]File, 0, len(files)+2)
	if inside && c.Has("a") {
		shown = append(shown, File{Path: ".", Dir: true, Mode: 0o755, Size: 4096}, File{Path: "..", Dir: true, Mode: 0o755, Size: 4096})
	}
	var blocks int64
	for _, f := range files {
		if inside {
			f.Path = path.Base(f.Path)
			if strings.HasPrefix(f.Path, ".") && !c.Has("aA") {
				continue
			}
		}
		blocks += (f.Size + 4095) / 4096 * 4
		shown = append(shown, f)
	}
	switch {
	case c.Has("t"):
		slices.SortStableFunc(shown, func(a, b File) int { return b.ModTime.Compare(a.ModTime) })
	case c.Has("S"):
		slices.SortStableFunc(shown, func(a, b File) int { return int(min(max(b.Size-a.Size, -1), 1)) })
	}
	if c.Has("r") {
		slices.Reverse(shown)
	}
	if inside && c.Has("ln") {
		total := strconv.FormatInt(blocks, 10)
		if c.Has("h") {
			total = Human(blocks * 1024)
		}
		c.Printf("total %s\n", total)
	}
	for _, f := range shown {
		if !c.Has("ln") {
			c.Printf("%s\n", f.Path)
			continue
		}
		c.Printf("%s\n", c.row(f, Absolute(cmp.Or(dir, c.Dir), f.Path)))
	}
}

// row is one line of ls -l, of a file whose whole name is full.
func (c *Call) row(f File, full string) string {
	size := strconv.FormatInt(f.Size, 10)
	if c.Has("h") {
		size = Human(f.Size)
	}
	at := f.ModTime
	if at.IsZero() {
		at = c.Shell.Now()
	}
	own := f.owner(full)
	if c.Has("n") {
		own = Owner{strconv.Itoa(c.number(own.User)), strconv.Itoa(c.number(own.Group))}
	}
	return fmt.Sprintf(c.say("%s 1 %s %s %8s %s %s", "%s    1 %-8s %-8s %9s %s %s"), mode(f), own.User, own.Group, size, at.UTC().Format("Jan _2 15:04"), f.Path)
}

// Shared are directories in which everybody may write.
var Shared = []string{"/tmp", "/var/tmp", "/dev/shm"}

// owner is whose a file is: all that is not in a home is root's.
func owner(name string) string {
	if rest, ok := strings.CutPrefix(name, "/home/"); ok {
		return strings.Split(rest, "/")[0]
	}
	return Root
}

// owner is whose a file is whose whole name is full.
func (f File) owner(full string) Owner {
	return Owner{cmp.Or(f.Owner.User, owner(full)), cmp.Or(f.Owner.Group, owner(full))}
}

// number is a user's or a group's, by its name.
func (c *Call) number(name string) int {
	if n, err := strconv.Atoi(name); err == nil {
		return n
	}
	return c.Shell.UID(name)
}

// mode is a file's type and permissions.
func mode(f File) string {
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
	if f.Mode&fs.ModeSticky != 0 || slices.Contains(Shared, f.Path) {
		text[9] = 't'
	}
	return string(text)
}

func stat(_ context.Context, c *Call) int {
	o := c.Options("c,format=")
	format := o.Value("c")
	if len(o.Operands) == 0 {
		return c.Fail("stat: missing operand\nTry 'stat --help' for more information.")
	}
	code := 0
	for _, name := range o.Operands {
		f, err := c.Stat(name)
		if err != nil {
			code = c.Fail("stat: cannot statx '%s': %s", name, Reason(err))
			continue
		}
		kind := "regular file"
		if f.Dir {
			kind = "directory"
		} else if f.Size == 0 {
			kind = "regular empty file"
		}
		text, own := mode(f), f.owner(c.Path(name))
		uid, gid := c.number(own.User), c.number(own.Group)
		octal := fmt.Sprintf("%o", f.Mode.Perm())
		at := f.ModTime.UTC().Format("2006-01-02 15:04:05.000000000 -0700")
		if format != "" {
			c.Printf("%s\n", strings.NewReplacer("%n", name, "%s", strconv.FormatInt(f.Size, 10), "%a", octal, "%A", text, "%U", own.User, "%G", own.Group, "%u", strconv.Itoa(uid), "%g", strconv.Itoa(gid), "%F", kind, "%y", at, "%Y", strconv.FormatInt(f.ModTime.Unix(), 10)).Replace(format))
			continue
		}
		c.Printf("  File: %s\n  Size: %-10d\tBlocks: %-10d IO Block: 4096   %s\nAccess: (%04o/%s)  Uid: (%5d/%8s)   Gid: (%5d/%8s)\nModify: %s\n",
			name, f.Size, (f.Size+511)/512, kind, f.Mode.Perm(), text, uid, own.User, gid, own.Group, at)
	}
	return code
}

func mkdir(_ context.Context, c *Call) int {
	code := 0
	names := c.Options("m=").Operands
	if len(names) == 0 {
		return c.Fail("mkdir: missing operand\nTry 'mkdir --help' for more information.")
	}
	for _, name := range names {
		full := c.Path(name)
		if f, err := c.Shell.Stat(full); err == nil {
			if !c.Has("p") || !f.Dir {
				code = c.Fail("mkdir: cannot create directory ‘%s’: File exists", name)
			}
			continue
		}
		if err := c.makeDir(full, c.Has("p")); err != nil {
			code = c.Fail("mkdir: cannot create directory ‘%s’: %s", name, Reason(err))
		}
	}
	return code
}

// makeDir makes a directory, and with parents those above it.
func (c *Call) makeDir(full string, parents bool) error {
	up := path.Dir(full)
	if _, err := c.Shell.Stat(up); err != nil && up != full {
		if !parents {
			return syscall.ENOENT
		}
		if err := c.makeDir(up, true); err != nil {
			return err
		}
	}
	return c.Shell.Mkdir(c.User, full)
}

func touch(_ context.Context, c *Call) int {
	code := 0
	for _, name := range c.Options("d,date= t= r=").Operands {
		full := c.Path(name)
		if f, err := c.Shell.Stat(full); err == nil && f.Dir {
			continue
		}
		if err := c.Shell.Write(c.User, full, nil, true); err != nil {
			code = c.Fail(c.say("touch: cannot touch '%s': %s", "touch: %s: %s"), name, Reason(err))
		}
	}
	return code
}
