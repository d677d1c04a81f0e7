package login

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"demarc/nodes/shell"
)

// Nothing of the computer on which this runs may be seen or changed.
func TestOwnHostIsOutOfReach(t *testing.T) {
	dir := t.TempDir()
	secret, script := filepath.Join(dir, "secret"), filepath.Join(dir, "own.sh")
	if err := errors.Join(os.WriteFile(secret, []byte("SECRET"), 0o600), os.WriteFile(script, []byte("#!/bin/sh\necho SECRET\n"), 0o700)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DEMARC_SECRET", "SECRET")
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	fifo := filepath.Join(os.TempDir(), "sh-interp-"+strconv.Itoa(os.Getpid()))
	replace := strings.NewReplacer("FILE", secret, "OWN.SH", script, "DIR", dir, "FIFO", fifo)
	for _, text := range []string{
		"cat FILE", "cat < FILE", "read x < FILE; echo $x", "ls DIR", "echo DIR/*", "[ -r FILE ] && echo SECRET", "[[ -O FILE ]] && echo SECRET",
		"[[ FILE -nt /x ]] && echo SECRET", "cd DIR && echo SECRET", "pushd DIR && echo SECRET", "OWN.SH", ". OWN.SH", "source own.sh", "bash OWN.SH",
		"exec OWN.SH", "exec own.sh", "command OWN.SH", "builtin command own.sh", "own.sh", "command -v own.sh", "type own.sh", "hash own.sh",
		"PATH=DIR; type own.sh && echo SECRET", "PATH=DIR; builtin type own.sh && echo SECRET", "PATH=DIR; . own.sh",
		"echo $DEMARC_SECRET", "env", "export", "set", "echo $$ $PPID $(($$))", "eval 'echo $$'", "sudo cat FILE", "sudo sh -c 'cat FILE'", "sudo cp FILE /tmp/x; cat /tmp/x",
		"echo SECRET-made > FILE", "echo x > FIFO", "TMPDIR=/tmp; echo x > FIFO", "mkdir DIR/new", "sudo rm -rf DIR", "sudo tee FILE < /etc/hostname",
		"cat <(cat FILE)", "mapfile -t a < FILE; echo ${a[0]}", "cat /proc/self/environ", "sudo cat /etc/shadow", "trap 'cat FILE' EXIT",
		"alias x='cat FILE'; x", "echo `cat FILE`", "xargs cat <<< FILE", "find DIR", "sudo kill -9 " + strconv.Itoa(os.Getpid()), "watch cat FILE", "env own.sh", "timeout 1 own.sh",
	} {
		var out bytes.Buffer
		if _, err := New(newFake(t), Options{}).Run(t.Context(), replace.Replace(text), nil, &out, &out); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		got := strings.NewReplacer(secret, "", script, "", dir, "").Replace(out.String())
		if strings.Contains(got, "SECRET") || strings.Contains(got, "DEMARC") || strings.Contains(got, "go-build") {
			t.Errorf("%s: the output is of our own host: %s", text, got)
		}
	}
	if b, err := os.ReadFile(secret); err != nil || string(b) != "SECRET" {
		t.Errorf("our host's file is now %q, %v", b, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("our host's directory has now %d files, %v", len(entries), err)
	}
	if _, err := os.Lstat(fifo); err == nil {
		t.Errorf("%s was made on our host", fifo)
	}
}

// A script that never ends must not stop the clock or fill our memory.
func TestRunawayScripts(t *testing.T) {
	tests := []struct {
		script string
		code   int
		out    string
	}{
		{"while true; do :; done", 130, ""},
		{"for ((;;)); do x=1; done", 130, ""},
		{"eval 'while ((1)); do x=2; done'", 130, ""},
		{"while true; do sudo true; done", 130, ""},
		{"while true; do :; done & echo next", 0, "next"},
		{"f() { f; }; f", 2, "recursion"},
		{"echo 'bash /tmp/s' > /tmp/s; bash /tmp/s", 1, "nesting"},
		{"echo 'sudo bash /tmp/s' > /tmp/s; bash /tmp/s", 1, "nesting"},
		{"x=a; while true; do x=$x$x; done", 137, "Killed"},
		{strings.Repeat("true && ", 100_000) + "true", 2, "nested too deeply"},
		{"echo {1..100000000}", 2, "out of memory"},
		{"printf '%999999999d' 1", 137, "Killed"},
		{"yes yes yes | xargs -n 1 yes | wc -c > /dev/null; sleep 100", 137, "Killed"},
		{"sleep infinity", 130, ""},
		{"curl -m 5 http://nowhere; sleep 1d", 130, ""},
	}
	for _, tt := range tests {
		t.Run(tt.script[:min(len(tt.script), 40)], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				var out bytes.Buffer
				code, err := New(newFake(t), Options{}).Run(ctx, tt.script, nil, &out, &out)
				if text := out.String(); err != nil || code != tt.code || !strings.Contains(text, tt.out) {
					t.Errorf("got %d, %v, %.300s; want %d, %q", code, err, text, tt.code, tt.out)
				}
			})
		})
	}
}

