package torture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/disk/disktest"
)

// sound is a data directory of a cluster that was stopped in good order.
type sound struct {
	*cluster
	origin string // a copy of the directory, which is never started
	files  []string
	events int64 // of the timeline
}

// damageAll damages every file of a data directory in every way, one at a time.
func damageAll(l *lane) {
	var s *sound
	var err error
	l.turn(func() { s, err = l.makeSound() })
	if err != nil {
		l.tally.find("make a directory to damage: %s", oneLine(err))
		return
	}
	kinds := len(disktest.All(l.rng, 1))
	order := l.rng.Perm(len(s.files) * kinds)
	for _, i := range order {
		if l.over(func() bool { return false }) {
			return
		}
		l.turn(func() { s.damage(s.files[i/kinds], disktest.All(l.rng, 1)[i%kinds]) })
	}
}

// makeSound makes a cluster with backups, some writes before each and some after
// the last, and stops it.
func (l *lane) makeSound() (*sound, error) {
	s := &sound{cluster: l.newCluster("damaged", 1), origin: filepath.Join(l.dir, "origin")}
	ctx, cancel := context.WithTimeout(l.t.Context(), readyTimeout)
	defer cancel()
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	defer func() { s.p.Kill() }()
	for i := range 4 {
		writing, stop := context.WithTimeout(ctx, 500*time.Millisecond)
		s.written.write(writing, s.kubeconfig())
		stop()
		if i < 3 {
			if err := takeBackup(ctx, s.cluster); err != nil {
				return nil, err
			}
		}
	}
	if _, err := s.restores(ctx); err != nil { // keeps the backups' revisions
		return nil, err
	}
	if err := s.p.Stop(ctx); err != nil {
		return nil, err
	}
	if err := copyDir(s.dir, s.origin); err != nil {
		return nil, err
	}
	events, err := os.ReadFile(filepath.Join(s.origin, "timeline.jsonl"))
	s.events = int64(bytes.Count(events, []byte("\n")))
	return s, errors.Join(err, s.list())
}

// list lists the files. Logs are left out: nothing reads them.
func (s *sound) list() error {
	return filepath.WalkDir(s.origin, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(s.origin, path)
		if err == nil && d.IsDir() && rel == "logs" {
			return fs.SkipDir
		}
		if info, ierr := d.Info(); err == nil && ierr == nil && info.Mode().IsRegular() && info.Size() > 0 {
			s.files = append(s.files, rel)
		}
		return err
	})
}

// copyDir replaces a directory by a copy of another one, with modes and holes.
func copyDir(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copy %s: %w: %s", from, err, out)
	}
	return nil
}

// damage damages one file of a fresh copy, and sees what demarc up makes of it.
func (s *sound) damage(file string, d disktest.Damage) {
	began := time.Now()
	count := func(how func(*damaged)) { s.tally.damage(d.Name, how) }
	defer func() { count(func(d *damaged) { d.directories++; d.took += time.Since(began) }) }()
	bad := func(what func(*damaged), format string, args ...any) {
		count(what)
		s.tally.find("%s %s: %s", file, d.Name, fmt.Sprintf(format, args...))
	}
	content, err := os.ReadFile(filepath.Join(s.origin, file))
	err = errors.Join(err, copyDir(s.origin, s.dir))
	if err == nil {
		err = d.Do(filepath.Join(s.dir, file))
	}
	u, uerr := s.startUp(s.dir)
	if err := errors.Join(err, uerr); err != nil {
		s.tally.find("%s %s: %s", file, d.Name, oneLine(err))
		return
	}
	client, err := u.ready(s.t.Context())
	if err == nil {
		s.judge(client, u, file, bad, count)
		u.kill()
	} else {
		u.kill()
		s.putBack(file, content, u, err, bad, count)
	}
	if u.traces() {
		bad(func(d *damaged) { d.traces++ }, "a user sees stacks")
	}
}

type badly func(what func(*damaged), format string, args ...any)

