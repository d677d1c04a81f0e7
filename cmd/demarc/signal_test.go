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
