package login

import (
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"demarc/nodes/host"
	"demarc/nodes/shell"
)

// Complete returns what the last word of a line can become: commands for the first word of
// a command, units for systemctl, else files. Directories end with "/".
func (s *Session) Complete(line string) []string {
	start := strings.LastIndexAny(line, " \t;|&><(") + 1
	word, before := line[start:], strings.TrimRight(line[:start], " \t")
	words := strings.Fields(before)
	var out []string
	switch {
	case !strings.Contains(word, "/") && first(before, words):
		for _, name := range slices.Concat(slices.Collect(maps.Keys(commands)), slices.Collect(maps.Keys(shell.Coreutils))) {
			if strings.HasPrefix(name, word) && !strings.HasPrefix(name, "_") && s.sh.Command(name) != nil {
				out = append(out, name)
			}
		}
	case slices.Contains(words, "systemctl") && len(words) > slices.Index(words, "systemctl")+1 && !strings.Contains(word, "/"):
		s.do(func(_ time.Time, h *host.Host, _ Runtime) {
			for _, u := range h.Units() {
				if strings.HasPrefix(u.Name, word) {
					out = append(out, u.Name)
				}
			}
		})
	default:
		out = s.completeFile(word)
	}
	slices.Sort(out)
	return out
}

// first says whether the next word is a command.
func first(before string, words []string) bool {
	if len(words) == 0 || strings.ContainsAny(before[len(before)-1:], ";|&(") {
		return true
	}
	return slices.Contains([]string{"sudo", "nohup", "watch", "xargs", "which", "time"}, words[len(words)-1])
}

func (s *Session) completeFile(word string) (out []string) {
	user, dir := s.where()
	parent, base := path.Split(word)
	full := shell.Absolute(dir, parent)
	if rest, ok := strings.CutPrefix(parent, "~/"); ok {
		full = path.Join(shell.Home(user), rest)
	}
	files, err := s.sh.List(user, full)
	if err != nil {
		return nil
	}
	for _, f := range files {
		name := path.Base(f.Path)
		if !strings.HasPrefix(name, base) || base == "" && strings.HasPrefix(name, ".") {
			continue
		}
		if f.Dir {
			name += "/"
		}
		out = append(out, parent+name)
	}
	return out
}
