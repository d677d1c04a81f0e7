package script

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// MaxSpan bounds every duration, so that sums of them cannot overflow.
const MaxSpan = 366 * 24 * time.Hour

// ParseDuration reads Go's durations, and d for days of 24 hours: 1d12h.
func ParseDuration(s string) (time.Duration, error) {
	days, rest, ok := strings.Cut(s, "d")
	var sum time.Duration
	if ok {
		n, err := strconv.ParseFloat(days, 64)
		if err != nil || !(n >= 0 && n <= 100_000) {
			return 0, fmt.Errorf("%q is not a duration such as 1d12h", s)
		}
		sum, s = time.Duration(n*float64(24*time.Hour)), rest
		if rest == "" {
			return sum, nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || ok && d < 0 || sum+d < sum && d > 0 {
		return 0, fmt.Errorf("%q is not a duration with its unit, such as 500ms, 90s, 10m, 2h or 1d", s)
	}
	return sum + d, nil
}

// Short writes a duration without parts that are zero: 2h10m, not 2h10m0s.
func Short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Compact writes a value in one short line.
func Compact(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "something else"
	}
	if s := string(b); len(s) <= 120 {
		return s
	}
	return string(b[:117]) + "…"
}

// JoinPath is the path of a field in what stands at another path.
func JoinPath(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// Convert makes a list of another.
func Convert[A, B any](from []A, f func(A) B) []B {
	to := make([]B, 0, len(from))
	for _, a := range from {
		to = append(to, f(a))
	}
	return to
}

// NodeRef is how section texts and checks name a node: $(node/0).
var NodeRef = regexp.MustCompile(`\$\(node/([^)]*)\)`)

// ReplaceNodes puts full names in place of node references.
func ReplaceNodes(text string, nodeName func(string) (string, bool)) string {
	return NodeRef.ReplaceAllStringFunc(text, func(m string) string {
		ref := NodeRef.FindStringSubmatch(m)[1]
		if name, ok := nodeName(ref); ok {
			return name
		}
		return m
	})
}

// ReplaceNodesIn does the same in every string of a decoded document.
func ReplaceNodesIn(v any, nodeName func(string) (string, bool)) any {
	switch v := v.(type) {
	case string:
		return ReplaceNodes(v, nodeName)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = ReplaceNodesIn(v[i], nodeName)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[ReplaceNodes(k, nodeName)] = ReplaceNodesIn(v[k], nodeName)
		}
		return out
	}
	return v
}
