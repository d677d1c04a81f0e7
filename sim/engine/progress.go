package engine

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// How build progress is shown, in real time: nothing of a build that is over
// within the patience; then at each interval, shorter on a terminal, where the
// line is written over.
const (
	buildPatience         = 1500 * time.Millisecond
	buildInterval         = 30 * time.Second
	buildTerminalInterval = time.Second
)

// buildProgress tells a person that a build is going on.
type buildProgress struct {
	w        io.Writer
	terminal bool

	mu       sync.Mutex
	what     string
	began    time.Time
	packages int
	shown    bool
	timer    *time.Timer // nil before the first phase
}

func newBuildProgress(w io.Writer) *buildProgress {
	if w == nil {
		w = io.Discard
	}
	f, ok := w.(*os.File)
	return &buildProgress{w: w, terminal: ok && term.IsTerminal(int(f.Fd()))}
}

func (b *buildProgress) waiting() { b.phase("waiting for another build of the engine") }

func (b *buildProgress) begin() {
	b.phase("building the engine (the first time this compiles Kubernetes and takes several minutes)")
}

// phase begins to report something.
func (b *buildProgress) phase(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.timer != nil {
		b.timer.Stop()
	}
	b.what, b.began, b.packages = what, time.Now(), 0
	b.timer = time.AfterFunc(buildPatience, b.show)
}

// compiled counts a package.
func (b *buildProgress) compiled() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.packages++
}

// show writes the state and comes back.
func (b *buildProgress) show() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.timer == nil {
		return
	}
	line := fmt.Sprintf("%s … %s", b.what, time.Since(b.began).Round(time.Second))
	if b.packages > 0 {
		line += fmt.Sprintf(", %d packages", b.packages)
	}
	b.write(line)
	interval := buildInterval
	if b.terminal {
		interval = buildTerminalInterval
	}
	b.timer = time.AfterFunc(interval, b.show)
}

// write writes a line, on a terminal over the one before. What cannot be shown
// is not missed.
func (b *buildProgress) write(line string) {
	b.shown = true
	if b.terminal {
		fmt.Fprintf(b.w, "\r\x1b[K%s", line)
		return
	}
	fmt.Fprintln(b.w, line)
}

// done says how long it took, if anything was said at all.
func (b *buildProgress) done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shown {
		b.write("built the engine in " + time.Since(b.began).Round(time.Second).String())
	}
}

// stop ends the reporting.
func (b *buildProgress) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.timer == nil {
		return
	}
	b.timer.Stop()
	b.timer = nil
	if b.shown && b.terminal {
		fmt.Fprintln(b.w)
	}
}
