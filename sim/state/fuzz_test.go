package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/traffic"
)

// remembered is a state with something in each field.
var remembered = State{
	Cluster: spec, KubernetesVersion: "v1.37.2", Now: began.Add(time.Hour), LastEvent: 42, Port: 6443, SSHPort: 2222, Fleet: json.RawMessage(`{"version":3}`),
	Traffic:   []traffic.Spec{{Name: "buyers", From: "outside", To: "service/shop", Rate: 2}},
	Balancers: []api.LoadBalancer{{}},
}

// FuzzDecode reads records: what is read names a cluster, and is the same after it was
// written.
func FuzzDecode(f *testing.F) {
	whole, err := encode(remembered)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte(`{"cluster":{"name":"demarc","nodes":4,"edition":"2019-04","start":"2026-01-05T08:00:00Z"},"now":"2026-01-05T09:00:00Z","port":6443}`))
	f.Add([]byte(`{"sha256":"","state":null}`))
	f.Add([]byte(" \n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := decode(text)
		if err != nil {
			return
		}
		if s.Now.IsZero() || s.Cluster.Name == "" {
			t.Errorf("%q is of no cluster", text)
		}
		written, err := encode(*s)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := decode(written)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if rewritten, err := encode(*again); err != nil || !bytes.Equal(rewritten, written) {
			t.Errorf("written:\n%s\nand again:\n%s", written, rewritten)
		}
	})
}

// FuzzDamage changes some bytes of a record, cuts it and adds to it: nothing of that is
// taken for whole.
func FuzzDamage(f *testing.F) {
	whole, err := encode(remembered)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint(2), []byte{1}, uint(0), []byte{})
	f.Add(uint(bytes.Index(whole, []byte("2026"))), []byte{10}, uint(0), []byte{})
	f.Add(uint(0), []byte{}, uint(len(whole)/2), []byte("}"))
	f.Add(uint(0), []byte{}, uint(0), []byte("{}"))
	f.Fuzz(func(t *testing.T, at uint, change []byte, cut uint, more []byte) {
		text := bytes.Clone(whole)
		for i, x := range change[:min(len(change), 8)] {
			text[(int(at%uint(len(text)))+i)%len(text)] ^= x
		}
		text = append(text[:len(text)-int(cut%uint(len(text)))], more...)
		s, err := decode(text)
		if bytes.Equal(text, whole) {
			if err != nil || !reflect.DeepEqual(*s, remembered) {
				t.Errorf("got %+v, %v, want %+v", s, err, remembered)
			}
		} else if err == nil {
			t.Errorf("it was believed:\n%s", text)
		}
	})
}

// FuzzLoad loads whatever the records of a cluster are: it is known, what was damaged is
// set aside and said, and the second time nothing is damaged.
func FuzzLoad(f *testing.F) {
	whole, err := encode(remembered)
	if err != nil {
		f.Fatal(err)
	}
	plan := []byte(`{"token": "x", "formed": [true, true, true]}`)
	f.Add(whole, whole, whole, plan)
	f.Add(whole[:len(whole)/2], whole, whole, plan)
	f.Add([]byte("{}"), []byte("\xa5\xa5"), whole, plan)
	f.Add([]byte("null"), []byte(nil), []byte("[]"), plan[:len(plan)/2])
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, now, before, made, plan []byte) {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		must(t, os.MkdirAll(filepath.Join(dir, "etcd", "0", "member"), 0o700))
		for name, text := range map[string][]byte{file: now, previous: before, origin: made, "etcd.json": plan} {
			must(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
		}
		if !Exists(dir) {
			t.Fatal("the cluster is taken for a new one")
		}
		l, err := Load(dir, asked)
		must(t, err)
		if l.State == nil || l.Cluster.Name == "" {
			t.Fatalf("got %+v", l.State)
		}
		for _, m := range l.Mended {
			if m.Subject == "" || m.Found == "" || m.Remedy == "" || len(m.Found) > 1000 {
				t.Errorf("said: %+v", m)
			}
		}
		_, damaged := decode(now)
		if _, err := os.Stat(filepath.Join(dir, file)); (damaged != nil) != errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is damaged (%v), and it is there: %v", file, damaged, err)
		}
		must(t, l.Save(dir, false))
		if again, err := Load(dir, asked); err != nil || len(again.Mended) > 0 {
			t.Errorf("again: %v, %v", again.Mended, err)
		}
	})
}
