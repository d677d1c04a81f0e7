package login

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"demarc/nodes/host"
	"demarc/nodes/shell"
)

func df(_ context.Context, c *call) int {
	var used, size int64
	c.do(func(_ time.Time, h *host.Host, _ Runtime) { used, size = h.Disk() })
	_, memory := c.Shell.Memory()
	type mount struct {
		from, on   string
		size, used int64
	}
	all := []mount{
		{"/dev/root", "/", size, used}, {"tmpfs", "/dev/shm", memory / 2, 0}, {"tmpfs", "/run", memory / 5, 2 << 20},
		{"tmpfs", "/run/lock", 5 << 20, 0}, {"/dev/sda15", "/boot/efi", 109422592, 6408192},
	}
	if names := c.Operands(); len(names) > 0 {
		if _, err := c.Stat(names[0]); err != nil {
			return c.Fail("df: %s: %s", names[0], shell.Reason(err))
		}
		all = all[:1]
	}
	switch {
	case c.Has("i"):
		c.Printf("Filesystem       Inodes  IUsed    IFree IUse%% Mounted on\n")
	case c.Has("h"):
		c.Printf("Filesystem      Size  Used Avail Use%% Mounted on\n")
	default:
		c.Printf("Filesystem     1K-blocks     Used Available Use%% Mounted on\n")
	}
	for _, m := range all {
		free := max(m.size-m.used, 0)
		share := 0
		if m.size > 0 {
			share = int((m.used*100 + m.size - 1) / m.size)
		}
		switch {
		case c.Has("i"):
			inodes := m.size / 8192
			c.Printf("%-14s %8d %6d %8d %4d%% %s\n", m.from, inodes, inodes/80, inodes-inodes/80, 2, m.on)
		case c.Has("h"):
			c.Printf("%-15s %4s  %4s  %4s %3d%% %s\n", m.from, shell.Human(m.size), shell.Human(m.used), shell.Human(free), share, m.on)
		default:
			c.Printf("%-14s %9d %8d %9d %3d%% %s\n", m.from, m.size/1024, m.used/1024, free/1024, share, m.on)
		}
	}
	return 0
}

// allocate is fallocate -l, truncate -s and mkswap's like: a file of a size.
func allocate(_ context.Context, c *call) int {
	o := c.Options("l,length,s,size= o=")
	text, names := o.Value("l"), o.Operands
	size, ok := shell.ParseSize(text)
	switch {
	case !ok && c.Name == "fallocate":
		return c.Fail("fallocate: invalid length value specified")
	case !ok:
		return c.Fail("truncate: Invalid number: ‘%s’", text)
	case len(names) == 0:
		return c.Fail("%s: no filename specified", c.Name)
	}
	for _, name := range names {
		if err := c.allocate(c.Path(name), size); err != nil {
			switch {
			case c.Name == "truncate":
				return c.Fail("truncate: cannot open '%s' for writing: %s", name, shell.Reason(err))
			case !owns(c.User, c.Path(name)):
				return c.Fail("fallocate: cannot open %s: %s", name, shell.Reason(err))
			}
			return c.Fail("fallocate: fallocate failed: %s", shell.Reason(err))
		}
	}
	return 0
}

// allocate makes a file of a size without its bytes being anywhere.
func (c *call) allocate(full string, size int64) error {
	if size == 0 {
		return c.Shell.Write(c.User, full, nil, false)
	}
	return c.Shell.Allocate(c.User, full, size)
}

// dd knows if=, of=, bs= and count=. What it writes takes the disk's space; only when it
// copies a file do the bytes matter.
func dd(_ context.Context, c *call) int {
	set := map[string]string{"bs": "512", "count": ""}
	for _, a := range c.Args {
		name, value, ok := strings.Cut(a, "=")
		if !ok {
			return c.Fail("dd: unrecognized operand ‘%s’\nTry 'dd --help' for more information.", a)
		}
		set[name] = value
	}
	block, ok := shell.ParseSize(set["bs"])
	if !ok || block == 0 {
		return c.Fail("dd: invalid number: ‘%s’", set["bs"])
	}
	count, counted := shell.ParseSize(set["count"])
	var data []byte
	size := int64(0)
	switch from := set["if"]; {
	case from == "/dev/zero" || from == "/dev/urandom" || from == "/dev/random":
		if size = 1 << 44; counted { // without a count it fills the disk
			size = min(block*min(count, (1<<44)/block), 1<<44)
		}
	default:
		b, err := c.Read(cmp.Or(from, "-"))
		if err != nil {
			return c.Fail("dd: failed to open '%s': %s", from, shell.Reason(err))
		}
		if counted {
			b = b[:min(int64(len(b)), block*min(count, shell.MaxRead))]
		}
		data, size = b, int64(len(b))
	}
	to := set["of"]
	var err error
	full := c.Path(to)
	isDevice := shell.IsDevice(full)
	switch {
	case to == "":
		_, _ = c.Out.Write(data) // ends when the reader does
	case isDevice:
	case strings.HasPrefix(full, "/dev/"):
		return c.Fail("dd: failed to open '%s': Permission denied", to)
	case data != nil || size == 0:
		err = c.Shell.Write(c.User, full, data, false)
	default:
		err = c.fill(full, size)
	}
	if err != nil && !owns(c.User, full) {
		return c.Fail("dd: failed to open '%s': %s", to, shell.Reason(err))
	}
	code := 0
	if err != nil {
		code = c.Fail("dd: error writing '%s': %s", to, shell.Reason(err))
		if f, err := c.Shell.Stat(full); err == nil {
			size = f.Size
		}
	}
	fmt.Fprintf(c.Err, "%d+0 records in\n%d+0 records out\n%d bytes (%s) copied, %.4g s, 412 MB/s\n", size/block, size/block, size, decimal(size), float64(size)/412e6)
	return code
}

// fill writes until the disk is full, as a program does that does not know the size.
func (c *call) fill(full string, size int64) error {
	err := c.allocate(full, size)
	if err == nil || !owns(c.User, full) {
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
	return text + " " + units[i] + ", " + shell.Human(n) + "iB"
}

// chown also stands for chgrp: they succeed for files that are there.
func chown(_ context.Context, c *call) int {
	var names []string
	for _, a := range c.Args {
		if !strings.HasPrefix(a, "-") {
			names = append(names, a)
		}
	}
	if len(names) < 2 {
		return c.Fail("%s: missing operand\nTry '%s --help' for more information.", c.Name, c.Name)
	}
	code := 0
	for _, name := range names[1:] {
		full := c.Path(name)
		if _, err := c.Shell.Stat(full); err != nil {
			code = c.Fail("%s: cannot access '%s': %s", c.Name, name, shell.Reason(err))
			continue
		}
		if !owns(c.User, full) || !c.Root() {
			what := map[string]string{"chown": "changing ownership of", "chgrp": "changing group of"}[c.Name]
			code = c.Fail("%s: %s '%s': Operation not permitted", c.Name, what, name)
		}
	}
	return code
}