// judge looks at a cluster that came up with a damaged file.
func (s *sound) judge(client *api.Client, u *up, file string, bad badly, count func(func(*damaged))) {
	ctx, cancel := context.WithTimeout(s.t.Context(), settleTimeout)
	defer cancel()
	lost, windowed, err := s.lost(ctx)
	switch {
	case err != nil:
		bad(func(d *damaged) { d.lost++ }, "up, and what was written cannot be read: %s", oneLine(err))
	case lost > 0:
		bad(func(d *damaged) { d.lost++ }, "up, without %d acknowledged writes that no restore has reported", lost)
	case windowed > 0 && !strings.Contains(u.out.String(), "restor"):
		bad(func(d *damaged) { d.lost++ }, "restored, without %d acknowledged writes, and demarc up does not say so", windowed)
	case windowed > 0:
		count(func(d *damaged) { d.restored++ })
	default:
		count(func(d *damaged) { d.resumed++ })
	}
	events, err := client.Timeline(ctx, 0)
	if err != nil {
		bad(func(d *damaged) { d.lost++ }, "the timeline cannot be read: %s", oneLine(err))
	} else if int64(len(events)) < s.events && !strings.Contains(u.out.String(), "timeline") {
		bad(func(d *damaged) { d.lost++ }, "the timeline had %d events and has %d, and demarc up does not say so", s.events, len(events))
	}
}

// lost counts what was acknowledged and is gone, and of what a restore has
// reported.
func (s *sound) lost(ctx context.Context) (lost, windowed int, err error) {
	restores, err := s.restores(ctx)
	if err != nil {
		return 0, 0, err
	}
	client, err := kube(s.kubeconfig())
	if err != nil {
		return 0, 0, err
	}
	have, err := stored(ctx, client)
	if err != nil {
		return 0, 0, err
	}
	for _, a := range s.written.copy().missing(have) {
		if s.covered(a, restores) {
			windowed++
		} else {
			lost++
		}
	}
	return lost, windowed, nil
}

// putBack looks at what was refused: nothing good is gone, and with the file put
// back it works.
func (s *sound) putBack(file string, content []byte, u *up, why error, bad badly, count func(func(*damaged))) {
	if errors.Is(why, errHangs) {
		bad(func(d *damaged) { d.deadEnds++ }, "%s", oneLine(why))
		return
	}
	if gone := s.erased(file); gone != "" {
		bad(func(d *damaged) { d.erased++ }, "refused (%s), and %s is gone", u.lastLine(), gone)
		return
	}
	path := filepath.Join(s.dir, file)
	err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, content, 0o600))
	again, uerr := s.startUp(s.dir)
	if err := errors.Join(err, uerr); err != nil {
		bad(func(d *damaged) { d.deadEnds++ }, "put back: %s", oneLine(err))
		return
	}
	defer again.kill()
	if _, err := again.ready(s.t.Context()); err != nil {
		bad(func(d *damaged) { d.deadEnds++ }, "refused (%s), and with the file put back: %s: %s", u.lastLine(), oneLine(err), again.lastLine())
		return
	}
	if lost, windowed, err := s.lost(s.t.Context()); err != nil || lost+windowed > 0 {
		bad(func(d *damaged) { d.deadEnds++ }, "with the file put back %d acknowledged writes are gone (%v)", lost+windowed, err)
		return
	}
	count(func(d *damaged) { d.refused++ })
}

// erased is a file, other than the damaged one, that a refusal has not left there.
func (s *sound) erased(damagedFile string) string {
	for _, file := range s.files {
		switch {
		case file == damagedFile, filepath.Base(file) == "engine.json":
			continue
		case filepath.Base(file) == "sums.json": // it goes before etcd starts
			continue
		}
		if _, err := os.Stat(filepath.Join(s.dir, file)); err != nil {
			return file
		}
	}
	return ""
}

// copy is a ledger with the same acknowledged writes.
func (l *ledger) copy() *ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := newLedger()
	for key, a := range l.acked {
		c.acked[key] = a
	}
	return c
}
