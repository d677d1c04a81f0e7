package fault

import (
	"strings"
	"unicode/utf8"
)

// Suggest returns the candidate that was probably meant by a misspelt word, or
// an empty string if none is near. Letters left out, added, exchanged or
// swapped with their neighbour each count one; a third of the word may be
// wrong. Of equally near candidates the first is taken.
func Suggest(word string, candidates []string) string {
	best, limit := "", max(1, len(word)/3)
	for _, c := range candidates {
		if utf8.RuneCountInString(word)-utf8.RuneCountInString(c) > limit {
			continue // so many letters would have to be left out
		}
		if d := distance(strings.ToLower(word), strings.ToLower(c)); d <= limit {
			best, limit = c, d-1
		}
	}
	if best == "" && len(word) >= 3 {
		return onlyOneWith(word, candidates)
	}
	return best
}

// onlyOneWith returns the one candidate that begins or ends with the word, so
// that "apiserver" finds kube-apiserver.
func onlyOneWith(word string, candidates []string) string {
	found := ""
	for _, c := range candidates {
		if strings.HasPrefix(c, word) || strings.HasSuffix(c, word) {
			if found != "" {
				return ""
			}
			found = c
		}
	}
	return found
}

// distance is the optimal string alignment distance of two words.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last := make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row := make([]int, len(y)+1)
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(y)]
}
