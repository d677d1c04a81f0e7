package disk

import (
	"fmt"
	"io"
	"os"
)

// Appender adds records to the end of a file. A record is in the file whole, or
// not at all: what a failed write has left is cut off before the next. Its
// methods are for one goroutine at a time.
type Appender struct {
	f    *os.File
	good int64 // where the last whole record ends
	torn bool  // there may be something behind that
}

// OpenAppender opens the file at path, which it makes if there is none, to go on
// behind the first good bytes. What is behind them is cut off.
func OpenAppender(path string, good int64) (*Appender, error) {
	if err := ask(Create, path); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	a := &Appender{f: f, good: good, torn: true}
	if err := a.mend(); err != nil {
		f.Close()
		return nil, err
	}
	return a, nil
}

// mend cuts off what a failed write has left.
func (a *Appender) mend() error {
	if !a.torn {
		return nil
	}
	if err := a.f.Truncate(a.good); err != nil {
		return fmt.Errorf("cut off what was not written whole: %w", err)
	}
	if _, err := a.f.Seek(a.good, io.SeekStart); err != nil {
		return err
	}
	a.torn = false
	return nil
}

// Append adds a record. If it fails, the file is as it was, and the record may be
// added again.
func (a *Appender) Append(record []byte) error {
	if err := a.mend(); err != nil {
		return err
	}
	a.torn = true
	if _, err := (file{a.f}).Write(record); err != nil {
		return err
	}
	a.good, a.torn = a.good+int64(len(record)), false
	return nil
}

// Sync makes what was added survive a crash of the machine.
func (a *Appender) Sync() error { return syncFile(a.f) }

// Close closes the file, without what a failed write has left.
func (a *Appender) Close() error {
	err := a.mend()
	if e := a.f.Close(); err == nil {
		err = e
	}
	return err
}
