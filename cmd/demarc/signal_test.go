//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// commandEnv makes this test program the command itself.
const commandEnv = "DEMARC_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
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
		if code := exitOf(c.Run()); code != exitClosedPipe || errout.Len() > 0 {
			t.Errorf("%s: got %d, %q, want %d and nothing", args, code, errout.String(), exitClosedPipe)
		}
	}
}

// TestCtrlC checks that an interrupt ends a command with its exit code and without
// a word.
func TestCtrlC(t *testing.T) {
	home := fakeEngine(t, map[string]func() any{
		"GET " + api.PathTimeline: always([]timeline.Event{{Seq: 1, Time: eight, Actor: timeline.Provider, Verb: "started", Subject: "etcd"}}),
		"GET " + api.PathClock:    always(api.Clock{Now: eight, Rate: 1}),
		"GET " + api.PathStream:   func() any { <-t.Context().Done(); return nil },
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
	if code := exitOf(c.Wait()); code != exitInterrupted || errout.Len() > 0 {
		t.Errorf("got %d, %q, want %d and nothing", code, errout.String(), exitInterrupted)
	}
}
