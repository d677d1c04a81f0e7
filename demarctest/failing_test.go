package demarctest

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// failing is a test that may fail: it keeps what is logged.
type failing struct {
	testing.TB
	log      strings.Builder
	failed   bool
	cleanups []func()
}

func (f *failing) Helper()                         {}
func (f *failing) Failed() bool                    { return f.failed }
func (f *failing) Cleanup(do func())               { f.cleanups = append(f.cleanups, do) }
func (f *failing) Logf(format string, args ...any) { fmt.Fprintf(&f.log, format+"\n", args...) }

func (f *failing) Errorf(format string, args ...any) {
	f.failed = true
	f.Logf(format, args...)
}

func (f *failing) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	runtime.Goexit()
}

func (f *failing) Fatal(args ...any) { f.Fatalf("%s", fmt.Sprint(args...)) }

// finish is the end of the test.
func (f *failing) finish() {
	for _, do := range f.cleanups {
		do()
	}
}
