package program

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// BusyBox's applets that scripts in containers use, beside those of TestShell.
func TestApplets(t *testing.T) {
	for _, tt := range []struct{ script, want string }{
		{"printf 'server\\r\\n' | tr -d '\\r\\n'; echo; printf 'a\\\\b' | tr '\\\\' /", "server\na/b"},
		{"printf abc | md5sum", "900150983cd24fb0d6963f7d28e17f72  -\n"},
		{"printf abc > f; sha256sum f > s; sha256sum -c s", "f: OK\n"},
		{"expr 2 + 3 '*' 4; expr length abc; expr abc : 'a\\(.\\)'; expr 1 '>' 2", "14\n3\nb\n0\n"},
		{"expr $(( 7 )) % 4 = 3; expr '(' 1 + 1 ')' '*' 3; expr a + 1; echo $?", "1\n6\nexpr: non-integer argument\n2\n"},
		{"dd if=/dev/zero of=z bs=1k count=3 2>/dev/null; stat -c %s z; dd if=z bs=1 count=2 2>/dev/null | od -A n -t x1", "3072\n 00 00\n"},
		{"mkdir -p a/b; echo x > a/b/c; tar cf t.tar a; rm -r a; tar xf t.tar; cat a/b/c; tar tf t.tar", "x\na/\na/b/\na/b/c\n"},
		{"mkdir -p a; echo y > a/c; tar czf - -C a . | (mkdir d; tar xzf - -C d); cat d/c", "y\n"},
		{"d=$(mktemp -d); [ -d $d ] && echo dir; f=$(mktemp); [ -f $f ] && echo file", "dir\nfile\n"},
		{"echo abc | rev; echo x | gzip | gunzip; echo a > p; echo b > q; cmp p q; echo $?", "cba\nx\np q differ: byte 1, line 1\n1\n"},
		{"for c in awk sed tr cut find xargs tar dd base64 md5sum sha256sum expr ln stat du mktemp readlink od ip ping nc which seq sort uniq tee tail; do which $c >/dev/null || echo missing $c; done", ""},
		{"sh -c -e 'echo one; false; echo two'; echo $?", "one\n1\n"},
		{"sh -ec 'false; echo two'; echo $?; sh -o pipefail -c 'false | true'; echo $?; sh -euc 'echo $nothing' 2>/dev/null || echo unset", "1\n1\nunset\n"},
		{"sh -c 'echo $0 $1' me you; printf '#!/bin/sh\\necho $(dirname $0) $1' > /tmp/s.sh; /tmp/s.sh x", "me you\n/tmp x\n"},
		{"printf '  HTTP/1.1 200 OK\\n' | awk '/^  HTTP/{print $2}'", "200\n"},
		{"mkdir -p q/r; echo x > q/r/a.txt; echo y > q/b.txt; find q -name '*.txt' -exec cat {} \\;; find q -type f -exec echo {} +; find q -type f -print0 | xargs -0 rm; find q -mindepth 1", "y\nx\nq/b.txt q/r/a.txt\nq/r\n"},
		{"tail -n +2 /proc/1/status | head -1", "State:\tS (sleeping)\n"},
		{"ip addr | grep -c eth0@; ping -c 2 10.0.0.1 | tail -2 | head -1", "1\n2 packets transmitted, 2 packets received, 0% packet loss\n"},
	} {
		var out bytes.Buffer
		s := testSpec()
		if _, err := Exec(t.Context(), s, sh(tt.script), nil, &out, &out); err != nil || out.String() != tt.want {
			t.Errorf("%s\n got %q, %v\nwant %q", tt.script, out.String(), err, tt.want)
		}
	}
}

// kubectl cp is tar through an exec, in both directions.
func TestKubectlCopies(t *testing.T) {
	s := testSpec()
	s.Image, s.Command, s.Disk = "ubuntu:24.04", nil, NewDisk()
	var archive, errOut bytes.Buffer
	if code, err := Exec(t.Context(), s, sh("mkdir -p /data/x; echo hello > /data/x/f; cd /; tar cf - data"), nil, &archive, &errOut); err != nil || code != 0 {
		t.Fatalf("from the pod: %d, %v, %s", code, err, errOut.String())
	}
	if code, err := Exec(t.Context(), s, []string{"tar", "-xmf", "-", "-C", "/tmp"}, bytes.NewReader(archive.Bytes()), &errOut, &errOut); err != nil || code != 0 {
		t.Fatalf("to the pod: %d, %v, %s", code, err, errOut.String())
	}
	if out, _, _ := output(t, s, "cat", "/tmp/data/x/f"); out != "hello\n" {
		t.Errorf("got %q", out)
	}
	if _, errText, code := output(t, s, "tar", "-xmf", "-", "-C", "/nowhere"); code != 2 || !strings.Contains(errText, "/nowhere") {
		t.Errorf("no such directory: got %q, %d", errText, code)
	}
}

// The sidecar of the documentation's Jobs: it waits for a file that is not there yet.
func TestTailFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpec()
		s.Disk, s.Command = NewDisk(), []string{"sh", "-c", "tail -F /tmp/log"}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		var out bytes.Buffer
		ended := make(chan int)
		go func() { ended <- Plan(s).Script(ctx, &out) }()
		time.Sleep(time.Minute)
		output(t, s, "sh", "-c", "echo one > /tmp/log")
		time.Sleep(10 * time.Second)
		output(t, s, "sh", "-c", "echo two >> /tmp/log")
		if code := <-ended; code != 143 || !strings.HasSuffix(out.String(), "one\ntwo\n") {
			t.Errorf("got %d, %q", code, out.String())
		}
	})
}
