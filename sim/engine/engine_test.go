package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/timeline"
)

// fakeEnv makes the test's own program an engine that behaves as it says:
// scenario, dies, panics, true, makes FILE.
const fakeEnv = "DEMARC_TEST_ENGINE"

// fakeToken is its customer's token.
const fakeToken = "0123456789abcdef0123456789abcdef"

func TestMain(m *testing.M) {
	if how := os.Getenv(fakeEnv); how != "" {
		os.Exit(fakeEngine(how))
	}
	os.Exit(m.Run())
}

// fakeEngine is an engine without a cluster.
func fakeEngine(how string) int {
	dir := filepath.Dir(os.Args[len(os.Args)-1])
	switch how {
	case "dies":
		os.Stderr.Write(frame("starting\n"))
		os.Stderr.Write(frame("demarc-engine: no space left on device\n"))
		return 3
	case "true":
		return 0
	case "panics":
		os.Stderr.Write(frame("panic: runtime error: index out of range\n\ngoroutine 1 [running]:\nmain.main()\n"))
		return 2
	}
	hold, err := Hold(dir)
	if err != nil {
		return 4
	}
	defer hold.Close()
	if strings.HasPrefix(how, "makes ") { // something, and fails
		path := filepath.Join(dir, strings.TrimPrefix(how, "makes "))
		if os.MkdirAll(filepath.Dir(path), 0o700) != nil || os.WriteFile(path, nil, 0o600) != nil {
			return 3
		}
		os.Stderr.Write(frame("demarc-engine: it failed\n"))
		return 3
	}
	ended := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+"/v1/stop", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}"); close(ended) })
	mux.HandleFunc("GET "+"/v1/status", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(api.Status{State: "ready", ReadyAt: time.Unix(100, 0)})
	})
	mux.HandleFunc("GET "+"/v1/stream", func(w http.ResponseWriter, _ *http.Request) {
		send := func(name string, v any) {
			b, _ := json.Marshal(v)
			fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, b)
		}
		send(api.StreamTimeline, timeline.Event{Seq: 1, Verb: "created"})
		if how == "gone" {
			os.Exit(0)
		}
		send(api.StreamDrill, api.Step{N: 1, Kind: "held"})
		send(api.StreamEnd, api.Report{Verdict: api.VerdictHeld})
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	handle := api.Handle{PID: os.Getpid(), Address: strings.TrimPrefix(server.URL, "http://"), Token: fakeToken}
	if err := writeJSON(handleFile(dir), handle); err != nil {
		return 3
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0) // as an attached engine does
	}()
	<-ended
	os.Remove(handleFile(dir))
	return 0
}

