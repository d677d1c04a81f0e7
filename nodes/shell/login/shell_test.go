package login

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"demarc/nodes/host"
	"demarc/nodes/shell"
)

var bootTime = time.Date(2026, 5, 12, 8, 0, 0, 0, time.UTC)

// fake is a machine with a real operating system and a container runtime of one pod.
type fake struct {
	h      *host.Host
	now    time.Time
	gone   error
	down   error // of the runtime
	killed []string
	dialed []string
}

func newFake(t testing.TB) *fake {
	h := host.New("aks-nodepool1-12345678-vmss000000", host.NewImage("202605.14.0", "v1.37.0"))
	if err := h.Boot(bootTime); err != nil {
		t.Fatal(err)
	}
	h.Step(bootTime.Add(time.Minute))
	return &fake{h: h, now: bootTime.Add(2*time.Hour + 5*time.Minute)}
}

func (f *fake) Do(do func(now time.Time, h *host.Host, r Runtime)) error {
	if f.gone != nil {
		return f.gone
	}
	do(f.now, f.h, f)
	return nil
}

func (f *fake) Dial(_ context.Context, network, address string) (net.Conn, error) {
	f.dialed = append(f.dialed, address)
	switch address {
	case "mcr.microsoft.com:443":
		client, server := net.Pipe()
		server.Close()
		return client, nil
	case "closed:80":
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	return nil, &net.DNSError{Err: "no such host", Name: address, IsNotFound: true}
}

func (f *fake) Err() error { return f.down }

func (f *fake) Containers() []Container {
	return []Container{
		{ID: "8f0c7f4e5a1b2c3d4e5f", Name: "kube-proxy", Image: "mcr.microsoft.com/oss/kube-proxy:v1.37.0", Pod: "kube-proxy-x7k2p", Namespace: "kube-system", PodID: "aa11bb22cc33dd44", State: "Running", PID: 3201, Command: "kube-proxy --conntrack-max-per-core=0", Created: bootTime},
		{ID: "1a2b3c4d5e6f7a8b9c0d", Name: "web", Image: "nginx:1.27", Pod: "shop-1", Namespace: "default", PodID: "ee55ff66aa77bb88", State: "Exited", ExitCode: 137, Created: bootTime},
	}
}

func (f *fake) Logs(id string) []byte { return []byte("line 1 of " + id + "\nline 2\n") }

func (f *fake) Kill(id string, signal int) {
	f.killed = append(f.killed, id[:4]+" "+syscall.Signal(signal).String())
}

func (f *fake) Images() []string { return []string{"mcr.microsoft.com/oss/kube-proxy:v1.37.0"} }

// run runs one script in a session of its own.
func run(t testing.TB, f *fake, script, stdin string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errOut bytes.Buffer
	code, err := New(f, Options{}).Run(t.Context(), script, strings.NewReader(stdin), &out, &errOut)
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), errOut.String(), code
}

// contains is whether a text is what is wanted; a want that ends with … is a part.
func contains(got, want string) bool {
	if part, ok := strings.CutSuffix(want, "…"); ok {
		return strings.Contains(got, part)
	}
	return got == want
}

