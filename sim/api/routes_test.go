package api

import "testing"

// TestPrompt checks which answers are there at once, by the names of the routes.
func TestPrompt(t *testing.T) {
	want := map[string]bool{"Clock": true, "SetClock": true, "Status": true, "Stream": false, "TakeBackup": false, "Update": false}
	for _, r := range Routes() {
		if prompt, ok := want[r.Name]; ok && r.Prompt() != prompt {
			t.Errorf("%s: prompt is %v, want %v", r.Name, r.Prompt(), prompt)
		}
		delete(want, r.Name)
	}
	for name := range want {
		t.Errorf("there is no route %s", name)
	}
}
