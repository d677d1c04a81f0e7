package scenarios_test

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/fault"
	"demarc/sim/sshd"
	"demarc/sim/timeline"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestTakenPortsAreReplaced resumes a cluster whose ports are other programs' by now.
func TestTakenPortsAreReplaced(t *testing.T) {
	m := newMortal(t)
	before := m.status()
	if len(before.MovedPorts) > 0 {
		t.Errorf("a new cluster has moved: %+v", before.MovedPorts)
	}
	ssh, err := sshd.ReadAddress(filepath.Dir(before.SSHConfig))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	server := serverPort(t, before)
	for _, port := range []int{server, ssh.Port} {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
	m.start()
	after := m.status()
	want := []api.MovedPort{{Of: "API server", File: after.Kubeconfig, From: server, To: serverPort(t, after)}}
	if len(after.MovedPorts) != 2 || after.MovedPorts[0] != want[0] || after.MovedPorts[1].From != ssh.Port {
		t.Errorf("moved: %+v, want %+v and the SSH server", after.MovedPorts, want)
	}
	if _, err := m.kube().CoreV1().Namespaces().Get(t.Context(), "default", metav1.GetOptions{}); err != nil {
		t.Errorf("with the kubeconfig as it is now: %v", err)
	}
	if b, err := os.ReadFile(after.SSHConfig); err != nil || !strings.Contains(string(b), strconv.Itoa(after.MovedPorts[1].To)) {
		t.Errorf("the SSH configuration does not name port %d: %v", after.MovedPorts[1].To, err)
	}
	events, err := m.p.Client.Timeline(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(events, func(e timeline.Event) bool {
		return e.Verb == "moved" && strings.Contains(e.Message, strconv.Itoa(server))
	}) {
		t.Error("the timeline does not say that the API server has moved")
	}
}

func serverPort(t *testing.T, s api.Status) int {
	t.Helper()
	u, err := url.Parse(s.Server)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// TestRestoreBesideTheWatchdog restores while the watchdog restarts what has crashed:
// neither ends what the other has started.
func TestRestoreBesideTheWatchdog(t *testing.T) {
	m := newMortal(t)
	if _, err := m.provider().TakeBackup(t.Context()); err != nil {
		t.Fatal(err)
	}
	for round := range 8 {
		m.awaitRunning()
		// The API server last: the others end by themselves soon after it.
		for _, target := range []string{"kube-scheduler", "kube-controller-manager", "kube-apiserver"} {
			if _, err := m.provider().Inject(t.Context(), fault.Spec{Verb: "crash", Target: target, Args: map[string]string{"hold": "no"}}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Duration(round) * 40 * time.Millisecond) // of two seconds and more at 60x
		if _, err := m.provider().Restore(t.Context(), api.RestoreRequest{}); err != nil {
			t.Fatal(err)
		}
		m.awaitRestored(round)
	}
	m.awaitRunning()
}

// awaitRunning waits until all components run. On a busy machine more do not than were
// crashed: kube-controller-manager ends by itself when no API server answers it for ten
// seconds, a sixth of a real one at 60x.
func (m *mortal) awaitRunning() {
	m.t.Helper()
	var ill api.Component
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(20 * time.Millisecond) {
		components := m.status().Components
		i := slices.IndexFunc(components, func(c api.Component) bool { return c.State != "running" })
		if i < 0 {
			return
		}
		ill = components[i]
	}
	m.t.Fatalf("%s is %s: %s", ill.Name, ill.State, ill.Message)
}

// awaitRestored waits until no restore is under way, and wants that all have succeeded.
func (m *mortal) awaitRestored(round int) {
	m.t.Helper()
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(20 * time.Millisecond) {
		list, err := m.provider().Restores(m.t.Context())
		if err != nil {
			m.t.Fatal(err)
		}
		for _, r := range list {
			if r.Phase == api.RestoreFailed {
				m.t.Fatalf("round %d: restore %s: %s", round, r.ID, r.Error)
			}
		}
		if len(list) > round && !slices.ContainsFunc(list, func(r api.Restore) bool { return r.Phase != api.RestoreDone }) {
			return
		}
	}
	m.t.Fatalf("round %d: the restore does not end", round)
}

func (m *mortal) status() api.Status {
	m.t.Helper()
	s, err := m.p.Client.Status(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	return s
}
