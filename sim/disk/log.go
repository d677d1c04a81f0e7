package disk

import (
	"fmt"
	"os"
	"sync"
)

// LogLimit is how large a log may become, in bytes, before it is set aside. The one
// before it goes then.
const LogLimit = 4 << 20

// Log is a log file that is bounded: at [LogLimit] it becomes FILE.old, and a new one
// begins. What cannot be written is lost, and the next may be written again. Several
// goroutines may write at once, each a record.
type Log struct {
	path string

	mu   sync.Mutex
	f    *os.File // nil when it could not be opened anew
	size int64
}

// OpenLog opens the log at path to go on with it, or a new one.
func OpenLog(path string) (*Log, error) {
	l := &Log{path: path}
	return l, l.open()
}

func (l *Log) open() error {
	if err := ask(Create, l.path); err != nil {
		return err
	}
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	l.f, l.size = f, info.Size()
	return nil
}

// Write implements [io.Writer].
func (l *Log) Write(record []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.makeRoom(len(record)); err != nil {
		return 0, fmt.Errorf("write the log %s: %w", l.path, err)
	}
	n, err := file{l.f}.Write(record)
	l.size += int64(n)
	return n, err
}

// makeRoom sets the log aside if a record would make it too long.
func (l *Log) makeRoom(n int) error {
	if l.f != nil && l.size > 0 && l.size+int64(n) > LogLimit {
		if err := Retire(l.path); err != nil {
			return err
		}
		l.f.Close()
		l.f = nil
	}
	if l.f != nil {
		return nil
	}
	return l.open()
}

// Retire makes a log the previous one.
func Retire(path string) error {
	if err := ask(Rename, path); err != nil {
		return err
	}
	return os.Rename(path, path+Previous)
}

// Close closes the file.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return nil
	}
	return l.f.Close()
}
