package provider

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"demarc/sim/disk"
)

// salvage goes on when more than one replica has lost its memory, so that nobody
// knows any more what was committed. The one that knows most is believed, and the
// others get copies of its files; if none knows anything, all are set up anew. What
// is damaged is set aside. Backups, etcd's data and the nodes are elsewhere, and
// none of them is worth less for it.
func (r *Replicas) salvage(opened *[Count]*files, lost [Count]string) error {
	best := knowsMost(*opened, lost)
	closeAll(*opened)
	*opened = [Count]*files{}
	for i, p := range r.replicas {
		if i == best {
			continue
		}
		if _, err := disk.SetAside(p.dir); err != nil {
			return fmt.Errorf("replica %s: %w", p.name, err)
		}
		if best >= 0 {
			if err := copyDir(p.dir, r.replicas[best].dir); err != nil {
				return fmt.Errorf("replica %s: %w", p.name, err)
			}
		}
	}
	for i, p := range r.replicas {
		if err := os.Remove(p.learningPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("replica %s: %w", p.name, err)
		}
		var err error
		if opened[i], err = openFiles(p.dir, r.cfg.Sync, r.log); err != nil {
			return fmt.Errorf("replica %s: %w", p.name, err)
		}
	}
	r.noteSalvaged(best, lost)
	if best >= 0 {
		return nil
	}
	return r.form(opened, [Count]error{})
}

// copyDir copies a directory to one that is not there. [os.CopyFS] would let others
// read it.
func copyDir(to, from string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		if e.IsDir() {
			return os.Mkdir(target, 0o700)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, b, 0o600)
	})
}

// knowsMost is the replica with the newest entry, before all one that has not lost
// its memory; -1 if none knows anything.
func knowsMost(opened [Count]*files, lost [Count]string) int {
	best := -1
	for i, f := range opened {
		if f == nil || f.empty {
			continue
		}
		if best < 0 || lost[i] == "" || lost[best] != "" && newer(f, opened[best]) {
			best = i
		}
	}
	return best
}

// newer says whether a has newer entries than b.
func newer(a, b *files) bool {
	return a.lastTerm > b.lastTerm || a.lastTerm == b.lastTerm && a.lastIndex > b.lastIndex
}

func (r *Replicas) noteSalvaged(best int, lost [Count]string) {
	for i, p := range r.replicas {
		switch {
		case i == best:
		case best >= 0:
			r.note(p, Copied, fmt.Sprintf("%s, and so it is with another replica: it is a copy of replica %d now", lost[i], best))
		default:
			r.note(p, Forgotten, lost[i]+", and so it is with all of them: it starts empty")
		}
	}
}
