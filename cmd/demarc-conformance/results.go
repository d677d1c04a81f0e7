package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/onsi/ginkgo/v2/types"
)

// reportFile is ginkgo's report.
const reportFile = "report.json"

// result is how one test ended.
type result struct {
	name   string // with the SIG and the tags
	passed bool
	why    string // the first line of the failure
}

// readResults reads the tests that ran from a report of ginkgo's.
func readResults(path string) ([]result, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var reports []types.Report
	if err := json.Unmarshal(b, &reports); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var results []result
	for _, r := range reports {
		for _, s := range r.SpecReports {
			if s.LeafNodeType != types.NodeTypeIt || s.State.Is(types.SpecStateSkipped|types.SpecStatePending) && s.RunTime == 0 {
				continue // not chosen
			}
			why, _, _ := strings.Cut(s.Failure.Message, "\n")
			results = append(results, result{s.FullText(), s.State.Is(types.SpecStatePassed), why})
		}
	}
	return results, nil
}

// row is what a SIG's tests came to.
type row struct {
	sig                   string
	passed, failed, known int
}

// table is all of them, and what nobody expected.
type table struct {
	rows []row
	// failures failed and are not known to. Mended are known to fail and passed.
	failures, mended []result
}

func (t table) holds() bool { return len(t.failures)+len(t.mended) == 0 }

// sigOf finds the SIG in a test's name.
var sigOf = regexp.MustCompile(`^\[sig-([a-z-]+)\]`)

// judge counts results by SIG and compares them with what is known.
func judge(results []result, known []knownFailure) table {
	bySIG := map[string]*row{}
	var t table
	for _, r := range results {
		sig := "?"
		if m := sigOf.FindStringSubmatch(r.name); m != nil {
			sig = m[1]
		}
		if bySIG[sig] == nil {
			bySIG[sig] = &row{sig: sig}
		}
		line := bySIG[sig]
		expected := slices.ContainsFunc(known, func(k knownFailure) bool { return k.Test == r.name })
		switch {
		case r.passed && expected:
			line.passed++
			t.mended = append(t.mended, r)
		case r.passed:
			line.passed++
		case expected:
			line.known++
		default:
			line.failed++
			t.failures = append(t.failures, r)
		}
	}
	for _, line := range bySIG {
		t.rows = append(t.rows, *line)
	}
	slices.SortFunc(t.rows, func(a, b row) int { return strings.Compare(a.sig, b.sig) })
	return t
}

// print writes the table and below it what nobody expected.
func (t table) print(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "SIG\tTESTS\tPASSED\tFAILED\tKNOWN TO FAIL\t")
	var sum row
	for _, r := range t.rows {
		fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t\n", r.sig, r.passed+r.failed+r.known, r.passed, r.failed, r.known)
		sum.passed, sum.failed, sum.known = sum.passed+r.passed, sum.failed+r.failed, sum.known+r.known
	}
	fmt.Fprintf(tw, "all\t%d\t%d\t%d\t%d\t\n", sum.passed+sum.failed+sum.known, sum.passed, sum.failed, sum.known)
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, r := range t.failures {
		fmt.Fprintf(w, "\nfailed: %s\n  %s\n", r.name, r.why)
	}
	for _, r := range t.mended {
		fmt.Fprintf(w, "\npasses, and known.yaml says that it fails: %s\n", r.name)
	}
	return nil
}
