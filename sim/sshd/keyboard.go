package sshd

import "unicode/utf8"

// Keys that the line editor hears of as characters from a private area of Unicode,
// which nobody can type: it would take some of them itself, in ways that fit a
// password prompt and not a shell.
const (
	runeAbandon = '\uf7f1' // Ctrl-C
	runeEnd     = '\uf7f2' // Ctrl-D
	runeResize  = '\uf7f3' // the window has another size
)

var (
	keyAbandon = []byte(string(runeAbandon))
	keyEnd     = []byte(string(runeEnd))
	keyResize  = []byte(string(runeResize))
	keyEnter   = []byte("\r")
)

// sequences are what keys send that the line editor knows, and what it knows them by.
// All others are dropped, among them those of pasting: pasted lines would escape its
// limits.
var sequences = map[string]string{
	"\x1b[A": "\x1b[A", "\x1b[B": "\x1b[B", "\x1b[C": "\x1b[C", "\x1b[D": "\x1b[D",
	"\x1bOA": "\x1b[A", "\x1bOB": "\x1b[B", "\x1bOC": "\x1b[C", "\x1bOD": "\x1b[D",
	"\x1b[H": "\x1b[H", "\x1bOH": "\x1b[H", "\x1b[1~": "\x1b[H", "\x1b[7~": "\x1b[H",
	"\x1b[F": "\x1b[F", "\x1bOF": "\x1b[F", "\x1b[4~": "\x1b[F", "\x1b[8~": "\x1b[F",
	"\x1b[3~": "\x1b[3~", "\x1b[1;3C": "\x1b[1;3C", "\x1b[1;3D": "\x1b[1;3D",
	"\x1b[1;5C": "\x1b[1;3C", "\x1b[1;5D": "\x1b[1;3D", "\x1bf": "\x1b[1;3C", "\x1bb": "\x1b[1;3D",
}

// maxSequence is longer than what any key sends.
const maxSequence = 16

// keyboard takes what a terminal sends apart into keys. The line editor gets one whole
// key at a time: it never holds back a part of one, and never more than it has room for.
type keyboard struct {
	in *input
	// interrupt ends the command that runs, and says whether there was one.
	interrupt func() bool
	part      []byte // of a key
	enter     bool   // the last byte was the Enter key
}

// press takes what was sent. Keys for which there is no room are lost, as on any
// terminal: whoever reads the input must never keep Ctrl-C from being seen.
func (k *keyboard) press(sent []byte) {
	for _, b := range sent {
		k.take(b)
	}
}

func (k *keyboard) take(b byte) {
	after := k.enter
	k.enter = b == '\r'
	switch {
	case b == 3:
		k.part = nil
		k.abandon()
	case len(k.part) > 0 && k.part[0] == 0x1b:
		k.takeSequence(b)
	case len(k.part) > 0 || b >= utf8.RuneSelf:
		k.takeRune(b)
	case b == 0x1b:
		k.part = []byte{b}
	case b == 4:
		k.in.offer(keyEnd)
	case b == '\n' && after, b == 0, b > 23 && b < ' ':
		// The second half of a line end, and keys that have no meaning here.
	default:
		k.in.offer([]byte{b})
	}
}

// abandon forgets what was typed. At the prompt the line editor must hear of it.
func (k *keyboard) abandon() {
	k.in.drop()
	if !k.interrupt() {
		k.in.insist(keyAbandon)
		k.in.insist(keyEnter)
	}
}

func (k *keyboard) takeSequence(b byte) {
	k.part = append(k.part, b)
	introduced := len(k.part) == 2 && (b == '[' || b == 'O')
	switch last := b >= '@' && b <= '~'; {
	case last && !introduced:
		if known, ok := sequences[string(k.part)]; ok {
			k.in.offer([]byte(known))
		}
		k.part = nil
	case b < ' ' || len(k.part) >= maxSequence:
		k.part = nil
	}
}

func (k *keyboard) takeRune(b byte) {
	k.part = append(k.part, b)
	if !utf8.FullRune(k.part) {
		return
	}
	r, n := utf8.DecodeRune(k.part)
	rest := k.part[n:]
	k.part = nil
	if r == utf8.RuneError || r >= runeAbandon && r <= runeResize {
		r = '?'
	}
	k.in.offer([]byte(string(r)))
	for _, b := range rest {
		k.take(b)
	}
}
