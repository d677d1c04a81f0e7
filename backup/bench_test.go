package backup

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"demarc/sim/api"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.uber.org/zap"
)

// The benchmarks come in pairs: what this package does, and the bare steps of
// etcdutl on the same database.

// startLarge runs an etcd with a database of 100 MiB.
func startLarge(b *testing.B) *clientv3.Client {
	b.Helper()
	client, _ := startEtcd(b, filepath.Join(b.TempDir(), "etcd"), testPeer)
	var writers sync.WaitGroup
	for w := range 8 {
		rng := rand.New(rand.NewPCG(3, uint64(w)))
		writers.Go(func() {
			for i := range 100 << 20 / (8 << 10) / 8 {
				if _, err := client.Put(b.Context(), fmt.Sprintf("/registry/%d/%d", w, i), string(halfRandom(rng, 8<<10-512))); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
	return client
}

// saveLarge takes a backup of 100 MiB, and writes its plain snapshot beside it.
func saveLarge(b *testing.B) (s *Store, taken api.Backup, plain string) {
	b.Helper()
	client := startLarge(b)
	s = openStore(b, filepath.Join(b.TempDir(), "store"))
	taken, err := s.Take(b.Context(), ClientSource(client, "etcd"), testMeta())
	if err != nil {
		b.Fatal(err)
	}
	plain = filepath.Join(b.TempDir(), "plain.db")
	if err := s.Extract(b.Context(), taken, plain); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(taken.DatabaseBytes)
	b.ReportMetric(float64(taken.DatabaseBytes)/float64(taken.Bytes), "db/file")
	return s, taken, plain
}

func BenchmarkTake100MiB(b *testing.B) {
	client := startLarge(b)
	s := openStore(b, filepath.Join(b.TempDir(), "store"))
	s.Sync = true
	meta := testMeta()
	meta.Replace = true
	b.ReportAllocs()
	for b.Loop() {
		taken, err := s.Take(b.Context(), ClientSource(client, "etcd"), meta)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(taken.DatabaseBytes)
	}
}

// BenchmarkEtcdutlSave100MiB saves a snapshot and looks at its status.
func BenchmarkEtcdutlSave100MiB(b *testing.B) {
	client := startLarge(b)
	path := filepath.Join(b.TempDir(), "plain.db")
	cfg := clientv3.Config{Endpoints: client.Endpoints(), Logger: zap.NewNop()}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := snapshot.NewV3(zap.NewNop()).Save(b.Context(), cfg, path); err != nil {
			b.Fatal(err)
		}
		status, err := snapshot.NewV3(zap.NewNop()).Status(path)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(status.TotalSize)
	}
}

// BenchmarkRestore100MiB extracts a backup and restores one member of it.
func BenchmarkRestore100MiB(b *testing.B) {
	s, taken, _ := saveLarge(b)
	dir := b.TempDir()
	for b.Loop() {
		data := filepath.Join(dir, "etcd")
		members := []Member{{Name: "etcd", DataDir: data, PeerURL: testPeer}}
		if err := s.Restore(b.Context(), taken, members, RestoreOptions{ClusterToken: "t"}); err != nil {
			b.Fatal(err)
		}
		remove(b, data)
	}
}

// BenchmarkEtcdutlRestore100MiB looks at the status of a plain snapshot and
// restores one member of it.
func BenchmarkEtcdutlRestore100MiB(b *testing.B) {
	_, _, plain := saveLarge(b)
	dir := b.TempDir()
	for b.Loop() {
		if _, err := snapshot.NewV3(zap.NewNop()).Status(plain); err != nil {
			b.Fatal(err)
		}
		data := filepath.Join(dir, "etcd")
		if err := bareRestore(plain, data); err != nil {
			b.Fatal(err)
		}
		remove(b, data)
	}
}

// BenchmarkEtcdutlRestoreOnly100MiB leaves the status away.
func BenchmarkEtcdutlRestoreOnly100MiB(b *testing.B) {
	_, _, plain := saveLarge(b)
	dir := b.TempDir()
	for b.Loop() {
		data := filepath.Join(dir, "etcd")
		if err := bareRestore(plain, data); err != nil {
			b.Fatal(err)
		}
		remove(b, data)
	}
}

// BenchmarkVerify100MiB reads a backup and walks its database.
func BenchmarkVerify100MiB(b *testing.B) {
	s, taken, _ := saveLarge(b)
	for b.Loop() {
		if err := s.Verify(b.Context(), taken); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUnseal100MiB is what decrypting and decompressing cost alone.
func BenchmarkUnseal100MiB(b *testing.B) {
	s, taken, _ := saveLarge(b)
	for b.Loop() {
		if _, err := s.read(b.Context(), s.Path(taken.ID), &taken, io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

func bareRestore(plain, data string) error {
	return snapshot.NewV3(zap.NewNop()).Restore(snapshot.RestoreConfig{
		SnapshotPath: plain, Name: "etcd", OutputDataDir: data, PeerURLs: []string{testPeer},
		InitialCluster: "etcd=" + testPeer, InitialClusterToken: "t",
		RevisionBump: DefaultRevisionBump, MarkCompacted: true,
	})
}

func remove(b *testing.B, dir string) {
	b.StopTimer()
	if err := os.RemoveAll(dir); err != nil {
		b.Fatal(err)
	}
	b.StartTimer()
}
