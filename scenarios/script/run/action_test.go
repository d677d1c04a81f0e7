package run

import (
	"testing"

	"demarc/scenarios/script"
)

// Every verb of the language can be done, and nothing else.
func TestEveryVerbHasAHandler(t *testing.T) {
	known := map[string]bool{}
	for _, v := range script.Verbs() {
		known[v.Name] = true
		if handlerOf(&v).do == nil {
			t.Errorf("nothing does the verb %s", v.Name)
		}
	}
	for name := range handlers {
		if !known[name] {
			t.Errorf("there is a handler of %s, which is no verb", name)
		}
	}
}
