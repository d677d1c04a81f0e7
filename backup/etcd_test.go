package backup

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// startEtcd runs a member on the data directory dir until the test ends or stop
// is called.
func startEtcd(tb testing.TB, dir, peer string) (client *clientv3.Client, stop func()) {
	tb.Helper()
	cfg := embed.NewConfig()
	cfg.Name, cfg.Dir, cfg.LogLevel = "etcd", dir, "fatal"
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	cfg.TickMs, cfg.ElectionMs, cfg.UnsafeNoFsync = 10, 100, true
	cfg.QuotaBackendBytes = 8 << 30
	loopback, peerURL := url.URL{Scheme: "http", Host: "127.0.0.1:0"}, parse(tb, peer)
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{loopback}, []url.URL{loopback}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{loopback}, []url.URL{peerURL}
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	<-e.Server.ReadyNotify()
	client, err = clientv3.New(clientv3.Config{
		Endpoints: []string{e.Clients[0].Addr().String()}, Logger: zap.NewNop(),
	})
	if err != nil {
		tb.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		client.Close()
		e.Close()
	})
	tb.Cleanup(stop)
	return client, stop
}

// testPeer is the peer URL of the one member of a test's cluster. Nobody asks
// there.
const testPeer = "http://127.0.0.1:2380"

func parse(tb testing.TB, raw string) url.URL {
	u, err := url.Parse(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return *u
}

func put(tb testing.TB, client *clientv3.Client, key string, value []byte) int64 {
	tb.Helper()
	resp, err := client.Put(tb.Context(), key, string(value))
	if err != nil {
		tb.Fatal(err)
	}
	return resp.Header.Revision
}

// halfRandom is n bytes of which about half can be compressed away: random
// digits between words that repeat, as an object's UIDs and hashes are between
// the names of its fields.
func halfRandom(rng *rand.Rand, n int) []byte {
	const words = `"resourceVersion":"apps/v1","uid"`
	b := make([]byte, 0, n+2*len(words))
	for len(b) < n {
		b = fmt.Appendf(b, "%016x%016x", rng.Uint64(), rng.Uint64())
		b = append(b, words...)
	}
	return b[:n]
}

// sample is the snapshot of a small etcd: what its stream is, its revision and
// its keys.
type sample struct {
	stream   []byte
	revision int64
	keys     int64
}

var sampleOnce sync.Once
var theSample sample

// takeSample returns a snapshot of some 2 MiB that compresses to more than two
// chunks.
func takeSample(tb testing.TB) sample {
	tb.Helper()
	sampleOnce.Do(func() {
		client, stop := startEtcd(tb, filepath.Join(tb.TempDir(), "etcd"), testPeer)
		defer stop()
		rng := rand.New(rand.NewPCG(1, 2))
		for i := range 300 {
			theSample.revision = put(tb, client, fmt.Sprintf("/registry/pods/p%d", i), halfRandom(rng, 4<<10))
			theSample.keys++
		}
		// One with pages of its own, and one with two revisions.
		put(tb, client, "/registry/secrets/large", halfRandom(rng, 100<<10))
		theSample.revision = put(tb, client, "/registry/pods/p0", halfRandom(rng, 4<<10))
		theSample.keys++
		stream, _, err := ClientSource(client, "etcd").Snapshot(tb.Context())
		if err != nil {
			tb.Fatal(err)
		}
		defer stream.Close()
		if theSample.stream, err = io.ReadAll(stream); err != nil {
			tb.Fatal(err)
		}
	})
	if theSample.stream == nil {
		tb.Fatal("an earlier test could not make the sample")
	}
	return theSample
}

// fakeSource streams bytes.
type fakeSource struct {
	stream []byte
	// before is called with the number of bytes that were read so far, if it is
	// not nil, and can end the stream.
	before func(n int) error
}

func (fakeSource) Member() string { return "etcd" }

func (s fakeSource) Snapshot(context.Context) (io.ReadCloser, string, error) {
	return &fakeStream{Reader: bytes.NewReader(s.stream), source: s}, "3.7.3", nil
}

type fakeStream struct {
	*bytes.Reader
	source fakeSource
}

func (s *fakeStream) Close() error { return nil }

func (s *fakeStream) Read(p []byte) (int, error) {
	if s.source.before != nil {
		if err := s.source.before(int(s.Size()) - s.Len()); err != nil {
			return 0, err
		}
	}
	return s.Reader.Read(p[:min(len(p), 32<<10)])
}

var testKey = bytes.Repeat([]byte{7}, 32)

const testCluster = "0a1b2c"

func openStore(tb testing.TB, dir string) *Store {
	tb.Helper()
	s, err := OpenStore(dir, testCluster, testKey)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

var testSlot = time.Date(2026, 1, 5, 8, 30, 0, 0, time.UTC)

func testMeta() Meta {
	return Meta{ID: ID(testSlot), Slot: testSlot, KubernetesVersion: "v1.37.2"}
}