func TestCommands(t *testing.T) {
	tests := []struct {
		script, out, err string
		code             int
	}{
		// The shell itself.
		{"echo hi", "hi\n", "", 0},
		{"whoami; id -u; sudo whoami; sudo id -u", "azureuser\n1000\nroot\n0\n", "", 0},
		{"pwd; cd /etc; pwd", "/home/azureuser\n/etc\n", "", 0},
		{"cd /nowhere", "", "bash: cd: /nowhere: No such file or directory\n", 1},
		{"foo", "", "bash: foo: command not found\n", 127},
		{"docker ps", "", "bash: docker: command not found\n", 127},
		{"sudo foo", "", "sudo: foo: command not found\n", 1},
		{"echo )", "", "bash: line 1: syntax error near unexpected token `)'\nbash: line 1: `echo )'\n", 2},
		{"echo \"a", "", "bash: line 1: unexpected EOF while looking for matching `\"'\n", 2},
		{"if true; then", "", "bash: line 2: syntax error: unexpected end of file\n", 2},
		{"for i in 1 2; do echo $i; done | tac", "2\n1\n", "", 0},
		{"cat <<EOF\n$USER\nEOF", "azureuser\n", "", 0},
		{"read x; echo got $x", "got in\n", "", 0},
		{"exit 3", "", "", 3},
		{"sudo sh -c 'id -u; echo $HOME'", "0\n/root\n", "", 0},
		{"sudo -u nobody whoami", "nobody\n", "", 0},
		{"echo 'echo a; id -u' | sudo sh", "a\n0\n", "", 0},
		{"echo 'echo )' | bash", "", "bash: line 1: syntax error near unexpected token `)'\nbash: line 1: `echo )'\n", 2},
		{"yes | head -2", "y\ny\n", "", 0},
		{"printf 'a\\nb\\n' | xargs -I{} echo [{}]", "[a]\n[b]\n", "", 0},
		{"seq 3 | xargs -n2 echo", "1 2\n3\n", "", 0},
		{"sleep 100 & echo next", "next\n", "[1] …", 0},
		// Files.
		{"echo a > f; echo b >> f; cat f; wc -l f; rm f; cat f", "a\nb\n2 f\n", "cat: f: No such file or directory\n", 1},
		{"echo x > /etc/motd", "", "bash: /etc/motd: Permission denied\n", 1},
		{"echo x | sudo tee /etc/x.conf; cat /etc/x.conf", "x\nx\n", "", 0},
		{"rm /etc/kubernetes", "", "rm: cannot remove '/etc/kubernetes': Is a directory\n", 1},
		{"rm -rf /etc/kubernetes", "", "rm: cannot remove '/etc/kubernetes': Permission denied\n", 1},
		{"sudo rm -rf /", "", "rm: it is dangerous to operate recursively on '/'\nrm: use --no-preserve-root to override this failsafe\n", 1},
		{"mkdir a/b", "", "mkdir: cannot create directory ‘a/b’: No such file or directory\n", 1},
		{"mkdir -p a/b; touch a/b/c; find a -type f; cp -r a d; ls d/b; mv d/b/c d/x; ls d", "a/b/c\nc\nb\nx\n", "", 0},
		{"printf 'a b\\nc d\\n' > t; awk '{print $2}' t; sed -i 's/a/X/' t; sed -n 1p t; sed /c/d t; cut -d' ' -f1 t", "b\nd\nX b\nX b\nX\nc\n", "", 0},
		{"printf 'b\\na\\nb\\n' | sort | uniq -c", "      1 a\n      2 b\n", "", 0},
		{"ls -l /etc/hostname", "-rw-r--r-- 1 root root …", "", 0},
		{"ls -l /etc | grep hosts$; touch mine; ls -l | grep mine; ls -l /home/azureuser/mine", "root root      105 May 14 00:00 hosts\n-rw-r--r-- 1 azureuser azureuser        0 May 12 10:05 mine\n-rw-r--r-- 1 azureuser azureuser        0 May 12 10:05 /home/azureuser/mine\n…", "", 0},
		{"ls /nowhere", "", "ls: cannot access '/nowhere': No such file or directory\n", 2},
		{"sudo fallocate -l 900G /big", "", "fallocate: fallocate failed: No space left on device\n", 1},
		{"fallocate -l 10M f && stat -c %s f && du -h f", "10485760\n10M\tf\n", "", 0},
		{"sudo dd if=/dev/zero of=/var/big bs=1M && echo x; sudo sh -c 'echo hi > /var/full'; df / | tail -1 | awk '{print $5}'", "100%\n", "No space left on device…", 0},
		// Units.
		{"systemctl is-active kubelet containerd; systemctl is-enabled kubelet", "active\nactive\nenabled\n", "", 0},
		{"systemctl stop kubelet", "", "Failed to stop kubelet.service: Interactive authentication required.\nSee system logs and 'systemctl status kubelet.service' for details.\n", 1},
		{"sudo systemctl stop kubelet; systemctl is-active kubelet", "inactive\n", "", 3},
		{"sudo systemctl disable --now kubelet; systemctl is-enabled kubelet; systemctl is-active kubelet", "disabled\ninactive\n", "Removed /etc/systemd/system/multi-user.target.wants/kubelet.service.\n", 3},
		{"sudo systemctl mask kubelet; sudo systemctl restart kubelet", "", "Failed to restart kubelet.service: Unit kubelet.service is masked.\n…", 1},
		{"sudo systemctl start foo", "", "Failed to start foo.service: Unit foo.service not found.\n", 5},
		{"systemctl status foo", "", "Unit foo.service could not be found.\n", 4},
		{"systemctl status kubelet", "● kubelet.service - …", "", 0},
		{"systemctl status kubelet", "     Active: active (running) since Tue 2026-05-12 08:0…", "", 0},
		{"sudo systemctl edit kubelet", "", "full-screen editor…", 1},
		{"sudo service kubelet stop; systemctl is-active kubelet", "inactive\n", "", 3},
		{"systemctl cat kubelet", "# /etc/systemd/system/kubelet.service\n…", "", 0},
		{"journalctl -u kubelet -n 1 --no-pager | wc -l", "1\n", "", 0},
		// Packages.
		{"apt-get install -y htop", "", lockFailed + "\n", 100},
		{"sudo apt-get install -y nosuchpackage", "Reading package lists... Done\nBuilding dependency tree... Done\nReading state information... Done\n", "E: Unable to locate package nosuchpackage\n", 100},
		{"sudo apt-get install stress | tail -1", "Do you want to continue? [Y/n] Abort.\n", "", 0},
		{"sudo apt-get remove containerd.io moby-containerd 2>&1 | tail -1", "E: Unable to locate package containerd.io\n", "", 0},
		{"dpkg -r foo", "", "dpkg: error: requested operation requires superuser privilege\n", 2},
		{"sudo apt-get install -y docker.io >/dev/null && sudo docker ps | head -1 | cut -c1-12", "CONTAINER ID\n", "", 0},
		// Network.
		{"iptables -L", "", "iptables v1.8.7 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n", 4},
		{"sudo iptables -A OUTPUT -p tcp --dport 443 -j DROP; sudo iptables -S OUTPUT", "-P OUTPUT ACCEPT\n-A OUTPUT -p tcp -m tcp --dport 443 -j DROP\n", "", 0},
		{"sudo iptables -I OUTPUT -p tcp --dport 443 -j DROP; sudo iptables -nL OUTPUT --line-numbers", "Chain OUTPUT (policy ACCEPT)\nnum  target     prot opt source               destination         \n1    DROP       tcp  --  0.0.0.0/0            0.0.0.0/0            tcp dpt:443\n", "", 0},
		{"sudo iptables -A INPUT -s 1.2.3.4 -j DROP; sudo iptables -C INPUT -s 1.2.3.4 -j DROP && echo there; sudo iptables -C INPUT -s 1.2.3.5 -j DROP; sudo iptables -S INPUT | wc -l", "there\n2\n", "iptables: Bad rule (does a matching rule exist in that chain?).\n", 0},
		{"sudo iptables -A NOWHERE -j DROP", "", "iptables: No chain/target/match by that name.\n", 1},
		{"sudo iptables -P OUTPUT DROP; sudo iptables -D OUTPUT 1; sudo iptables -S OUTPUT", "-P OUTPUT DROP\n", "iptables: Index of deletion too big.\n", 0},
		{"curl -sS -o /dev/null -w '%{http_code}\\n' https://mcr.microsoft.com/v2/", "200\n", "", 0},
		{"curl -sS -m 3 http://closed", "", "curl: (7) Failed to connect to closed port 80 after 0 ms: Connection refused\n", 7},
		{"curl http://nowhere", "", "curl: (6) Could not resolve host: nowhere\n", 6},
		{"nc -zv closed 80", "", "nc: connect to closed port 80 (tcp) failed: Connection refused\n", 1},
		// Processes and containers.
		{"pidof kube-proxy; pgrep -l kube-proxy", "3201\n3201 kube-proxy\n", "", 0},
		{"kill -9 3201", "", "bash: kill: (3201) - Operation not permitted\n", 1},
		{"ps | tail -1 | cut -c1-34; top -b | head -1", "  48214 pts/0    00:00:00 ps\ntop - 10:05:00 up  2:05,  1 user,  load average: 0.31, 0.27, 0.22\n", "", 0},
		{"kill 999999", "", "bash: kill: (999999) - No such process\n", 1},
		{"ps aux | grep kube-prox[y] | wc -l", "1\n", "", 0},
		{"crictl ps", "", "connect: permission denied…", 1},
		{"sudo crictl ps -q; sudo crictl ps -a -q | wc -l", "8f0c7f4e5a1b2c3d4e5f\n2\n", "", 0},
		{"sudo crictl logs --tail 1 8f0c", "line 2\n", "", 0},
		{"sudo crictl logs beef", "", "FATA[0000] rpc error: code = NotFound desc = an error occurred when try to find container \"beef\": not found \n", 1},
		{"sudo ctr -n k8s.io t ls | tail -1 | awk '{print $2}'", "3201\n", "", 0},
		{"sudo kubectl --kubeconfig /var/lib/kubelet/kubeconfig get nodes", "", "Error from server (Forbidden): nodes is forbidden…", 1},
		// The machine.
		{"hostname", "aks-nodepool1-12345678-vmss000000\n", "", 0},
		{"uptime", " 10:05:00 up  2:05,  1 user,  load average: 0.31, 0.27, 0.22\n", "", 0},
		{"date +%FT%TZ", "2026-05-12T10:05:00Z\n", "", 0},
		{"reboot", "", "Interactive authentication required…", 1},
		{"sudo shutdown -r +5", "", "shutdown: demarc only shuts down at once: say `now'\n", 1},
		{"nano x", "", "nano: demarc's shell has no full-screen editor: write files with echo … > FILE or tee\n", 1},
		{"man ls", "", "No manual entry for ls\n", 16},
		{"passwd", "", "passwd: Authentication token manipulation error\npasswd: password unchanged\n", 10},
		{"umount /", "", "umount: /: must be superuser to unmount.\n", 32},
	}
	for _, tt := range tests {
		out, errOut, code := run(t, newFake(t), tt.script, "in\n")
		if !contains(out, tt.out) || code != tt.code || !contains(errOut, tt.err) {
			t.Errorf("%s\n got %q, %q, %d\nwant %q, %q, %d", tt.script, out, errOut, code, tt.out, tt.err, tt.code)
		}
	}
}

