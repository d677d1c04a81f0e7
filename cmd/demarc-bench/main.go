// Demarc-bench prints the figures of a run of benchmarks in one table, beside those of
// the last release, which are in release.txt in the form of go test -bench.
//
// Usage:
//
//	demarc-bench FILE           the table
//	demarc-bench -gate FILE     the same, and fails if a count is a tenth worse
//	demarc-bench -commit FILE   the figures in FILE become those of the release
//	demarc-bench -tests         how long the parts of make test took
//
// Times depend on the machine and on who else computes; of those only a table is made.
// Counts of what an engine does in an hour of virtual time do not.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"
)

// releaseFile is where the figures of the last release are, from the module's root.
const releaseFile = "cmd/demarc-bench/release.txt"

func main() {
	gate := flag.Bool("gate", false, "fail if a count is a tenth worse than the release's")
	commit := flag.Bool("commit", false, "write what was measured to "+releaseFile)
	tests := flag.Bool("tests", false, "say how long make test took")
	flag.Parse()
	var err error
	switch {
	case *tests && flag.NArg() == 0:
		err = sayTests(os.Stdout)
	case !*tests && flag.NArg() == 1 && *commit:
		err = commitFile(flag.Arg(0))
	case !*tests && flag.NArg() == 1:
		err = compareFile(os.Stdout, flag.Arg(0), *gate)
	default:
		flag.Usage()
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demarc-bench:", err)
		os.Exit(1)
	}
}

// compareFile prints the table of a file, and with gate judges its counts.
func compareFile(w io.Writer, name string, gate bool) error {
	now, err := readFile(name)
	if err != nil {
		return err
	}
	release, err := readFile(releaseFile)
	if err != nil {
		return err
	}
	if err := printTable(w, release, now); err != nil || !gate {
		return err
	}
	return judge(release, now)
}

// commitFile puts the figures of a file in the place of those of the same names in the
// release, with their date and machine.
func commitFile(name string) error {
	now, err := readFile(name)
	if err != nil {
		return err
	}
	if len(now.results) == 0 {
		return errors.New(name + " has no figures")
	}
	release, err := readFile(releaseFile)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	release.replace(now, map[string]string{
		"date": time.Now().UTC().Format(time.DateOnly), "go": runtime.Version(), "cores": fmt.Sprint(runtime.NumCPU()),
	})
	f, err := os.Create(releaseFile)
	if err != nil {
		return err
	}
	return errors.Join(release.write(f), f.Close())
}
