package backup

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// guarded runs f, which calls etcd's own tools on a file, and returns an error
// where those would end the process: they panic on a database that they do not
// like, log at Fatal what fails in the background, and read files by memory,
// where a bad disk is a fault. f must log to the logger that it is given. If f
// fails that way, goroutines that it started may stay behind, waiting for each
// other; this costs memory, once for each such failure.
func guarded(log *zap.Logger, f func(*zap.Logger) error) error {
	result := make(chan error, 1)
	report := func(err error) {
		select {
		case result <- err:
		default: // only the first one counts
		}
	}
	if log == nil {
		log = zap.NewNop()
	}
	hook := giveUp(report)
	log = log.WithOptions(zap.WithFatalHook(hook), zap.WithPanicHook(hook))
	go func() {
		defer func() {
			if r := recover(); r != nil {
				report(fmt.Errorf("etcd cannot use the database: %v", r))
			}
		}()
		debug.SetPanicOnFault(true)
		report(f(log))
	}()
	return <-result
}

// giveUp reports what etcd logs as its last words and ends the goroutine.
type giveUp func(error)

func (report giveUp) OnWrite(entry *zapcore.CheckedEntry, fields []zapcore.Field) {
	err := errors.New(entry.Message)
	for _, f := range fields {
		if cause, ok := f.Interface.(error); ok && f.Type == zapcore.ErrorType {
			err = fmt.Errorf("%s: %w", entry.Message, cause)
		}
	}
	report(err)
	runtime.Goexit()
}
