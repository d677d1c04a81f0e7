package shell

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/sim/clock"
)

// count reads -n N, -c N and -N, and returns the other operands. Numbers may have a sign.
func (c *Call) count() (n int, plus, minus, inBytes bool, names []string, ok bool) {
	for i, a := range c.Args {
		if k, err := strconv.Atoi(strings.TrimPrefix(a, "-")); err == nil && strings.HasPrefix(a, "-") && k >= 0 && (i == 0 || c.Args[i-1] != "-n" && c.Args[i-1] != "-c") {
			c.Args = slices.Clone(c.Args)
			c.Args[i] = "-n" + a[1:]
		}
	}
	o := c.Options("n,lines= c,bytes= pid= sleep-interval=")
	value, unit := cmp.Or(o.Value("n"), "10"), "lines"
	if inBytes = o.Has("c"); inBytes {
		value, unit = o.Value("c"), "bytes"
	}
	plus, minus = strings.HasPrefix(value, "+"), strings.HasPrefix(value, "-")
	n, err := strconv.Atoi(strings.TrimLeft(value, "+-"))
	if err != nil {
		c.Fail("%s: invalid number of %s: ‘%s’", c.Name, unit, value)
	}
	return n, plus, minus, inBytes, o.Operands, err == nil
}

// head also stands for tail. With -f a container's tail waits for more; a node's shows what
// is there: a session is not held up.
func head(ctx context.Context, c *Call) int {
	n, plus, minus, inBytes, names, ok := c.count()
	if !ok {
		return 1
	}
	names = inputs(names)
	code := 0
	sizes := map[string]int{}
	for i, name := range names {
		b, err := c.Read(name)
		sizes[name] = len(b)
		if err != nil {
			code = c.Fail("%s: cannot open '%s' for reading: %s", c.Name, name, Reason(err))
			continue
		}
		if len(names) > 1 && !c.Has("q") {
			c.Printf("%s==> %s <==\n", map[bool]string{true: "\n", false: ""}[i > 0], name)
		}
		_, _ = c.Out.Write(Part(b, n, c.Name == "tail", plus, minus, inBytes)) // ends when the reader does
	}
	if c.Name == "tail" && (c.Has("F") || c.Has("f") && code == 0) && !c.Shell.GNU {
		return c.follow(ctx, sizes)
	}
	return code
}

// Between two looks of a tail that follows: one that sees nothing looks more and more seldom.
const (
	firstLook = time.Second
	lastLook  = 8 * time.Second
)

// follow prints what is added to files, by their sizes so far. One that became shorter is
// another.
func (c *Call) follow(ctx context.Context, sizes map[string]int) int {
	if c.onlyDevices(sizes) { // nothing more can come
		<-ctx.Done()
	}
	for pause := firstLook; clock.Sleep(ctx, pause); pause = min(2*pause, lastLook) {
		for name, seen := range sizes {
			f, err := c.Stat(name)
			if err != nil || int(f.Size) == seen {
				continue
			}
			b, err := c.Shell.Read(c.User, c.Path(name))
			if err != nil || c.Shell.process.Meter.SpendAll(ctx, float64(1+len(b)/readPrice)) != nil {
				continue
			}
			if len(b) < seen {
				seen = 0
			}
			if _, err := c.Out.Write(b[min(seen, len(b)):]); err != nil {
				return 1 // the reader has ended
			}
			sizes[name], pause = len(b), firstLook/2
		}
	}
	return c.Shell.Interrupted()
}

func (c *Call) onlyDevices(names map[string]int) bool {
	for name := range names {
		if name != "-" && !IsDevice(c.Path(name)) {
			return false
		}
	}
	return true
}

// Part is the beginning or the end of a text, in bytes or lines.
func Part(b []byte, n int, tail, plus, minus, inBytes bool) []byte {
	total := len(b)
	if !inBytes {
		total = bytes.Count(b, []byte("\n"))
		if len(b) > 0 && b[len(b)-1] != '\n' {
			total++
		}
	}
	k := min(n, total)
	at := k // where the part begins or ends
	switch {
	case tail && plus:
		at = max(0, k-1)
	case tail, minus:
		at = total - k
	}
	if !inBytes {
		at = lineStart(b, at)
	}
	if tail {
		return b[at:]
	}
	return b[:at]
}

// lineStart is where a line begins.
func lineStart(b []byte, line int) (at int) {
	for ; line > 0; line-- {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return len(b)
		}
		at += i + 1
	}
	return at
}

func wc(_ context.Context, c *Call) int {
	names := c.Operands()
	code, total := 0, map[string]int{}
	show := func(counts map[string]int, name string) {
		var shown []string
		for _, o := range []string{"l", "w", "c"} {
			if c.Has(o) || !c.Has("lwc") {
				shown = append(shown, strconv.Itoa(counts[o]))
			}
		}
		for i := range shown {
			if c.Shell.GNU && len(shown) > 1 {
				shown[i] = fmt.Sprintf("%7s", shown[i])
			}
		}
		if name != "-" {
			shown = append(shown, name)
		}
		c.Printf("%s\n", strings.Join(shown, " "))
	}
	for _, name := range inputs(names) {
		b, err := c.Read(name)
		if err != nil {
			code = c.Problem(name, err)
			continue
		}
		words := 0
		for range bytes.FieldsSeq(b) {
			words++
		}
		counts := map[string]int{"l": bytes.Count(b, []byte("\n")), "w": words, "c": len(b)}
		for o, n := range counts {
			total[o] += n
		}
		show(counts, name)
	}
	if len(names) > 1 {
		show(total, "total")
	}
	return code
}

