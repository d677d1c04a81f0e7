package sshd

import (
	"bytes"
	"fmt"
	"strings"
)

// exitUsage is bash's exit status for what cannot be read as a command.
const exitUsage = 2

// maxLines bounds an unfinished command: whether it is one is asked for each line.
const maxLines = 1000

// script runs the lines that the client sends, as bash does with a script at its
// standard input: what a command reads of it is not run.
func (s *session) script() {
	exit := 0
	for {
		text, err := s.scriptCommand()
		if err != nil {
			s.say("demarc: " + err.Error() + "\n")
			s.finish(exitUsage)
			return
		}
		if text == "" {
			s.finish(exit)
			return
		}
		if strings.TrimSpace(text) == "" {
			continue
		}
		var ok bool
		if exit, ok = s.execute(text, s.ch, s.ch.Stderr()); !ok {
			return
		}
		if s.shell.Exited() {
			s.finish(exit)
			return
		}
	}
}

// scriptCommand reads lines until they are a command. At the end of the input it
// returns what there is.
func (s *session) scriptCommand() (string, error) {
	var text strings.Builder
	for lines := 0; ; lines++ {
		line, more := s.scriptLine(maxCommand - text.Len())
		text.Write(line)
		if text.Len() >= maxCommand || lines >= maxLines {
			return "", tooLong()
		}
		if !more || !s.client.server.cfg.Incomplete(text.String()) {
			return text.String(), nil
		}
	}
}

func tooLong() error {
	return fmt.Errorf("a command is too long: at most %d bytes in %d lines", maxCommand, maxLines)
}

// scriptLine reads up to the end of a line, of the input, or of the room that there
// is, and says whether more can follow.
func (s *session) scriptLine(room int) (line []byte, more bool) {
	buf := make([]byte, 4<<10)
	for len(line) < room {
		n, err := s.in.Read(buf[:min(len(buf), room-len(line))])
		if err != nil {
			return line, false
		}
		if i := bytes.IndexByte(buf[:n], '\n'); i >= 0 {
			if i+1 < n {
				s.in.unread(append([]byte(nil), buf[i+1:n]...))
			}
			return append(line, buf[:i+1]...), true
		}
		line = append(line, buf[:n]...)
	}
	return line, true
}
