package image

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/command/commandtest"
)

var demarc = commandtest.Group(Commands)

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "images.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestImageCommands(t *testing.T) {
	good := write(t, "images:\n- match: [acme/shop]\n  ends: {after: 5s, code: 3}\nregistries:\n- {match: ghcr.io/acme, private: true}\n")
	bad := write(t, "images:\n- mach: [acme/shop]\n")
	for _, c := range []struct {
		args     []string
		code     int
		out, err string
	}{
		{[]string{"image", "list"}, command.Held, "PostgreSQL", ""},
		{[]string{"image", "list", "--images", good}, command.Held, "acme/shop", ""},
		{[]string{"image", "explain", "postgres:16"}, command.Held, "pg_isready", ""},
		{[]string{"image", "explain", "nginx:1.161"}, command.Held, "there is no such tag", ""},
		{[]string{"image", "explain", "ghcr.io/acme/shop:1"}, command.Held, "it ends with 0 after 3s", ""},
		{[]string{"image", "explain", "ghcr.io/acme/shop:1", "--images", good}, command.Held, "with 3 after 5s", ""},
		{[]string{"image", "explain", "ghcr.io/acme/shop:1", "--images", good}, command.Held, "imagePullSecrets", ""},
		{[]string{"image", "explain", "nginx"}, command.Held, "user 0, which is root", ""},
		{[]string{"image", "explain", "NGINX::latest"}, command.BadRequest, "", "must be lowercase"},
		{[]string{"image", "explain", "nginx", "--images", bad}, command.BadRequest, "", bad + `:2: there is no key "mach" here`},
		{[]string{"image", "explain", "nginx", "--images", "/nowhere"}, command.BadRequest, "", "/nowhere"},
		{[]string{"image", "lint", good}, command.Held, "", "no mistakes in 1 catalogue"},
		{[]string{"image", "lint", bad}, command.BadRequest, `(did you mean "match"?)`, ""},
	} {
		code, out, errout := demarc.Run(t, "", c.args...)
		if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errout, c.err) {
			t.Errorf("%q: got %d, %q, %q", c.args, code, out, errout)
		}
	}
	_, out, _ := demarc.Run(t, "", "image", "explain", "redis", "-o", "json")
	var x explanation
	if err := json.Unmarshal([]byte(out), &x); err != nil || !x.Known || x.Entry == nil || x.Entry.Serves[0].Port != 6379 {
		t.Errorf("got %s, %v", out, err)
	}
}
