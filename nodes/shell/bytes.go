package shell

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// checksum is md5sum and its like; -c checks.
func checksum(_ context.Context, c *Call) int {
	sum := func(b []byte) string {
		h := map[string]func() hash.Hash{"md5sum": md5.New, "sha1sum": sha1.New, "sha256sum": sha256.New, "sha512sum": sha512.New}[c.Name]()
		h.Write(b) // never fails
		return fmt.Sprintf("%x", h.Sum(nil))
	}
	o := c.Options("c,check")
	code := 0
	for _, name := range inputs(o.Operands) {
		b, err := c.Read(name)
		if err != nil {
			code = c.Fail(c.say("%s: %s: %s", "%s: can't open '%s': %s"), c.Name, name, Reason(err))
			continue
		}
		if !o.Has("c") {
			c.Printf("%s  %s\n", sum(b), name)
			continue
		}
		for line := range strings.Lines(string(b)) {
			want, of, _ := strings.Cut(strings.TrimSpace(line), " ")
			of = strings.TrimLeft(of, " *")
			text, err := c.Read(of)
			if err != nil || sum(text) != want {
				c.Printf("%s: FAILED\n", of)
				code = 1
				continue
			}
			c.Printf("%s: OK\n", of)
		}
	}
	return code
}

// dd copies blocks: if, of, bs, count and skip.
func dd(_ context.Context, c *Call) int {
	set := map[string]string{}
	for _, a := range c.Args {
		name, value, ok := strings.Cut(a, "=")
		if !ok {
			return c.Fail(c.say("dd: unrecognized operand ‘%s’", "dd: invalid argument '%s'"), a)
		}
		set[name] = value
	}
	size, ok := ParseSize(cmp.Or(set["bs"], "512"))
	count, err1 := strconv.Atoi(cmp.Or(set["count"], "-1"))
	skip, err2 := strconv.Atoi(cmp.Or(set["skip"], "0"))
	if !ok || size == 0 || err1 != nil || err2 != nil || skip < 0 {
		return c.Fail("dd: invalid number")
	}
	var b []byte
	from, _ := deviceOf(c.Path(cmp.Or(set["if"], "-")), nil, nil)
	if from != nil && from.zeros > 0 {
		if code, done := c.fill(set, size, int64(count)); done {
			return code
		}
		n := int64(MaxRead)
		if count >= 0 {
			n = min(n, size*int64(count))
		}
		if err := c.memory.Hold(int(n)); err != nil {
			return c.Problem(set["if"], err)
		}
		b = make([]byte, n)
	} else {
		var err error
		if b, err = c.Read(cmp.Or(set["if"], "-")); err != nil {
			return c.Fail(c.say("dd: failed to open '%s': %s", "dd: can't open '%s': %s"), set["if"], Reason(err))
		}
		b = b[min(int64(len(b)), size*int64(skip)):]
		if count >= 0 {
			b = b[:min(int64(len(b)), size*int64(count))]
		}
	}
	code := 0
	switch to := set["of"]; {
	case to == "":
		_, _ = c.Out.Write(b) // ends when the reader does
	case IsDevice(c.Path(to)):
	default:
		if err := c.Shell.Write(c.User, c.Path(to), b, set["oflag"] == "append"); err != nil {
			code = c.Fail(c.say("dd: failed to open '%s': %s", "dd: %s: %s"), to, Reason(err))
		}
	}
	whole, part := int64(len(b))/size, map[bool]int{true: 1}[int64(len(b))%size > 0]
	if set["status"] != "none" {
		c.Fail("%d+%d records in\n%d+%d records out\n%d bytes copied", whole, part, whole, part, len(b))
	}
	return code
}

// fill is dd from a device to a file that is larger than what is kept of one: it takes the
// disk's space. Where there are no such files it does nothing.
func (c *Call) fill(set map[string]string, size, count int64) (code int, done bool) {
	const most = 1 << 44
	n := int64(most) // without a count it fills the disk
	if count >= 0 {
		n = min(size*min(count, most/size), most)
	}
	to := set["of"]
	if n <= MaxRead || to == "" || IsDevice(c.Path(to)) || set["oflag"] == "append" {
		return 0, false
	}
	err := c.Shell.Allocate(c.User, c.Path(to), n)
	if err != nil {
		f, missing := c.Shell.Stat(c.Path(to))
		if !errors.Is(err, syscall.ENOSPC) || missing != nil {
			return 0, false
		}
		n = f.Size
		c.Fail("dd: error writing '%s': %s", to, Reason(err))
		code = 1
	}
	if set["status"] != "none" {
		whole, part := n/size, map[bool]int{true: 1}[n%size > 0]
		c.Fail("%d+%d records in\n%d+%d records out\n%d bytes copied", whole, part, whole, part, n)
	}
	return code, true
}

