package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// figures are the results of benchmarks, each of its own name; the last run counts.
type figures struct{ results []*benchfmt.Result }

// readFile reads a file in the form of go test -bench. What is no result is left out.
func readFile(name string) (*figures, error) {
	f, err := os.Open(name)
	if err != nil {
		return &figures{}, err
	}
	defer f.Close()
	x := &figures{}
	r := benchfmt.NewReader(f, name)
	for r.Scan() {
		if rec, ok := r.Result().(*benchfmt.Result); ok {
			x.put(rec.Clone())
		}
	}
	return x, r.Err()
}

// benchmark is a result's name without the number of cores behind it.
func benchmark(r *benchfmt.Result) string {
	base, parts := r.Name.Parts()
	name := string(base)
	for _, p := range parts {
		if p[0] == '/' {
			name += string(p)
		}
	}
	return name
}

func (x *figures) index(name string) int {
	return slices.IndexFunc(x.results, func(r *benchfmt.Result) bool { return benchmark(r) == name })
}

func (x *figures) put(r *benchfmt.Result) {
	if i := x.index(benchmark(r)); i >= 0 {
		x.results[i] = r
		return
	}
	x.results = append(x.results, r)
}

// replace puts newer results in the place of those of the same names, and says of them
// what about says.
func (x *figures) replace(newer *figures, about map[string]string) {
	for _, r := range newer.results {
		for _, key := range []string{"date", "go", "cores"} {
			r.SetConfig(key, about[key])
			i, _ := r.ConfigIndex(key)
			r.Config[i].File = true
		}
		x.put(r)
	}
	// Results with the same configuration are together, and say it once.
	slices.SortStableFunc(x.results, func(a, b *benchfmt.Result) int { return strings.Compare(a.GetConfig("pkg"), b.GetConfig("pkg")) })
}

func (x *figures) write(w io.Writer) error {
	to := benchfmt.NewWriter(w)
	for _, r := range x.results {
		if err := to.Write(r); err != nil {
			return err
		}
	}
	return nil
}

// value is a figure; unit is as the benchmark reports it.
func (x *figures) value(name, unit string) (float64, bool) {
	i := x.index(name)
	if i < 0 {
		return 0, false
	}
	for _, v := range x.results[i].Values {
		if v.OrigUnit == unit {
			return v.OrigValue, true
		}
	}
	return x.results[i].Value(unit)
}

// date is the date of the newest figure, and the machine of it.
func (x *figures) date() string {
	var dates []string
	for _, r := range x.results {
		dates = append(dates, fmt.Sprintf("%s, %s cores, %s", r.GetConfig("date"), r.GetConfig("cores"), strings.TrimSpace(r.GetConfig("cpu"))))
	}
	if len(dates) == 0 {
		return "none"
	}
	return slices.Max(dates)
}
