package scenarios_test

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestDataIsItsOwnersAlone looks at every file that an engine has made, when it
// runs and after it was killed. It has written enough for etcd to take a snapshot.
func TestDataIsItsOwnersAlone(t *testing.T) {
	m := newMortal(t)
	kube := m.kube()
	for i := range 250 {
		cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("written-", i)}}
		if _, err := kube.CoreV1().ConfigMaps("default").Create(t.Context(), cm, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, pattern := range []string{"etcd/0/member/snap/*.snap", "provider/replicas/*/snapshots"} {
		if found, err := filepath.Glob(filepath.Join(m.dir, pattern)); err != nil || len(found) == 0 {
			t.Errorf("%s: there is none (%v)", pattern, err)
		}
	}
	m.checkModes()
	m.p.Kill()
	m.checkModes()
}

// gone drops the error that a file was removed meanwhile.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (m *mortal) checkModes() {
	m.t.Helper()
	err := filepath.WalkDir(m.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return gone(err)
		}
		info, err := d.Info()
		if err != nil {
			return gone(err)
		}
		if open := info.Mode().Perm() & 0o077; open != 0 && info.Mode().Type()&fs.ModeSymlink == 0 {
			m.t.Errorf("%s has mode %v: others may use it", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		m.t.Error(err)
	}
}
