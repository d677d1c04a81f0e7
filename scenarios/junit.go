package scenarios

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"demarc/sim/api"
)

// The elements of a JUnit report that its readers agree on.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Time     string      `xml:"time,attr"` // real seconds
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		File    string        `xml:"file,attr,omitempty"`
		Line    int           `xml:"line,attr,omitempty"`
		Failure *junitMessage `xml:"failure"`
		Error   *junitMessage `xml:"error"`
		Skipped *junitMessage `xml:"skipped"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes reports in JUnit's XML: a suite for each scenario, a case
// for each expectation. What was not reached is skipped.
func WriteJUnit(w io.Writer, reports []*api.Report) error {
	var all junitSuites
	for _, r := range reports {
		all.Suites = append(all.Suites, junitOf(r))
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// junitOf makes a suite of a report.
func junitOf(r *api.Report) junitSuite {
	s := junitSuite{Name: r.Scenario, Time: fmt.Sprintf("%.3f", r.RealSeconds)}
	for _, e := range r.Expectations {
		c := junitCase{Class: r.Scenario, Name: fmt.Sprintf("line %d: %s", e.Line, e.Text), File: r.File, Line: e.Line}
		switch {
		case e.Held:
		case e.Seen == "not reached":
			c.Skipped = &junitMessage{Message: e.Seen}
			s.Skipped++
		default:
			c.Failure = message(e.Seen)
			s.Failures++
		}
		s.Cases = append(s.Cases, c)
	}
	if r.Verdict == api.VerdictError {
		s.Cases = append(s.Cases, junitCase{Class: r.Scenario, Name: "the scenario can be run", File: r.File, Error: message(r.Error)})
		s.Errors++
	}
	s.Tests = len(s.Cases)
	return s
}

// message splits a text into its first line and the whole of it.
func message(text string) *junitMessage {
	first, _, _ := strings.Cut(text, "\n")
	return &junitMessage{Message: first, Text: text}
}
