package shell

import (
	"io/fs"
	"testing"
)

func TestPermissions(t *testing.T) {
	for mode, want := range map[string]struct {
		now fs.FileMode
		ok  bool
	}{
		"600": {0o600, true}, "0755": {0o755, true}, "+x": {0o755, true}, "u+x,g-r": {0o704, true}, "a=r": {0o444, true},
		"go=": {0o600, true}, "u=rwx,go=rx": {0o755, true}, "999": {}, "x": {}, "z+r": {}, "u+q": {},
	} {
		if now, ok := permissions(mode, 0o644, false); ok != want.ok || ok && now != want.now {
			t.Errorf("%s of 0644: got %o, %t, want %o, %t", mode, now, ok, want.now, want.ok)
		}
	}
}
