//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/command/commandtest"
	"demarc/sim/api"
	"demarc/sim/disk"
	"demarc/sim/engine"
	"demarc/sim/timeline"
)

// commandEnv makes this test program the command itself, and engineEnv what it starts: an
// engine with that handle.
const (
	commandEnv = "DEMARC_TEST_AS_COMMAND"
	engineEnv  = "DEMARC_TEST_AS_ENGINE"
)

func TestMain(m *testing.M) {
	if handle, ok := os.LookupEnv(engineEnv); ok && len(os.Args) > 2 && os.Args[1] == "--config" {
		os.Exit(playEngine(filepath.Dir(os.Args[2]), handle))
	}
	if args, ok := os.LookupEnv(commandEnv); ok {
		os.Args = append([]string{"demarc"}, strings.Fields(args)...)
		os.Exit(run())
	}
	os.Exit(m.Run())
}

// exitOf is the exit code of a command, or -1 if a signal ended it.
func exitOf(err error) int {
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

// TestClosedPipe checks that a command whose output nobody reads ends by itself,
// without a word.
func TestClosedPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	for _, args := range []string{"policy list", "drill --list", "scenario verbs", "fault kinds", "policy list -o json", "version"} {
		var errout bytes.Buffer
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), commandEnv+"="+args)
		c.Stdout, c.Stderr = w, &errout
		if code := exitOf(c.Run()); code != command.ClosedPipe || errout.Len() > 0 {
			t.Errorf("%s: got %d, %q, want %d and nothing", args, code, errout.String(), command.ClosedPipe)
		}
	}
}

// playEngine is an engine for which the test answers. It learns that the test is over where
// the stacks are.
func playEngine(dir, handle string) int {
	if how := os.Getenv(endsEnv); how != "" {
		if text, ends := endings[how](handle); ends {
			return endedWith(filepath.Join(dir, "engine.json"), text)
		}
	}
	var h api.Handle
	file := filepath.Join(dir, "engine.json")
	if json.Unmarshal([]byte(handle), &h) != nil || disk.Replace(file, []byte(handle), false) != nil {
		return 1
	}
	if resp, err := http.Get("http://" + h.Address + "/v1/stacks"); err == nil {
		resp.Body.Close()
	}
	return 0
}

// endsEnv says how the engine ends that this test program plays.
const endsEnv = "DEMARC_TEST_ENGINE_ENDS"

// endings are what an engine leaves for a handle when it ends before anybody has asked it
// something; ends is false if it ends later.
var endings = map[string]func(handle string) (text string, ends bool){
	"without a handle": func(string) (string, bool) { return "", true },
	"with its handle":  func(handle string) (string, bool) { return handle, true },
	"half a handle":    func(handle string) (string, bool) { return handle[:len(handle)/2], true },
	"null":             func(string) (string, bool) { return "null", true },
	"when asked":       func(string) (string, bool) { return "", false },
}

func endedWith(file, text string) int {
	if text != "" && disk.Replace(file, []byte(text), false) != nil {
		return 1
	}
	return 0
}

// TestUpWhenItsEngineEnds checks that up says in a sentence that its engine has ended, at
// whatever moment that is, and that nothing is left in the temporary folder.
func TestUpWhenItsEngineEnds(t *testing.T) {
	for how := range endings {
		for asked := range 4 {
			if asked > 0 && how != "when asked" {
				continue
			}
			ended, n := make(chan struct{}), atomic.Int64{}
			gone := func(answer any) func() any {
				return func() any {
					if n.Add(1) == int64(asked)+1 {
						close(ended)
					}
					return answer
				}
			}
			home := commandtest.Engine(t, commandtest.Answers{
				"Stacks": func() any { <-ended; return nil }, "Status": gone(api.Status{Name: "demarc", State: "ready"}),
				"Timeline": gone([]timeline.Event{}), "Clock": gone(api.Clock{}),
			})
			file, temp := filepath.Join(home, "demarc", "engine.json"), t.TempDir()
			handle, err := os.ReadFile(file)
			if err == nil {
				err = os.Remove(file)
			}
			if err != nil {
				t.Fatal(err)
			}
			var out, errout bytes.Buffer
			c := exec.Command(os.Args[0])
			c.Env = append(os.Environ(), commandEnv+"=up", engineEnv+"="+string(handle), endsEnv+"="+how, engine.PathEnv+"="+os.Args[0], "DEMARC_HOME="+home, "TMPDIR="+temp)
			c.Stdout, c.Stderr = &out, &errout
			code := exitOf(c.Run())
			if left, _ := os.ReadDir(temp); strings.Contains(errout.String(), "internal error") || errout.Len() == 0 || len(left) > 0 {
				t.Errorf("%s, asked %d times: got %d, %q, %q, and %d files", how, asked, code, out.String(), errout.String(), len(left))
			}
		}
	}
}

