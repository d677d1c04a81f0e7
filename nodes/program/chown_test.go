package program

import (
	"bytes"
	"strings"
	"testing"
)

// Root gives files away, others may not; what a user makes is his.
func TestChown(t *testing.T) {
	for _, c := range []struct {
		uid, gid      int64
		command, want string
	}{
		{0, 0, "touch /tmp/a; stat -c '%U:%G %u:%g' /tmp/a", "root:root 0:0"},
		{0, 0, "touch /tmp/a; chown 1000:2000 /tmp/a; stat -c '%U:%G %u:%g' /tmp/a", "1000:2000 1000:2000"},
		{0, 0, "touch /tmp/a; chown 1000 /tmp/a; chgrp 7 /tmp/a; echo x >> /tmp/a; chmod 600 /tmp/a; stat -c '%u:%g' /tmp/a", "1000:7"},
		{0, 0, "touch /tmp/a; chown www-data: /tmp/a; ls -l /tmp/a | awk '{print $3, $4}'", "www-data www-data"},
		{0, 0, "touch /tmp/a; chown 5 /tmp/a; ls -ln /tmp/a | awk '{print $3, $4}'", "5 0"},
		{0, 0, "mkdir -p /tmp/d/e; touch /tmp/d/e/f; chown -R 8:9 /tmp/d; stat -c '%n %u:%g' /tmp/d /tmp/d/e /tmp/d/e/f", "/tmp/d 8:9\n/tmp/d/e 8:9\n/tmp/d/e/f 8:9"},
		{0, 0, "chown 1 /no/such || echo $?", "chown: /no/such: No such file or directory\n1"},
		{1001, 2002, "touch /tmp/a; mkdir /tmp/d; stat -c '%u:%g' /tmp/a /tmp/d /etc/hostname", "1001:2002\n1001:2002\n0:0"},
		{1001, 2002, "touch /tmp/a; chown $(id -u):$(id -g) /tmp/a && echo well", "well"},
		{1001, 2002, "touch /tmp/a; chown 1002 /tmp/a || echo $?", "chown: /tmp/a: Operation not permitted\n1"},
		{1001, 0, "chown -f 1002 /etc/hostname || echo $?", "1"},
		{1001, 2002, "id", "uid=1001 gid=2002 groups=2002,3003"},
	} {
		var out bytes.Buffer
		s := Spec{Image: "busybox:1.36", UID: c.uid, GID: c.gid, Groups: []int64{3003}, Disk: NewDisk()}
		if _, err := Exec(t.Context(), s, []string{"sh", "-c", c.command}, nil, &out, &out); err != nil || strings.TrimSpace(out.String()) != c.want {
			t.Errorf("%s: %v: got %q, want %q", c.command, err, out.String(), c.want)
		}
	}
}
