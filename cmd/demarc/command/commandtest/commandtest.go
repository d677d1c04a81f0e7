// Package commandtest runs commands in tests, against an engine that is played.
package commandtest

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"demarc/cmd/demarc/command"
	"demarc/sim/api"

	"github.com/spf13/cobra"
)

// Eight is a time of a cluster's.
var Eight = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

// Answers are what an engine answers: by the name of the action in [api.Actions], or by the
// name and the arguments of the path with spaces before them. A function is called each
// time.
type Answers map[string]any

// Engine plays the engine of the cluster demarc and returns the directory of clusters. What
// it has no answer to is not there; customers are refused what is the provider's.
func Engine(t testing.TB, answers Answers) (home string) {
	t.Helper()
	providersToken := api.NewToken()
	mux := http.NewServeMux()
	for _, route := range api.Routes() {
		mux.HandleFunc(route.Pattern(), func(w http.ResponseWriter, r *http.Request) {
			name := route.Name
			for _, param := range route.Params {
				name += " " + r.PathValue(param)
			}
			answer, ok := answers[name]
			if !ok {
				answer, ok = answers[route.Name]
			}
			switch f, made := answer.(func() any); {
			case strings.HasPrefix(route.Path, "/v1/provider/") && r.Header.Get("Authorization") != "Bearer "+providersToken:
				w.WriteHeader(http.StatusForbidden)
				answer = api.Error{Message: "backups are the provider's", Hint: "ask for a restore in a support case"}
			case !ok:
				w.WriteHeader(http.StatusNotFound)
				answer = api.Error{Message: "no " + r.URL.Path}
			case made:
				answer = f()
			}
			if err := json.NewEncoder(w).Encode(answer); err != nil {
				t.Error(err)
			}
		})
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	handle, err := json.Marshal(api.Handle{PID: os.Getpid(), Address: strings.TrimPrefix(s.URL, "http://"), Token: api.NewToken()})
	if err != nil {
		t.Fatal(err)
	}
	home = t.TempDir()
	Write(t, filepath.Join(home, "demarc"), map[string]string{
		"version.json": `{"format": 2}`, "engine.json": string(handle), "provider.token": providersToken + "\n", "director.token": providersToken + "\n",
	})
	return home
}

// Write makes a directory, if it is not there, and files in it.
func Write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Group is the commands of a group, as a command with the flags of all.
func Group(commands func(*command.Env) []*cobra.Command) Root {
	return func(env *command.Env) *cobra.Command { return command.Root(env, commands) }
}

// Root makes the command demarc.
type Root func(*command.Env) *cobra.Command

// Run runs the command with clusters in a directory; "" is one that is not there.
func (r Root) Run(t testing.TB, home string, args ...string) (code int, out, errout string) {
	t.Helper()
	return r.RunWith(t.Context(), t, home, "", args...)
}

// RunWith is Run in a context, with something at the standard input.
func (r Root) RunWith(ctx context.Context, t testing.TB, home, stdin string, args ...string) (code int, out, errout string) {
	t.Helper()
	if home == "" {
		home = filepath.Join(t.TempDir(), "home")
	}
	t.Setenv("DEMARC_HOME", home)
	t.Setenv("DEMARC_ENGINE", filepath.Join(t.TempDir(), "no-engine"))
	var stdout, stderr bytes.Buffer
	code = command.Execute(ctx, command.New(strings.NewReader(stdin), &stdout, &stderr), args, r)
	return code, stdout.String(), stderr.String()
}

// Case is a command, and what must be in its output. Its arguments are separated by one
// space each.
type Case = struct {
	Args     string
	Code     int
	Out, Err string
}

// Check runs commands with clusters in a directory.
func (r Root) Check(t *testing.T, home string, cases []Case) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.Args, func(t *testing.T) {
			code, out, errout := r.Run(t, home, strings.Split(c.Args, " ")...)
			if code != c.Code || !strings.Contains(out, c.Out) || !strings.Contains(errout, c.Err) {
				t.Errorf("got %d\n%s\n%s\nwant %d\n%q\n%q", code, out, errout, c.Code, c.Out, c.Err)
			}
		})
	}
}

// Refused is a command that cannot be done, and what is said then.
type Refused = struct{ Args, Want string }

// Refuse checks that what cannot be done where there is no cluster is said in one line,
// with exit code 2 and nothing on standard output.
func (r Root) Refuse(t *testing.T, cases []Refused) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.Args, func(t *testing.T) {
			code, out, errout := r.Run(t, "", strings.Fields(c.Args)...)
			if code != command.BadRequest || out != "" || !strings.Contains(errout, c.Want) || strings.Count(errout, "\n") != 1 {
				t.Errorf("got %d, %q, %q, want %d and one line with %q", code, out, errout, command.BadRequest, c.Want)
			}
		})
	}
}