// TestDetachedUpWithoutReader checks that a cluster that is to go on in the background
// comes up though nobody reads what is said meanwhile, as in a pipe to head.
func TestDetachedUpWithoutReader(t *testing.T) {
	var asked atomic.Int64
	home := commandtest.Engine(t, commandtest.Answers{
		"Stacks": func() any { <-t.Context().Done(); return nil },
		"Status": func() any {
			if asked.Add(1) < 10 {
				return api.Status{Name: "demarc", State: "starting", Phase: "etcd"}
			}
			return api.Status{Name: "demarc", State: "ready"}
		},
	})
	file := filepath.Join(home, "demarc", "engine.json")
	handle, err := os.ReadFile(file)
	if err == nil {
		err = os.Remove(file) // it does not run yet
	}
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	var out bytes.Buffer
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), commandEnv+"=up --detach", engineEnv+"="+string(handle), engine.PathEnv+"="+os.Args[0], "DEMARC_HOME="+home)
	c.Stdout, c.Stderr = &out, w
	if code := exitOf(c.Run()); code != command.Held || !strings.Contains(out.String(), "is ready") {
		t.Errorf("got %d, %q, want %d and where the cluster is", code, out.String(), command.Held)
	}
}

// TestCtrlC checks that an interrupt ends a command with its exit code and without
// a word.
func TestCtrlC(t *testing.T) {
	home := commandtest.Engine(t, commandtest.Answers{
		"Timeline": []timeline.Event{{Seq: 1, Time: commandtest.Eight, Actor: timeline.Provider, Verb: "started", Subject: "etcd"}},
		"Clock":    api.Clock{Now: commandtest.Eight, Rate: 1},
		"Stream":   func() any { <-t.Context().Done(); return nil },
	})
	var errout bytes.Buffer
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), commandEnv+"=timeline --follow", "DEMARC_HOME="+home)
	c.Stderr = &errout
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.Contains(line, "started etcd") {
		t.Errorf("got %q, %v", line, err)
	}
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := exitOf(c.Wait()); code != command.Interrupted || errout.Len() > 0 {
		t.Errorf("got %d, %q, want %d and nothing", code, errout.String(), command.Interrupted)
	}
}

// TestCtrlCOfUp checks that an interrupt ends up without a word, while the cluster starts and
// when it is there, and that its engine is told to stop.
func TestCtrlCOfUp(t *testing.T) {
	for _, state := range []string{"starting", "ready"} {
		asked, stopped := make(chan struct{}), make(chan struct{})
		var once, end sync.Once
		home := commandtest.Engine(t, commandtest.Answers{
			"Status": func() any {
				if state == "starting" {
					once.Do(func() { close(asked) })
				}
				return api.Status{Name: "demarc", State: state}
			},
			"Timeline": func() any { once.Do(func() { close(asked) }); return []timeline.Event{} },
			"Stacks":   func() any { <-stopped; return nil }, "Stop": func() any { end.Do(func() { close(stopped) }); return nil },
			"Stream": func() any { <-stopped; return nil },
		})
		file := filepath.Join(home, "demarc", "engine.json")
		handle, err := os.ReadFile(file)
		if err == nil {
			err = os.Remove(file)
		}
		if err != nil {
			t.Fatal(err)
		}
		var errout bytes.Buffer
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), commandEnv+"=up", engineEnv+"="+string(handle), engine.PathEnv+"="+os.Args[0], "DEMARC_HOME="+home)
		c.Stderr = &errout
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		<-asked
		if err := c.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		code := exitOf(c.Wait())
		end.Do(func() { close(stopped) }) // of a start that was interrupted, the engine is killed
		said := strings.ReplaceAll(errout.String(), "starting:  …\n", "")
		if said != "" || state == "starting" && code != command.Interrupted || state == "ready" && code != command.Held {
			t.Errorf("%s: got %d, %q", state, code, errout.String())
		}
	}
}
