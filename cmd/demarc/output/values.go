package output

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"demarc/sim/fault"
)

// DateTime is a virtual time as people read it.
func DateTime(t time.Time) string { return t.UTC().Format(time.DateTime) }

// DateTimeOr is a virtual time, or a word if there is none.
func DateTimeOr(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return DateTime(t)
}

// sinceReady is the clock of a drill: T+00:10:00 is ten minutes after the
// cluster was ready.
func sinceReady(d time.Duration) string {
	d = d.Truncate(time.Second)
	return fmt.Sprintf("T+%02d:%02d:%02d", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
}

// Span is seconds as a duration that people read.
func Span(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if d >= time.Minute {
		return d.Round(time.Second).String()
	}
	return d.Round(time.Millisecond).String()
}

// Size is bytes as people read them.
func Size(bytes int64) string {
	const kib, mib = 1 << 10, 1 << 20
	switch {
	case bytes >= mib:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/mib)
	case bytes >= kib:
		return fmt.Sprintf("%.1f KiB", float64(bytes)/kib)
	}
	return Count(int(bytes), "byte")
}

// Count is a number of something.
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// YesNo is yes or no.
func YesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// OrNone lists words.
func OrNone(list []string) string { return cmp.Or(strings.Join(list, ", "), "none") }

// DidYouMean asks whether one of the candidates was meant by a word, if one is near.
func DidYouMean(word string, candidates []string) string {
	if s := fault.Suggest(word, candidates); s != "" {
		return fmt.Sprintf(" (did you mean %q?)", s)
	}
	return ""
}
