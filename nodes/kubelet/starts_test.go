package kubelet

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
)

func openStarts(t *testing.T, dir string, crashed bool) *Starts {
	t.Helper()
	s, err := OpenStarts(dir, crashed)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What was beginning to run when the engine ended by a fault is not started again, also
// not after a good end; what was killed with the engine is.
func TestStartsRemembersWhatEndedTheEngine(t *testing.T) {
	dir := t.TempDir()
	s := openStarts(t, dir, false)
	if _, err := s.begin("bad"); err != nil {
		t.Fatal(err)
	}
	well, err := s.begin("good")
	if err != nil {
		t.Fatal(err)
	}
	well()
	if s = openStarts(t, dir, false); s.refuse("bad") != nil {
		t.Error("a program is refused although the engine was only killed")
	}
	if _, err := s.begin("bad"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s = openStarts(t, dir, true)
		if s.refuse("bad") == nil || s.refuse("good") != nil {
			t.Errorf("refused: bad %v, good %v", s.refuse("bad"), s.refuse("good"))
		}
	}
	if s = openStarts(t, dir, false); s.refuse("bad") == nil {
		t.Error("a good end makes a bad program good")
	}
	s.forget(&pod{uid: "b", containers: []*container{{p: &pod{uid: "b"}, name: "d"}}})
	s.blamed["b_d"] = true
	if err := os.WriteFile(filepath.Join(dir, "b_d"+refusedSuffix), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.forget(&pod{uid: "b", containers: []*container{{p: &pod{uid: "b"}, name: "d"}}})
	if openStarts(t, dir, false).refuse("b_d") != nil {
		t.Error("the program of a pod that is gone is still refused")
	}
}

// A fault of ours in a program is the end of its container, and of nothing else.
func TestAPanicEndsTheContainer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		ks := &Kubelets{Config: Config{Starts: openStarts(t, dir, false)}}
		c := &container{p: &pod{k: &Kubelet{ks: ks}, uid: "u"}, name: "c"}
		noted := 0
		code := c.guarded(func() int {
			entries, _ := os.ReadDir(dir)
			noted = len(entries)
			panic("odd")
		})
		if code != exitFault || noted != 1 {
			t.Errorf("got %d with %d programs noted, want %d and 1", code, noted, exitFault)
		}
	})
}