func TestKillsContainers(t *testing.T) {
	for script, want := range map[string]string{
		"sudo kill -9 3201": "8f0c killed", "sudo pkill kube-proxy": "8f0c terminated", "sudo killall -9 kube-proxy": "8f0c killed",
		"sudo crictl stop 8f0c": "8f0c terminated", "sudo ctr -n k8s.io tasks kill 8f0c7f4e5a1b2c3d4e5f": "8f0c killed",
	} {
		f := newFake(t)
		if run(t, f, script, ""); !slices.Equal(f.killed, []string{want}) {
			t.Errorf("%s: got %q, want %q", script, f.killed, want)
		}
	}
}

func TestRuntimeIsDown(t *testing.T) {
	f := newFake(t)
	f.down = syscall.ECONNREFUSED
	for script, want := range map[string]string{
		"sudo crictl ps":               "validate service connection: validate CRI v1 runtime API for endpoint \"unix:///run/containerd/containerd.sock\"",
		"sudo crictl pods":             "dial unix /run/containerd/containerd.sock: connect: connection refused",
		"sudo ctr -n k8s.io images ls": "connect: connection refused",
	} {
		if out, errOut, code := run(t, f, script, ""); out != "" || code != 1 || !strings.Contains(errOut, want) {
			t.Errorf("%s: got %q, %q, %d; want %q", script, out, errOut, code, want)
		}
	}
}

