package disk

import (
	"os"
	"sync/atomic"
)

// Operation is what is done with a file.
type Operation string

// What a file system may fail at.
const (
	Create Operation = "create"
	Write  Operation = "write"
	Sync   Operation = "sync"
	Rename Operation = "rename"
)

// Fault decides what happens to an operation on a path. An error fails it; of a
// write of n bytes, keep are written before it fails.
type Fault func(op Operation, path string, n int) (keep int, err error)

var interposed atomic.Pointer[Fault]

// Interpose makes all operations of this package subject to a fault, and returns
// what ends that. It is for tests.
func Interpose(f Fault) (end func()) {
	interposed.Store(&f)
	return func() { interposed.Store(nil) }
}

// ask returns the error of the fault that is interposed, if there is one.
func ask(op Operation, path string) error {
	_, err := askWrite(op, path, 0)
	return err
}

func askWrite(op Operation, path string, n int) (keep int, err error) {
	f := interposed.Load()
	if f == nil {
		return n, nil
	}
	keep, err = (*f)(op, path, n)
	return min(max(keep, 0), n), err
}

// file is a file whose writes are subject to faults.
type file struct{ *os.File }

func (f file) Write(b []byte) (int, error) {
	keep, fault := askWrite(Write, f.Name(), len(b))
	if fault == nil {
		return f.File.Write(b)
	}
	n, err := f.File.Write(b[:keep])
	if err == nil {
		err = fault
	}
	return n, err
}
