package controlplane

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"demarc/sim/disk"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// etcdLogger is a member's log file. What etcd would end its process or panic
// for ends the goroutine that says so, and is sent to fatal: the other
// components live in the same process.
func etcdLogger(dir, name string) (log *zap.Logger, fatal <-chan error, closeFile func(), err error) {
	f, err := disk.OpenLog(filepath.Join(dir, strings.ReplaceAll(name, "/", "-")+".log"))
	if err != nil {
		return nil, nil, nil, err
	}
	hook := exitHook{make(chan error, 1)}
	enc := zap.NewProductionEncoderConfig()
	enc.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	core := zapcore.NewCore(zapcore.NewJSONEncoder(enc), zapcore.AddSync(f), zapcore.WarnLevel)
	return zap.New(core, zap.WithFatalHook(hook), zap.WithPanicHook(hook)), hook.fatal, func() { f.Close() }, nil
}

// exitHook ends the goroutine in place of the process.
type exitHook struct{ fatal chan error }

// OnWrite implements [zapcore.CheckWriteHook].
func (h exitHook) OnWrite(e *zapcore.CheckedEntry, fields []zapcore.Field) {
	said := errors.New(e.Message)
	for _, f := range fields {
		if err, ok := f.Interface.(error); ok && f.Key == "error" {
			said = fmt.Errorf("%s: %w", e.Message, err)
		}
	}
	select {
	case h.fatal <- said:
	default: // somebody has said why already
	}
	runtime.Goexit()
}