func TestAptAsks(t *testing.T) {
	for answer, want := range map[string]string{"n\n": "Abort.\n", "": "Abort.\n", "y\n": ""} {
		f := newFake(t)
		run(t, f, "sudo apt-get install -y stress", "")
		out, errOut, code := run(t, f, "sudo apt-get remove stress", answer)
		_, _, there := run(t, f, "which stress", "")
		if kept := there == 0; strings.HasSuffix(out, "Abort.\n") != (want != "") || kept != (want != "") || (code == 1) != (want != "") {
			t.Errorf("answer %q: got %q, %q, %d, kept %v", answer, out, errOut, code, kept)
		}
	}
}

func TestSession(t *testing.T) {
	f := newFake(t)
	s := New(f, Options{Terminal: true})
	var out bytes.Buffer
	line := func(text string) int {
		code, err := s.Run(t.Context(), text, nil, &out, &out)
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	name := "@aks-nodepool1-12345678-vmss000000:"
	steps := []struct{ line, prompt string }{
		{"", "azureuser" + name + "~$ "},
		{"x=1; f() { echo f $x; }; cd /var", "azureuser" + name + "/var$ "},
		{"f", "azureuser" + name + "/var$ "},
		{"sudo -i", "root" + name + "~# "},
		{"cd /tmp; whoami", "root" + name + "/tmp# "},
		{"su azureuser", "azureuser" + name + "/tmp$ "},
		{"exit", "root" + name + "/tmp# "},
		{"logout", "azureuser" + name + "/var$ "},
		{"cd", "azureuser" + name + "~$ "},
	}
	for _, st := range steps {
		if line(st.line); s.Prompt() != st.prompt || s.Exited() {
			t.Errorf("%s: got the prompt %q, exited %v; want %q", st.line, s.Prompt(), s.Exited(), st.prompt)
		}
	}
	if got, want := out.String(), "f 1\nroot\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if code := line("exit 4"); code != 4 || !s.Exited() {
		t.Errorf("exit: got %d, exited %v", code, s.Exited())
	}
}