func TestOutputIsBounded(t *testing.T) {
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := New(newFake(t), Options{}).Run(ctx, "x=$(yes 0123456789 | head -c 200000); for i in $(seq 200); do echo $x; done", nil, &out, io.Discard)
	if err != nil || out.Len() != maxOutput {
		t.Errorf("got %d bytes, %v; want %d", out.Len(), err, maxOutput)
	}
}

func TestNoGoroutineIsLeft(t *testing.T) {
	f := newFake(t)
	before := runtime.NumGoroutine()
	for range 20 {
		run(t, f, "sleep 1000 & (while true; do :; done) & yes | head -1 >/dev/null; cat <<< x >/dev/null; tail -f /etc/hostname; journalctl -f -n 1 & curl -sS https://mcr.microsoft.com/; cat < /etc/hosts | true", "")
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// FuzzRun looks for scripts that panic or do not end.
func FuzzRun(f *testing.F) {
	for _, seed := range []string{
		"sudo systemctl disable --now kubelet && systemctl status kubelet", "sudo iptables -I OUTPUT 1 -p tcp --dport 443 -j DROP; sudo iptables -L -n -v --line-numbers",
		"sudo apt-get remove -y docker.io | tail -3", "ps aux | grep kube | awk '{print $2}' | xargs sudo kill -9", "sudo dd if=/dev/zero of=/var/big bs=1M count=200000",
		"for i in 1 2 3; do echo $i >> f; done; sed -i 's/2/x&/g;$d' f; cat f", "cat <<EOF | tee a\n$HOME\nEOF", "echo 'a", "sudo crictl ps -a; sudo crictl logs 8f", "x=(1 2); echo ${x[@]} {a..c} *",
		"journalctl -u kubelet --since '5 min ago' -n 3", "find /etc -name '*.conf' -type f | sort -rn -k 2 | cut -c1-3,7- | uniq -c", "while :; do sleep 1; done &", "sudo -u nobody env A=1 sh -c 'echo $A'",
		"head -c-5 /etc/hosts; tail -n +2 /etc/hosts; tr a-z A-Z < /etc/hostname", "sudo stress --vm 2 --vm-bytes 90% -t 5", "sudo mv /usr /x; ls", "date -d '@99' +%s; stat -c '%s %n' /etc/*", "\x00\xff\x1b[2J",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, script string) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		s := New(newFake(t), Options{Terminal: len(script)%2 == 0})
		began := time.Now()
		if code, err := s.Run(ctx, script, strings.NewReader("y\n"), io.Discard, io.Discard); err != nil || code < 0 || code > 255 {
			t.Errorf("got %d, %v", code, err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("took %v", took)
		}
		s.Complete(script)
		s.Prompt()
		shell.Incomplete(script)
	})
}

// What a session keeps between its lines is bounded.
func TestSessionKeepsLittle(t *testing.T) {
	s := New(newFake(t), Options{Terminal: true})
	run := func(line string) string {
		var out bytes.Buffer
		if _, err := s.Run(t.Context(), line, nil, &out, &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	for range maxLogins - 1 {
		if got := run("sudo -i"); got != "" {
			t.Fatalf("got %q", got)
		}
	}
	if got := run("sudo -i"); !strings.Contains(got, "maximum nesting level") || len(s.logins) != maxLogins {
		t.Errorf("got %q with %d shells", got, len(s.logins))
	}
	for range 2 * maxHistory {
		s.remember("ls")
	}
	if len(s.history) != maxHistory {
		t.Errorf("%d lines are kept, want %d", len(s.history), maxHistory)
	}
	for range 20 {
		s.remember(strings.Repeat("x", 64<<10))
	}
	if len(s.history) != maxHistoryBytes>>16 {
		t.Errorf("%d long lines are kept, want %d", len(s.history), maxHistoryBytes>>16)
	}
}
