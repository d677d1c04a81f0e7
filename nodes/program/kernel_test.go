package program

import (
	"bytes"
	"testing"
)

func TestKernel(t *testing.T) {
	s := Spec{Image: "busybox:1", Sysctls: map[string]string{"kernel.shm_rmid_forced": "1"}, UID: 1001, GID: 2002, Mounts: []Mount{{Path: "/m", Type: "tmpfs"}}}
	for command, want := range map[string]string{
		"sysctl kernel.shm_rmid_forced": "kernel.shm_rmid_forced = 1\n",
		"sysctl -n net.core.somaxconn":  "4096\n",
		"cat /proc/sys/kernel/pid_max":  "4194304\n",
		"sysctl no.such":                "sysctl: error: 'no.such' is an unknown key\n",
		"mount -t tmpfs":                "tmpfs on /dev type tmpfs (rw,relatime)\ntmpfs on /m type tmpfs (rw,relatime)\n",
		"id":                            "uid=1001 gid=2002 groups=2002\n",
		"id -u":                         "1001\n",
		"echo x > /no/such":             "/bin/sh: can't create /no/such: nonexistent directory\n",
		"chmod 600 /etc/hostname; stat -c %a /etc/hostname": "600\n",
	} {
		var out bytes.Buffer
		if _, err := Exec(t.Context(), s, []string{"/bin/sh", "-c", command}, nil, &out, &out); err != nil || out.String() != want {
			t.Errorf("%s: %v: got %q, want %q", command, err, out.String(), want)
		}
	}
}

// TestChangeTheNetwork has programs with and without the capability NET_ADMIN add a link.
func TestChangeTheNetwork(t *testing.T) {
	const refused = "ip: RTNETLINK answers: Operation not permitted\n"
	for _, c := range []struct {
		spec Spec
		want string
	}{
		{Spec{Image: "busybox:1"}, refused},
		{Spec{Image: "busybox:1", NetAdmin: true}, ""},
		{Spec{Image: "busybox:1", NetAdmin: true, UID: 1001}, refused},
	} {
		var out bytes.Buffer
		code, err := Exec(t.Context(), c.spec, []string{"ip", "link", "add", "dummy0", "type", "dummy"}, nil, &out, &out)
		if err != nil || out.String() != c.want || (code == 0) != (c.want == "") {
			t.Errorf("%+v: got %d, %q, %v", c.spec, code, out.String(), err)
		}
	}
}