// od shows bytes: -c, -x, -A n and -t x1; hexdump -C as well.
func od(_ context.Context, c *Call) int {
	o := c.Options("t= A= N= n= s= v C c x")
	var b []byte
	for _, name := range inputs(o.Operands) {
		one, err := c.Read(name)
		if err != nil {
			return c.Problem(name, err)
		}
		b = append(b, one...)
	}
	if n, err := strconv.Atoi(cmp.Or(o.Value("N"), o.Value("n"))); err == nil && n >= 0 {
		b = b[:min(n, len(b))]
	}
	canonical := c.Name == "hexdump"
	show := func(at int) {
		if o.Value("A") != "n" {
			c.Printf(map[bool]string{true: "%08x", false: "%07o"}[canonical], at)
		}
	}
	for at := 0; at < len(b) && !c.Stopped(); at += 16 {
		show(at)
		row := b[at:min(at+16, len(b))]
		for _, x := range row {
			switch {
			case o.Has("c") && x >= ' ' && x < 0x7f:
				c.Printf("   %c", x)
			case o.Has("c"):
				c.Printf("%4s", cmp.Or(map[byte]string{'\n': `\n`, '\t': `\t`, 0: `\0`, '\r': `\r`}[x], fmt.Sprintf("%03o", x)))
			case canonical || strings.HasPrefix(o.Value("t"), "x"):
				c.Printf(" %02x", x)
			default:
				c.Printf(" %03o", x)
			}
		}
		c.Printf("\n")
	}
	if o.Value("A") != "n" {
		show(len(b))
		c.Printf("\n")
	}
	return 0
}

// cmpFiles is cmp.
func cmpFiles(_ context.Context, c *Call) int {
	names := c.Operands()
	if len(names) != 2 {
		return c.Quit(2, "cmp: missing operand")
	}
	var texts [2][]byte
	for i, name := range names {
		b, err := c.Read(name)
		if err != nil {
			return c.Quit(2, "cmp: %s: %s", name, Reason(err))
		}
		texts[i] = b
	}
	if bytes.Equal(texts[0], texts[1]) {
		return 0
	}
	n := 0
	for n < min(len(texts[0]), len(texts[1])) && texts[0][n] == texts[1][n] {
		n++
	}
	if !c.Has("s") {
		c.Printf("%s %s differ: byte %d, line %d\n", names[0], names[1], n+1, 1+bytes.Count(texts[0][:n], []byte("\n")))
	}
	return 1
}

// mktemp makes a file, or with -d a directory, that was not there.
func mktemp(_ context.Context, c *Call) int {
	o := c.Options("p,tmpdir= d u q t")
	pattern := "/tmp/tmp.XXXXXX"
	if len(o.Operands) > 0 {
		pattern = o.Operands[0]
		if dir := o.Value("p"); dir != "" || o.Has("t") {
			pattern = cmp.Or(dir, "/tmp") + "/" + pattern
		}
	}
	base := strings.TrimRight(pattern, "X")
	if len(pattern)-len(base) < 3 {
		return c.Fail("mktemp: too few X's in template ‘%s’", pattern)
	}
	for n := range maxWalk {
		name := fmt.Sprintf("%s%0*d", base, len(pattern)-len(base), n)
		full := c.Path(name)
		if _, err := c.Shell.Stat(full); err == nil {
			continue
		}
		var err error
		switch {
		case o.Has("u"):
		case o.Has("d"):
			err = c.makeDir(full, false)
		default:
			err = c.Shell.Write(c.User, full, nil, false)
		}
		if err != nil {
			return c.Fail("mktemp: %s: %s", name, Reason(err))
		}
		return c.Done("%s\n", name)
	}
	return c.Fail("mktemp: no name is free")
}

// rev turns lines around.
func rev(_ context.Context, c *Call) int {
	lines, code := c.Lines(c.Operands())
	for _, l := range lines {
		if c.Stopped() {
			break
		}
		r := []rune(l)
		slices.Reverse(r)
		_, _ = io.WriteString(c.Out, string(r)+"\n") // ends when the reader does
	}
	return code
}

func arch(_ context.Context, c *Call) int { return c.Done("x86_64\n") }