func TestMachineGoesAway(t *testing.T) {
	f := newFake(t)
	s := New(f, Options{})
	f.gone = errors.New("the machine was powered off")
	code, err := s.Run(t.Context(), "while true; do ls /etc; done", nil, io.Discard, io.Discard)
	if !errors.Is(err, ErrGone) || code != 255 || !s.Exited() {
		t.Errorf("got %d, %v, exited %v; want ErrGone", code, err, s.Exited())
	}
}

func TestIncomplete(t *testing.T) {
	for script, want := range map[string]bool{
		"echo hi": false, "echo 'a": true, `echo "a`: true, `echo a \`: true, `echo a \\`: false, "cat <<EOF\na": true, "cat <<EOF\na\nEOF\n": false,
		"if true; then": true, "for i in 1; do": true, "echo )": false, "": false, "echo $(": true, "a |": true,
	} {
		if got := shell.Incomplete(script); got != want {
			t.Errorf("Incomplete(%q) = %v, want %v", script, got, want)
		}
	}
}

func TestComplete(t *testing.T) {
	s := New(newFake(t), Options{})
	for line, want := range map[string]string{
		"systemc": "systemctl", "sudo journ": "journalctl", "cat /etc/hostn": "/etc/hostname", "ls /etc/kubern": "/etc/kubernetes/", "dock": "",
		"sudo systemctl stop kubele": "kubelet-monitor.service kubelet.service",
	} {
		if got := strings.Join(s.Complete(line), " "); got != want {
			t.Errorf("Complete(%q) = %q, want %q", line, got, want)
		}
	}
}

func TestBanner(t *testing.T) {
	got := New(newFake(t), Options{}).Banner()
	for _, want := range []string{"Ubuntu 22.04", "202605.14.0"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %s", want, got)
		}
	}
}
