package timeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"time"

	"demarc/sim/disk"
)

// File is the name of a cluster's timeline in its data directory.
const File = "timeline.jsonl"

// Damage is what a timeline's file has lost. The zero value is none.
type Damage struct {
	// Lines were damaged. They are in the file Aside.
	Lines int
	Aside string
	// Missing events at the end are known from elsewhere.
	Missing int64
}

// String says it; empty if nothing was lost.
func (d Damage) String() string {
	switch {
	case d.Lines > 0 && d.Missing > 0:
		return fmt.Sprintf("%d damaged lines were set aside in %s, and the last %d events are gone", d.Lines, d.Aside, d.Missing)
	case d.Lines > 0:
		return fmt.Sprintf("%d damaged lines were set aside in %s", d.Lines, d.Aside)
	case d.Missing > 0:
		return fmt.Sprintf("its last %d events are gone", d.Missing)
	}
	return ""
}

// Open reads the log at path, if there is one, and appends to it from then on.
// What a crash cut short at its end is dropped; lines that are damaged are set
// aside. Known is the number of the newest event that is known from elsewhere:
// no number up to it is given out again.
func Open(path string, known int64) (*Log, Damage, error) {
	events, damaged, size, err := read(path)
	if err != nil {
		return nil, Damage{}, fmt.Errorf("read timeline %s: %w", path, err)
	}
	l := New()
	l.events, l.written = events, len(events)
	var d Damage
	last := l.Last().Seq
	if len(damaged) > 0 {
		d.Lines, d.Aside = len(damaged), path+disk.Damaged
		if size, err = setAside(path, events, damaged); err != nil {
			return nil, d, fmt.Errorf("mend timeline %s: %w", path, err)
		}
		last += lost(damaged) // they may have been the newest
	}
	if known > last {
		d.Missing = known - last
	}
	l.next = max(known, last) + 1
	if l.file, err = disk.OpenAppender(path, size); err != nil {
		return nil, d, fmt.Errorf("open timeline: %w", err)
	}
	return l, d, nil
}

// Read reads the events of a log that nobody has open, without those that are
// damaged.
func Read(path string) ([]Event, error) {
	events, _, _, err := read(path)
	return events, err
}

// read reads whole lines, and returns the size of the file up to the end of the
// last of them.
func read(path string) (events []Event, damaged [][]byte, size int64, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, 0, nil
	}
	if err != nil {
		return nil, nil, 0, err
	}
	var last Event
	for {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		if !whole {
			return events, damaged, size, nil
		}
		e, err := decode(line)
		if err != nil || e.Seq <= last.Seq {
			damaged = append(damaged, line)
		} else {
			events, last = append(events, e), e
		}
		text, size = rest, size+int64(len(line))+1
	}
}

// lost is how many events damaged lines have been: several, if what ended them is
// damaged too.
func lost(damaged [][]byte) (n int64) {
	for _, line := range damaged {
		n += max(1, int64(bytes.Count(line, []byte(`{"seq":`))))
	}
	return n
}

// setAside moves damaged lines into a file of their own, and returns the size of
// what is left.
func setAside(path string, events []Event, damaged [][]byte) (size int64, err error) {
	aside, err := os.OpenFile(path+disk.Damaged, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return 0, err
	}
	defer aside.Close()
	if _, err := aside.Write(append(bytes.Join(damaged, []byte("\n")), '\n')); err != nil {
		return 0, err
	}
	if err := aside.Sync(); err != nil {
		return 0, err
	}
	err = disk.ReplaceBy(path, true, func(w io.Writer) error {
		for _, e := range events {
			line, err := encode(e)
			if err != nil {
				return err
			}
			n, err := w.Write(line)
			size += int64(n)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return size, err
}

// tail is how much of a log's end [LastTime] reads, in bytes.
const tail = 256 << 10

// LastTime is the latest time of the newest events in a log that nobody has open;
// zero if there is none.
func LastTime(path string) (last time.Time) {
	f, err := os.Open(path)
	if err != nil {
		return last // whoever opens the log says why
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > tail {
		_, _ = f.Seek(-tail, io.SeekEnd) // else it reads all
	}
	text, _ := io.ReadAll(f) // what can be read of it is enough
	for line := range bytes.Lines(text) {
		if e, err := decode(bytes.TrimSuffix(line, []byte("\n"))); err == nil && e.Time.After(last) {
			last = e.Time
		}
	}
	return last
}

// A line is an event in JSON, whose last field is the checksum of all before it.
// Lines of earlier versions have none.
const (
	sumField = `,"crc32":"`
	sumTail  = len(sumField) + 8 + len(`"}`)
)

// seal adds its checksum to an event in JSON, and the line's end.
func seal(text []byte) []byte {
	body := text[:len(text)-1] // without the bracket
	return fmt.Appendf(bytes.Clone(body), "%s%08x\"}\n", sumField, crc32.ChecksumIEEE(body))
}

// maxSeq is the greatest number of an event that is believed: the greatest that
// JSON's readers keep exact.
const maxSeq = 1<<53 - 1

var errDamaged = errors.New("the line does not match its checksum")

// decode reads a line without its end.
func decode(line []byte) (e Event, err error) {
	if cut := len(line) - sumTail; cut > 0 && bytes.HasPrefix(line[cut:], []byte(sumField)) {
		if sum := seal(append(bytes.Clone(line[:cut]), '}')); !bytes.Equal(sum[:len(sum)-1], line) {
			return e, errDamaged
		}
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return e, err
	}
	if e.Seq < 1 || e.Seq > maxSeq || e.Time.IsZero() || e.Verb == "" {
		return e, errDamaged
	}
	return e, nil
}