// prepare makes an empty data directory.
func prepare(t *testing.T, dir string) {
	t.Helper()
	err := makeDir(dir)
	if err == nil {
		err = writeJSON(versionFile(dir), version{Format: dataFormat})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// frame writes text as a faketime program does.
func frame(text string) []byte {
	b := append([]byte(frameMagic), make([]byte, 8)...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
	return append(b, text...)
}

// useFake makes Build and Start use the fake engine.
func useFake(t *testing.T, how string) string {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(PathEnv, exe)
	t.Setenv(fakeEnv, how)
	return exe
}

const tinyScenario = `# A cluster comes up
cluster nodes=1
within 1m check 'now >= 0.0'
`

func TestOneEngineForADirectory(t *testing.T) {
	path, dir := useFake(t, "scenario"), filepath.Join(t.TempDir(), "data")
	if _, err := Attach(dir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("before: got %v, want %v", err, ErrNotRunning)
	}
	p, err := Start(t.Context(), Options{Path: path, DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("data directory: got %v, %v, want mode 0700", info.Mode(), err)
	}
	if c, err := Attach(dir); err != nil || c.Handle().Token != fakeToken {
		t.Errorf("while it runs: got %v, %v", c, err)
	}
	if _, err := Start(t.Context(), Options{Path: path, DataDir: dir}); !errors.Is(err, ErrRunning) {
		t.Errorf("a second one: got %v, want %v", err, ErrRunning)
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Errorf("stop: %v", err)
	}
	if err := writeJSON(handleFile(dir), p.Client.Handle()); err != nil {
		t.Fatal(err)
	}
	if _, err := Attach(dir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("with the handle of a dead one: got %v, want %v", err, ErrNotRunning)
	}
}

func TestStartCancelled(t *testing.T) {
	path := useFake(t, "scenario")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, Options{Path: path, DataDir: t.TempDir()}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestDataDirOfAnotherVersion(t *testing.T) {
	for name, content := range map[string]string{"newer": `{"format": 99}`, "damaged": `{`} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(versionFile(dir), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			var input *InputError
			if err := makeDir(dir); !errors.As(err, &input) {
				t.Errorf("got %v, want an InputError", err)
			}
			if _, err := Delete(t.Context(), dir); err == nil {
				t.Error("it was deleted")
			}
		})
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := makeDir(dir); err == nil || !strings.Contains(err.Error(), "thesis.txt") {
		t.Errorf("a directory with other files: got %v", err)
	}
}

func TestDataDirNames(t *testing.T) {
	t.Setenv(HomeEnv, t.TempDir())
	for name, ok := range map[string]bool{"demarc": true, "a-1": true, "": false, "../x": false, "Up": false, "-a": false, strings.Repeat("a", 64): false} {
		if _, err := DataDir(name); (err == nil) != ok {
			t.Errorf("DataDir(%q): got %v, want ok %t", name, err, ok)
		}
	}
}

func TestDeframe(t *testing.T) {
	whole := append(frame("one\n"), frame("two\n")...)
	for _, c := range []struct {
		name, want string
		in         []byte
	}{
		{"framed", "one\ntwo\n", whole},
		{"plain", "one\n", []byte("one\n")},
		{"beginning missing", "ne\ntwo\n", whole[frameHeader+1:]},
		{"end missing", "one\ntw", whole[:len(whole)-2]},
		{"header cut", "one\n", whole[:frameHeader+4+5]},
	} {
		if got := Deframe(c.in); !bytes.Equal(got, []byte(c.want)) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestStall(t *testing.T) {
	real, virtual := time.Unix(0, 0), time.Unix(1000, 0)
	free := func(now time.Time) api.Clock { return api.Clock{Now: now, Rate: api.FreeRun, Virtual: true} }
	type reading struct {
		after time.Duration // real
		spent time.Duration
		clock api.Clock
		err   error
		want  bool
	}
	const sec, step = time.Second, clock.Step
	for name, readings := range map[string][]reading{
		"stands still":      {{0, 0, free(virtual), nil, false}, {59 * sec, 59 * sec, free(virtual), nil, false}, {60 * sec, 60 * sec, free(virtual), nil, true}},
		"moves":             {{0, 0, free(virtual), nil, false}, {59 * sec, 59 * sec, free(virtual.Add(step)), nil, false}, {118 * sec, 118 * sec, free(virtual.Add(step)), nil, false}},
		"is nudged":         {{0, 0, free(virtual), nil, false}, {30 * sec, 30 * sec, free(virtual.Add(15 * time.Millisecond)), nil, false}, {60 * sec, 60 * sec, free(virtual.Add(30 * time.Millisecond)), nil, true}},
		"moves slowly":      {{0, 0, free(virtual), nil, false}, {50 * sec, 50 * sec, free(virtual.Add(step / 2)), nil, false}, {59 * sec, 59 * sec, free(virtual.Add(step)), nil, false}, {110 * sec, 110 * sec, free(virtual.Add(step * 3 / 2)), nil, false}},
		"is seldom served":  {{0, 0, free(virtual), nil, false}, {299 * sec, 20 * sec, free(virtual), nil, false}, {301 * sec, 20 * sec, free(virtual.Add(step)), nil, false}},
		"does nothing":      {{0, 0, free(virtual), nil, false}, {300 * sec, sec, free(virtual), nil, true}},
		"no answer":         {{0, 0, free(virtual), nil, false}, {60 * sec, 60 * sec, api.Clock{}, io.EOF, true}},
		"paused":            {{0, 0, free(virtual), nil, false}, {90 * sec, 90 * sec, api.Clock{Now: virtual, Virtual: true}, nil, false}},
		"not answering yet": {{0, 0, api.Clock{}, io.EOF, false}, {10 * sec, 10 * sec, free(virtual), nil, false}, {69 * sec, 69 * sec, free(virtual), nil, false}},
	} {
		t.Run(name, func(t *testing.T) {
			var s stall
			for _, r := range readings {
				if got := s.observe(r.clock, r.err, real.Add(r.after), r.spent); got != r.want {
					t.Errorf("after %s: got %t, want %t", r.after, got, r.want)
				}
			}
		})
	}
}
