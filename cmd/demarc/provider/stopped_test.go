package provider

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"demarc/backup"
	"demarc/cmd/demarc/command/commandtest"
	"demarc/sim/api"

	bolt "go.etcd.io/bbolt"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/protobuf/proto"
)

// snapshotOf is a source of the snapshot of a small database of etcd.
type snapshotOf struct{ stream []byte }

func (snapshotOf) Member() string { return "etcd" }

func (s snapshotOf) Snapshot(context.Context) (io.ReadCloser, string, error) {
	return io.NopCloser(bytes.NewReader(s.stream)), "3.7.3", nil
}

func smallSnapshot(t *testing.T) snapshotOf {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucket([]byte("meta"))
		if err != nil {
			return err
		}
		keys, err := tx.CreateBucket([]byte("key"))
		if err != nil {
			return err
		}
		value, err := proto.Marshal(&mvccpb.KeyValue{Key: []byte("/registry/a"), CreateRevision: 2, ModRevision: 2, Version: 1, Value: []byte("x")})
		if err != nil {
			return err
		}
		rev := make([]byte, 17)
		binary.BigEndian.PutUint64(rev, 2)
		rev[8] = '_'
		return keys.Put(rev, value)
	})
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	return snapshotOf{append(b, sum[:]...)}
}

// stoppedCluster is the directory of clusters with one that is stopped and has two
// backups, of which the newer is damaged.
func stoppedCluster(t *testing.T) (home string) {
	t.Helper()
	home = t.TempDir()
	dir := filepath.Join(home, "demarc")
	if err := os.MkdirAll(filepath.Join(dir, "provider"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"version.json": `{"format": 2}`, "cluster.id": "demarc-0a1b2c3d\n", "state.json": "{}"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	key, err := backup.LoadKey(backup.KeyFile(dir), backup.StoreDir(dir), false)
	if err != nil {
		t.Fatal(err)
	}
	store, err := backup.OpenStore(backup.StoreDir(dir), "demarc-0a1b2c3d", key)
	if err != nil {
		t.Fatal(err)
	}
	source := smallSnapshot(t)
	for i := range 2 {
		slot := commandtest.Eight.Add(time.Duration(i) * 30 * time.Minute)
		if _, err := store.Take(t.Context(), source, backup.Meta{ID: backup.ID(slot), Slot: slot, KubernetesVersion: "1.37.2"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Damage(backup.ID(commandtest.Eight.Add(30*time.Minute)), backup.DamageFlip); err != nil {
		t.Fatal(err)
	}
	return home
}

func TestBackupsOfStoppedCluster(t *testing.T) {
	home := stoppedCluster(t)
	good, bad := backup.ID(commandtest.Eight), backup.ID(commandtest.Eight.Add(30*time.Minute))
	staged := filepath.Join(home, "demarc", api.StagedRestore)
	for _, c := range []struct {
		args      string
		code      int
		out, errs string // parts
	}{
		{"backup list", 2, "", "backups are the provider's"},
		{"--as provider backup list", 0, good, "is stopped"},
		{"--as provider backup list", 0, "cannot be used", ""},
		{"--as provider backup show " + good, 0, "revision 2, 1 keys", ""},
		{"--as provider backup verify " + good, 0, "can be restored from", ""},
		{"--as provider backup verify " + bad, 1, "", "cannot be restored from"},
		{"--as provider backup verify 20200101T000000Z", 2, "", "no such file"},
		{"--as provider backup take", 2, "", "is stopped"},
		{"--as provider backup restore " + bad, 2, "", "nothing to restore from"},
		{"--as provider backup restore", 0, "the newest backup that verifies", ""},
		{"--as provider backup restore " + good, 0, good, ""},
	} {
		code, out, errout := demarc.Run(t, home, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errout, c.errs) {
			t.Errorf("demarc %s: code %d, out %q, err %q", c.args, code, out, errout)
		}
		if _, err := os.Stat(staged); (err == nil) != (strings.Contains(c.args, "restore") && c.code == 0) {
			t.Errorf("demarc %s: the request: %v", c.args, err)
		}
	}
	var req api.RestoreRequest
	if b, err := os.ReadFile(staged); err != nil || json.Unmarshal(b, &req) != nil || req.Backup != good {
		t.Errorf("asked for %+v, %v", req, err)
	}
	if err := os.Remove(backup.KeyFile(filepath.Join(home, "demarc"))); err != nil {
		t.Fatal(err)
	}
	if code, _, errout := demarc.Run(t, home, "--as", "provider", "backup", "list"); code != 2 || !strings.Contains(errout, "2 backups") {
		t.Errorf("without the key: code %d, err %q", code, errout)
	}
}
