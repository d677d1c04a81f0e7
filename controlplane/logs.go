package controlplane

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"demarc/sim/disk"

	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"
)

// logs are the components' log files. klog's global logger is the API
// server's; the others get one of their own by their context.
type logs struct {
	dir   string
	mu    sync.Mutex
	files map[string]*disk.Log
	log   map[string]klog.Logger
}

func openLogs(dir string) (*logs, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	l := &logs{dir: dir, files: map[string]*disk.Log{}, log: map[string]klog.Logger{}}
	for _, name := range []string{APIServer, ControllerManager, Scheduler} {
		f, err := disk.OpenLog(filepath.Join(dir, name+".log"))
		if err != nil {
			l.close()
			return nil, fmt.Errorf("open log: %w", err)
		}
		l.files[name] = f
		l.log[name] = textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(f)))
	}
	klog.SetLogger(l.log[APIServer])
	return l, nil
}

func (l *logs) logger(name string) klog.Logger { return l.log[name] }

func (l *logs) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	klog.ClearLogger()
	for _, f := range l.files {
		f.Close()
	}
}
