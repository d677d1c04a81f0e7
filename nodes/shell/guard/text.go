package guard

import (
	"context"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
)

const (
	maxPattern      = 4 << 10  // bytes of a regular expression
	maxInstructions = 50 << 10 // that it becomes
)

// Compile compiles a customer's regular expression, whose repetitions are copies.
func Compile(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("regular expression too big")
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, err
	}
	if instructions(tree) > maxInstructions {
		return nil, fmt.Errorf("regular expression too big")
	}
	return regexp.Compile(pattern)
}

const (
	// worked is how many small steps of a command of ours cost one.
	worked = 1_000
	// matched is how many steps of an expression over characters of a text do.
	matched = 100_000
)

// Match pays for looking for an expression in a text of so many bytes: the engine takes
// each byte through all of the expression. What would take too long is refused.
func (m *Meter) Match(ctx context.Context, re *regexp.Regexp, size int) error {
	tree, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil {
		return err
	}
	return m.Work(ctx, instructions(tree)*size/(matched/worked))
}

// Work pays for so many small steps. What would take too long is refused.
func (m *Meter) Work(ctx context.Context, steps int) error {
	price := float64(steps) / worked
	if price > maxBurst {
		return ErrMemory
	}
	return m.SpendAll(ctx, price)
}

func instructions(re *syntax.Regexp) int {
	n := 1 + len(re.Rune)
	for _, sub := range re.Sub {
		n = min(maxInstructions+1, n+instructions(sub))
	}
	if re.Op == syntax.OpRepeat {
		n = min(maxInstructions+1, n*max(re.Min, re.Max, 1))
	}
	return n
}

// verb is one of printf's, with its width.
var verb = regexp.MustCompile(`%[-+ #0]*([0-9]*)(?:\.([0-9]*))?[a-zA-Z%]?`)

// printed is how many bytes printf makes of its arguments, at the most.
func printed(argv []string) int64 {
	if len(argv) == 0 {
		return 0
	}
	size, verbs := int64(len(argv[0])), int64(0)
	for _, m := range verb.FindAllStringSubmatch(argv[0], -1) {
		if strings.HasSuffix(m[0], "%") && len(m[0]) > 1 {
			continue
		}
		verbs++
		for _, width := range m[1:] {
			if width == "" {
				continue
			}
			n, err := strconv.ParseInt(width, 10, 64)
			if err != nil {
				return huge
			}
			size = min(huge, size+n)
		}
	}
	turns := int64(1)
	if verbs > 0 {
		turns = max(1, (int64(len(argv)-1)+verbs-1)/verbs)
	}
	return min(huge, product(size, turns)+4*listSize(argv))
}
