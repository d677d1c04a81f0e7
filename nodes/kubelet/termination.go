package kubelet

import (
	"io/fs"
	"strings"
	"sync"
	"syscall"
	"time"

	"demarc/nodes/program"
	"demarc/nodes/shell"

	corev1 "k8s.io/api/core/v1"
)

// How much of a container's last words a kubelet keeps (kubernetes 1.37,
// pkg/kubelet/container/runtime.go: MaxContainerTerminationMessageLength and what follows).
const (
	maxMessage    = 4096
	maxMessageLog = 2048
	messageLines  = 80
)

// smallFile is a small file of a container alone: that in which a program leaves why it ends,
// and /etc/hosts.
type smallFile struct {
	mu   sync.Mutex
	text []byte
	at   time.Time
}

// mount is the file where the container finds it.
func (w *smallFile) mount(c *corev1.Container) program.Mount {
	path := c.TerminationMessagePath
	if path == "" {
		path = corev1.TerminationMessagePathDefault
	}
	return program.Mount{Path: path, Volume: w, File: true}
}

// Stat implements [program.Volume].
func (w *smallFile) Stat(string) (shell.File, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return shell.File{Size: int64(len(w.text)), Mode: 0o666, ModTime: w.at}, nil
}

// List implements [program.Volume]: it is a file.
func (w *smallFile) List(string) ([]shell.File, error) { return nil, syscall.ENOTDIR }

// Read implements [program.Volume].
func (w *smallFile) Read(string) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text, nil
}

// Write implements [program.Volume]. What no kubelet reads is not kept.
func (w *smallFile) Write(_ string, b []byte, add bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var kept []byte
	if add {
		kept = w.text
	}
	w.text, w.at = append(kept[:len(kept):len(kept)], b[:min(len(b), maxMessage-min(len(kept), maxMessage))]...), time.Now()
	return nil
}

// Allocate implements [program.Volume].
func (w *smallFile) Allocate(string, int64) error { return syscall.ENOSPC }

// Mkdir implements [program.Volume]: it is a file.
func (w *smallFile) Mkdir(string) error { return syscall.EEXIST }

// Chmod implements [program.Volume]: anybody may write to it.
func (w *smallFile) Chmod(string, fs.FileMode) error { return nil }
func (w *smallFile) Chown(string, shell.Owner) error { return nil }

// Remove implements [program.Volume]: it is mounted.
func (w *smallFile) Remove(string, bool) error { return syscall.EBUSY }

// farewell is what the kubelet reports of why an instance has ended: what the runtime says,
// and what the program has left or, if the container wants that of a failure, logged last.
func (c *container) farewell() string {
	spec := c.spec()
	if spec == nil || c.words == nil {
		return c.behaviour.ExitMessage
	}
	text, _ := c.words.Read("") // never fails
	left := strings.ToValidUTF8(string(text), "")
	if left == "" && spec.TerminationMessagePolicy == corev1.TerminationMessageFallbackToLogsOnError && c.exitCode != 0 {
		left = c.logged()
	}
	if said := c.behaviour.ExitMessage; said != "" && c.reason == c.behaviour.ExitReason {
		if left == "" {
			return said
		}
		return said + ": " + left
	}
	return left
}

// logged is the end of the log, as far as a kubelet reports it.
func (c *container) logged() string {
	if c.log == nil {
		return ""
	}
	lines, _, _ := c.log.read(0)
	lines = lines[max(len(lines)-messageLines, 0):]
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.String())
	}
	text := b.String()
	return strings.ToValidUTF8(text[max(len(text)-maxMessageLog, 0):], "")
}
