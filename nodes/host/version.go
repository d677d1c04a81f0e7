package host

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// compareVersions compares two versions of a package as dpkg does (Debian Policy
// Manual, section 5.6.12).
func compareVersions(a, b string) int {
	epochA, restA := epoch(a)
	epochB, restB := epoch(b)
	upstreamA, revisionA := revision(restA)
	upstreamB, revisionB := revision(restB)
	return cmp.Or(cmp.Compare(epochA, epochB), compareParts(upstreamA, upstreamB), compareParts(revisionA, revisionB))
}

func epoch(v string) (int, string) {
	e, rest, ok := strings.Cut(v, ":")
	if !ok {
		return 0, v
	}
	n, err := strconv.Atoi(e)
	if err != nil {
		return 0, v
	}
	return n, rest
}

func revision(v string) (upstream, revision string) {
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		return v[:i], v[i+1:]
	}
	return v, ""
}

// compareParts compares stretches of other characters and of digits in turn.
func compareParts(a, b string) int {
	for a != "" || b != "" {
		var x, y string
		x, a = stretch(a, false)
		y, b = stretch(b, false)
		for i := range max(len(x), len(y)) {
			if c := cmp.Compare(order(x, i), order(y, i)); c != 0 {
				return c
			}
		}
		x, a = stretch(a, true)
		y, b = stretch(b, true)
		x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
		if c := cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y)); c != 0 {
			return c
		}
	}
	return 0
}

// stretch cuts off the beginning that has only digits, or none.
func stretch(s string, digits bool) (head, rest string) {
	i := strings.IndexFunc(s, func(r rune) bool { return (r >= '0' && r <= '9') != digits })
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i:]
}

// order is where a character comes: ~ before the end, then letters, then others.
func order(s string, i int) int {
	if i >= len(s) {
		return 0
	}
	switch c := s[i]; {
	case c == '~':
		return -1
	case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		return int(c)
	default:
		return int(c) + 256
	}
}

// lastNumber is the number at the end of a version, or before what follows a ~.
var lastNumber = regexp.MustCompile(`^(.*?)(\d+)([^\d]*)$`)

// successor is a version that comes after: the number at its end is one more, of
// a kernel's package also the kernel's own.
func successor(version string, meta bool) string {
	if m := metaVersion.FindStringSubmatch(version); meta && m != nil {
		return fmt.Sprintf("%s.%d.%d", m[1], number(m[2])+1, number(m[3])+1)
	}
	m := lastNumber.FindStringSubmatch(version)
	if m == nil {
		return version + ".1"
	}
	return m[1] + strconv.Itoa(number(m[2])+1) + m[3]
}

func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}