// maxSeq bounds what a node's seq prints: each line is a change of its disk.
const maxSeq = 100_000

func seq(_ context.Context, c *Call) int {
	numbers := make([]int, len(c.Args))
	for i, a := range c.Args {
		n, err := strconv.Atoi(a)
		if err != nil {
			return c.Fail(c.say("seq: invalid floating point argument: ‘%s’\nTry 'seq --help' for more information.", "seq: invalid number '%s'"), a)
		}
		numbers[i] = n
	}
	first, step, last := 1, 1, 0
	switch len(numbers) {
	case 1:
		last = numbers[0]
	case 2:
		first, last = numbers[0], numbers[1]
	case 3:
		first, step, last = numbers[0], numbers[1], numbers[2]
	default:
		return c.Fail("%s", c.say("seq: missing operand\nTry 'seq --help' for more information.", "usage: seq [FIRST [INC]] LAST"))
	}
	if step == 0 {
		return c.Fail("%s", c.say("seq: invalid Zero increment value: ‘0’\nTry 'seq --help' for more information.", "seq: invalid increment '0'"))
	}
	for i, n := first, 0; (step > 0 && i <= last || step < 0 && i >= last) && !(c.Shell.GNU && n >= maxSeq); n++ {
		if _, err := fmt.Fprintln(c.Out, i); err != nil {
			return 1
		}
		next := i + step
		if (next > i) != (step > 0) {
			break // past the last number that there is
		}
		i = next
	}
	return 0
}

// yes stops when nobody reads, and long before it matters if somebody does.
func yes(_ context.Context, c *Call) int {
	text := "y"
	if len(c.Args) > 0 {
		text = strings.Join(c.Args, " ")
	}
	text = strings.Repeat(text+"\n", 1+4096/(len(text)+1))
	for range maxSeq / 100 {
		if _, err := io.WriteString(c.Out, text); err != nil {
			break
		}
	}
	return 0
}

func basename(_ context.Context, c *Call) int {
	if len(c.Args) == 0 {
		return c.Fail("%s: missing operand", c.Name)
	}
	if c.Name == "dirname" {
		for _, name := range c.Args {
			c.Printf("%s\n", path.Dir(name))
		}
		return 0
	}
	name := path.Base(c.Args[0])
	if len(c.Args) > 1 && name != c.Args[1] {
		name = strings.TrimSuffix(name, c.Args[1])
	}
	return c.Done("%s\n", name)
}

func base64Text(_ context.Context, c *Call) int {
	name := append(c.Operands(), "-")[0]
	b, err := c.Read(name)
	if err != nil {
		return c.Problem(name, err)
	}
	if c.Has("d") || c.Long("--decode") {
		out, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(b)), ""))
		_, _ = c.Out.Write(out) // ends when the reader does
		if err != nil {
			return c.Fail("base64: invalid input")
		}
		return 0
	}
	text := base64.StdEncoding.EncodeToString(b)
	for width := 76; !c.Has("w") && len(text) > width; text = text[width:] {
		c.Printf("%s\n", text[:width])
	}
	return c.Done("%s\n", text)
}

// echo knows -n and -e.
func echo(_ context.Context, c *Call) int {
	args, newline, escapes := c.Args, true, false
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && strings.Trim(args[0][1:], "neE") == "" {
		newline = newline && !strings.Contains(args[0], "n")
		escapes = strings.Contains(args[0], "e") || escapes && !strings.Contains(args[0], "E")
		args = args[1:]
	}
	text := strings.Join(args, " ")
	if escapes {
		text = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\t`, "\t", `\r`, "\r", `\e`, "\x1b", `\033`, "\x1b", `\a`, "\a", `\0`, "\x00").Replace(text)
	}
	if newline {
		text += "\n"
	}
	if _, err := io.WriteString(c.Out, text); err != nil {
		return 1
	}
	return 0
}

// xargs runs a command once, with -n for some words at a time, with -I for each line.
func xargs(ctx context.Context, c *Call) int {
	o := c.Options("+n,L= P= d= I= r,no-run-if-empty")
	args, replace := o.Operands, o.Value("I")
	each, _ := strconv.Atoi(o.Value("n")) // none is all
	if len(args) == 0 {
		args = []string{"echo"}
	}
	b, err := c.Read("-")
	if err == nil {
		err = c.memory.Hold(8 * len(b)) // its words
	}
	if err != nil {
		return c.Problem("standard input", err)
	}
	words := strings.FieldsFunc(string(b), func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' || r == 0 })
	if replace != "" {
		words, each = strings.Split(strings.TrimSuffix(string(b), "\n"), "\n"), 1
	}
	if len(words) == 0 && (o.Has("r") || replace != "") {
		return 0
	}
	c.In = strings.NewReader("")
	code := 0
	for first := true; first || len(words) > 0; first = false {
		n := len(words)
		if each > 0 {
			n = min(each, n)
		}
		argv := slices.Concat(args, words[:n])
		if replace != "" {
			argv = slices.Clone(args)
			for i := range argv {
				if len(argv[i])+strings.Count(argv[i], replace)*len(words[0]) > maxText {
					return c.Fail("xargs: argument line too long")
				}
				argv[i] = strings.ReplaceAll(argv[i], replace, words[0])
			}
		}
		words = words[n:]
		if c.Run(ctx, argv) != 0 {
			code = 123
		}
		if ctx.Err() != nil {
			return c.Shell.Interrupted()
		}
	}
	return code
}
