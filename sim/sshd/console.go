package sshd

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// maxHistory bounds how many lines a console remembers.
const maxHistory = 500

// console is a session at a terminal. The same line editor serves the prompt and the
// commands that read from the terminal, but never both at once.
type console struct {
	session *session
	term    *term.Terminal
	keys    *keyboard
	history []string // the oldest first

	prompting bool   // the line is one of the shell's, not of a command's
	abandoned bool   // the line was ended by Ctrl-C
	rest      []byte // of the line that a command reads
}

func newConsole(s *session) *console {
	c := &console{session: s, keys: &keyboard{in: s.in, interrupt: func() bool { return s.interrupt(2) }}}
	c.term = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{s.in, s.ch}, "")
	c.term.AutoCompleteCallback = c.key
	c.term.History = c
	c.fit()
	return c
}

// fit tells the line editor how large the window is.
func (c *console) fit() { _ = c.term.SetSize(c.session.size()) } // the client is gone if it fails

// run reads commands and runs them until the session ends.
func (c *console) run() {
	s := c.session
	c.write(s.shell.Banner())
	exit := 0
	for {
		text, err := c.readCommand(&exit)
		if err != nil {
			s.say("logout\n") // beside the prompt
			s.finish(exit)
			return
		}
		if strings.TrimSpace(text) == "" {
			continue
		}
		var ok bool
		if exit, ok = s.execute(text, c.term, c.term); !ok {
			return
		}
		if s.signal != 0 {
			c.afterInterrupt()
		}
		if s.shell.Exited() {
			s.finish(exit)
			return
		}
	}
}

func (c *console) write(text string) {
	_, _ = io.WriteString(c.term, text) // the client is gone if it fails
}

// afterInterrupt shows the Ctrl-C, and forgets the line that the command was reading.
func (c *console) afterInterrupt() {
	c.session.in.unread(keyEnter)
	c.session.in.unread(keyAbandon)
	_, _ = c.readLine("") // it cannot fail with a line there
}

// readCommand reads lines until they are a command. Its error says that there are no
// more.
func (c *console) readCommand(exit *int) (string, error) {
	text, prompt := "", c.session.shell.Prompt()
	for lines := 1; ; lines++ {
		c.prompting = true
		line, err := c.readLine(prompt)
		c.prompting = false
		switch {
		case c.abandoned:
			*exit = 128 + 2
			text, prompt, lines = "", c.session.shell.Prompt(), 0
			continue
		case err != nil && text != "":
			return text, nil // the shell says what is missing
		case err != nil:
			return "", err
		}
		text += line + "\n"
		if len(text) > maxCommand || lines > maxLines {
			c.write("demarc: " + tooLong().Error() + "\n")
			return "", nil
		}
		if !c.session.client.server.cfg.Incomplete(text) {
			return text, nil
		}
		prompt = "> "
	}
}

// readLine reads a line with the line editor.
func (c *console) readLine(prompt string) (string, error) {
	c.abandoned = false
	c.term.SetPrompt(prompt)
	c.fit()
	_, _ = c.term.Write(nil) // shows the prompt before what is on the line already
	return c.term.ReadLine()
}

// readStdin reads for a command, line by line.
func (c *console) readStdin(p []byte) (int, error) {
	if len(c.rest) == 0 {
		line, err := c.readLine("")
		if err != nil {
			return 0, err
		}
		c.rest = []byte(line + "\n")
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// key is what the line editor calls for keys that it does not know itself.
func (c *console) key(line string, pos int, key rune) (string, int, bool) {
	switch {
	case key == runeAbandon:
		c.abandoned = true
		line += "^C"
		return line, len(line), true
	case key == runeEnd && line == "":
		c.session.in.fail(io.EOF)
		return line, pos, true
	case key == runeEnd:
		return deleteAt(line, pos), pos, true
	case key == runeResize:
		c.fit()
		return line, pos, true
	case key == '\t' && c.prompting:
		return c.complete(line, pos)
	}
	return line, pos, false
}

// deleteAt deletes the character at a place, if there is one.
func deleteAt(line string, pos int) string {
	for i := range line[pos:] {
		if i > 0 {
			return line[:pos] + line[pos+i:]
		}
	}
	return line[:pos]
}

// complete completes the word before the cursor, or shows what it can be.
func (c *console) complete(line string, pos int) (string, int, bool) {
	head, tail := line[:pos], line[pos:]
	word := head[strings.LastIndexByte(head, ' ')+1:]
	var words []string
	for _, w := range c.session.shell.Complete(head) {
		if strings.HasPrefix(w, word) {
			words = append(words, w)
		}
	}
	slices.Sort(words)
	words = slices.Compact(words)
	if len(words) == 0 {
		return line, pos, true
	}
	full := commonPrefix(words[0], words[len(words)-1])
	if len(words) == 1 && !strings.HasSuffix(full, "/") {
		full += " "
	}
	if full == word {
		c.write(c.columns(words))
	}
	head = strings.TrimSuffix(head, word) + full
	return head + tail, len(head), true
}

// commonPrefix of the first and the last of sorted words is that of all.
func commonPrefix(a, b string) string {
	for !strings.HasPrefix(b, a) {
		_, n := utf8.DecodeLastRuneInString(a)
		a = a[:len(a)-n]
	}
	return a
}

// maxShown is how many completions are shown.
const maxShown = 100

// columns writes words side by side.
func (c *console) columns(words []string) string {
	width, _ := c.session.size()
	cell := 2
	for _, w := range words {
		cell = max(cell, len(w)+2)
	}
	var b strings.Builder
	for i, w := range words[:min(len(words), maxShown)] {
		if i > 0 && i%max(1, width/cell) == 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%-*s", cell, w)
	}
	if more := len(words) - maxShown; more > 0 {
		fmt.Fprintf(&b, "\n… and %d more", more)
	}
	return b.String() + "\n"
}

// Add implements [term.History].
func (c *console) Add(line string) {
	if !c.prompting || c.abandoned || strings.TrimSpace(line) == "" || len(c.history) > 0 && c.history[len(c.history)-1] == line {
		return
	}
	c.history = append(c.history[max(0, len(c.history)-maxHistory+1):], line)
}

// Len implements [term.History]. A command that reads sees none of the shell's lines.
func (c *console) Len() int {
	if !c.prompting {
		return 0
	}
	return len(c.history)
}

// At implements [term.History]: 0 is the newest.
func (c *console) At(i int) string { return c.history[len(c.history)-1-i] }
