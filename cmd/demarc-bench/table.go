package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
)

// row is a figure of the table.
type row struct {
	what, benchmark, unit string
	// scale turns the benchmark's unit into that of the table, which is of.
	scale float64
	of    string
	count bool // machines do not differ in it: the gate judges it
}

// seconds are of a benchmark that reports nanoseconds for each run.
const seconds = 1e-9

// rows are the table. Those of the tests come from .ci/timed.
var rows = []row{
	{"start of the process to a sample workload that serves", "Start", "ns/op", seconds, "s", false},
	{"idle virtual hour, 3 nodes", "Idle/3-nodes", "hour-s", 1, "s", false},
	{"  CPU", "Idle/3-nodes", "hour-cpu-s", 1, "s", false},
	{"  allocations in a virtual second", "Idle/3-nodes", "mallocs/hour", 1. / 3600, "", true},
	{"  allocated in a virtual second", "Idle/3-nodes", "MiB/hour", 1024. / 3600, "KiB", true},
	{"  requests to the API server", "Idle/3-nodes", "requests/hour", 1, "", true},
	{"  entries of etcd's log", "Idle/3-nodes", "etcd-writes/hour", 1, "", true},
	{"  goroutines", "Idle/3-nodes", "goroutines", 1, "", true},
	{"  memory at its peak", "Idle/3-nodes", "peak-MiB", 1, "MiB", false},
	{"idle virtual hour, 3 API servers, 3 members of etcd", "Idle/3-nodes-3-members", "hour-s", 1, "s", false},
	{"idle virtual hour, 100 nodes", "Idle/100-nodes", "hour-s", 1, "s", false},
	{"idle virtual hour, 1,000 nodes, 10,000 pods", "Nodes1000Pods10000", "hour-s", 1, "s", false},
	{"virtual day of 3 nodes with traffic", "Day", "ns/op", seconds, "s", false},
	{"live and idle at 1x", "Live/1x", "%core", 1, "% of a core", false},
	{"live and idle at 60x", "Live/60x", "%core", 1, "% of a core", false},
	{"live and paused", "Live/0x", "%core", 1, "% of a core", false},
	{"kubectl get pods at 60x, median", "Kubectl/60x", "median-ms", 1, "ms", false},
	{"curl through a load balancer at 60x, median", "Curl/60x", "median-ms", 1, "ms", false},
	{"100 nodes, 1,000 pods Running", "HundredNodes", "ns/op", seconds, "s", false},
	{"  memory at its peak", "HundredNodes", "peak-MiB", 1, "MiB", false},
	{"1,000 nodes, 2,000 pods Running", "Nodes1000Pods2000", "running-s", 1, "s", false},
	{"1,000 nodes, 10,000 pods Running", "Nodes1000Pods10000", "running-s", 1, "s", false},
	{"  memory at its peak", "Nodes1000Pods10000", "peak-MiB", 1, "MiB", false},
	{"1,000 claims bound, attached and mounted on 100 nodes", "Claims1000", "mounted-s", 1, "s", false},
	{"a Service of type LoadBalancer, until it has an address", "LoadBalancer", "ns/op", 1000 * seconds, "ms", false},
	{"80 of 200 nodes broken, until all are healed", "Storm200", "healed-s", 1, "s", false},
	{"backup of 100 MiB", "Backup100MiB", "ns/op", seconds, "s", false},
	{"restore of 100 MiB", "Restore100MiB", "ns/op", seconds, "s", false},
	{"1 GB of objects: resume after a kill", "Carry1GB", "resume-s", 1, "s", false},
	{"  memory at its peak", "Carry1GB", "resume-peak-MiB", 1, "MiB", false},
	{"tests: units", "Test/units", "ns/op", seconds, "s", false},
	{"tests: with Kubernetes", "Test/heavy", "ns/op", seconds, "s", false},
	{"tests: scenarios", "Test/scenarios", "ns/op", seconds, "s", false},
	{"tests: scenarios with -short", "Test/short", "ns/op", seconds, "s", false},
	{"tests: torture", "Test/torture", "ns/op", seconds, "s", false},
}

func (r row) value(of *figures) (float64, bool) {
	v, ok := of.value(r.benchmark, r.unit)
	return v * r.scale, ok
}

func (r row) text(v float64, ok bool) string {
	if !ok {
		return "-"
	}
	digits := 0
	switch {
	case v < 10:
		digits = 2
	case v < 100:
		digits = 1
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

// printTable prints what either has figures of.
func printTable(w io.Writer, release, now *figures) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "release\tnow\tchange\t\t  (release: %s)\n", release.date())
	for _, r := range rows {
		was, known := r.value(release)
		is, measured := r.value(now)
		if !known && !measured {
			continue
		}
		change := "-"
		if known && measured && was != 0 {
			change = fmt.Sprintf("%+.0f%%", 100*(is/was-1))
		}
		unit := ""
		if r.of != "" {
			unit = ", " + r.of
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t\t  %s%s\n", r.text(was, known), r.text(is, measured), change, r.what, unit)
	}
	return t.Flush()
}

// worse is how much more than the release's a count may be.
const worse = 1.10

// judge says which counts are too much worse than those of the release.
func judge(release, now *figures) error {
	var errs []error
	for _, r := range rows {
		if !r.count {
			continue
		}
		was, known := r.value(release)
		is, measured := r.value(now)
		switch {
		case !known:
			errs = append(errs, fmt.Errorf("%s: %s has no %s of %s", strings.TrimSpace(r.what), releaseFile, r.unit, r.benchmark))
		case !measured:
			errs = append(errs, fmt.Errorf("%s: %s of %s was not measured", strings.TrimSpace(r.what), r.unit, r.benchmark))
		case is > was*worse:
			errs = append(errs, fmt.Errorf("%s: %s, and the release has %s; if it must be, commit it with make bench-commit BENCH=%s",
				strings.TrimSpace(r.what), r.text(is, true), r.text(was, true), r.benchmark))
		}
	}
	return errors.Join(errs...)
}

// sayTests says how long the parts of make test took when that was committed.
func sayTests(w io.Writer) error {
	release, err := readFile(releaseFile)
	if err != nil {
		return err
	}
	total := 0.0
	for _, part := range []string{"units", "heavy", "scenarios", "torture"} {
		ns, ok := release.value("Test/"+part, "ns/op")
		if !ok {
			_, err := fmt.Fprintln(w, "How long all tests take has not been measured yet: make bench-commit BENCH=Test")
			return err
		}
		total += ns * seconds
	}
	scenarios, _ := release.value("Test/scenarios", "ns/op")
	_, err = fmt.Fprintf(w, "All tests took %.0f min (%s), %.0f s of it the scenarios.\n", total/60, release.date(), scenarios*seconds)
	return err
}
