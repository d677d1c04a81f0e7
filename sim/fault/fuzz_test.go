package fault

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// FuzzParse reads the words of faults. What is right is right again in full form;
// what is wrong is said at the word that is.
func FuzzParse(f *testing.F) {
	for _, k := range kinds {
		words := strings.Fields(k.Example)
		f.Add(words[0], words[min(1, len(words)-1)], "by", "customer")
		for _, w := range words[min(2, len(words)):] {
			name, value, _ := strings.Cut(w, "=")
			f.Add(words[0], words[1], name, value)
		}
	}
	f.Add("partition", "etcd/0", "from", "etcd")
	f.Add(strings.Repeat("crash", 20000), "node/-1", "latency", "1000000h")
	f.Fuzz(func(t *testing.T, verb, target, name, value string) {
		began := time.Now()
		s, err := Parse(verb, target, map[string]string{name: value})
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %s", took)
		}
		if err != nil {
			if wrong := (*Error)(nil); !errors.As(err, &wrong) || wrong.Message == "" {
				t.Errorf("got %v, want an *Error", err)
			}
			return
		}
		args := map[string]string{"by": string(s.By)}
		for k, v := range s.Args {
			args[k] = v
		}
		again, err := Parse(s.Verb, s.Target, args)
		if err != nil || again.Target != s.Target || again.By != s.By || len(again.Args) != len(s.Args) {
			t.Errorf("%+v again: %+v, %v", s, again, err)
		}
	})
}

// TestSuggestLongWords checks that a word as long as a file is not compared letter by
// letter: each letter is an allocation.
func TestSuggestLongWords(t *testing.T) {
	word, candidates := strings.Repeat("crash", 200_000), []string{strings.Repeat("crash", 4), "crash", "start", "stop", "kube-apiserver"}
	allocs := testing.AllocsPerRun(1, func() {
		if got := Suggest(word, candidates); got != "" {
			t.Errorf("got %q", got)
		}
	})
	if allocs > 100 {
		t.Errorf("%v allocations", allocs)
	}
}
