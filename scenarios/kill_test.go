package scenarios_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/fault"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// killAfter are real times after the request, so that a kill falls into every
// part of a backup and of a restore on a machine of any speed.
var killAfter = []time.Duration{
	0, 5 * time.Millisecond, 20 * time.Millisecond, 60 * time.Millisecond, 150 * time.Millisecond,
	300 * time.Millisecond, 600 * time.Millisecond, 1200 * time.Millisecond,
}

// mortal is a live cluster whose engine is killed again and again.
type mortal struct {
	t    *testing.T
	path string
	dir  string
	spec api.ClusterSpec
	p    *engine.Process
	// newKey has a lost key of backups replaced.
	newKey bool
}

func newMortal(t *testing.T) *mortal {
	t.Helper()
	return newMortalOf(t, api.ClusterSpec{Nodes: 1})
}

func newMortalOf(t *testing.T, spec api.ClusterSpec) *mortal {
	if testing.Short() {
		t.Skip("starts engines")
	}
	path, err := engine.Build(t.Context(), os.Stderr)
	if err != nil {
		t.Fatalf("build the engine: %v", err)
	}
	spec.Name, spec.Edition, spec.Start, spec.Seed = "mortal", api.DefaultEdition, time.Now(), 1
	m := &mortal{t: t, path: path, dir: filepath.Join(t.TempDir(), "data"), spec: spec}
	m.start()
	t.Cleanup(func() { m.p.Kill() })
	return m
}

// start starts the engine, or resumes it, and waits until the cluster is ready.
func (m *mortal) start() {
	m.t.Helper()
	p, err := engine.Start(m.t.Context(), engine.Options{Path: m.path, DataDir: m.dir, Config: api.EngineConfig{Cluster: m.spec, Rate: 60, NewBackupKey: m.newKey}})
	if err != nil {
		m.t.Fatal(err)
	}
	m.p = p
	ctx, cancel := context.WithTimeout(m.t.Context(), scenarioTimeout)
	defer cancel()
	for {
		s, err := p.Client.Status(ctx)
		if err != nil {
			m.t.Fatalf("status: %v", err)
		}
		switch s.State {
		case "ready":
			return
		case "failed":
			m.t.Fatalf("the engine failed: %s", s.Error)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// killDuring asks for something, kills the engine a moment later, whether that
// has been done or not, and resumes it.
func (m *mortal) killDuring(request func(context.Context, *api.Client), after time.Duration) {
	m.t.Helper()
	ctx, cancel := context.WithCancel(m.t.Context())
	done := make(chan struct{})
	client := m.provider()
	go func() {
		defer close(done)
		request(ctx, client)
	}()
	time.Sleep(after)
	m.p.Kill()
	cancel()
	<-done
	m.start()
}

func (m *mortal) provider() *api.Client {
	m.t.Helper()
	c, err := engine.AttachAs(m.dir, api.RoleProvider)
	if err != nil {
		m.t.Fatal(err)
	}
	return c
}

func (m *mortal) kube() kubernetes.Interface {
	m.t.Helper()
	s, err := m.p.Client.Status(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", s.Kubeconfig)
	if err != nil {
		m.t.Fatal(err)
	}
	cfg.QPS = -1 // as fast as it answers
	return kubernetes.NewForConfigOrDie(cfg)
}

// checkStore compares the catalogue with the files, and reads every one of them.
func (m *mortal) checkStore() {
	m.t.Helper()
	client := m.provider()
	backups, err := client.Backups(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	var catalogue []string
	for _, b := range backups {
		catalogue = append(catalogue, b.ID+".backup")
		if v, err := client.VerifyBackup(m.t.Context(), b.ID); err != nil || !v.Verified {
			m.t.Errorf("backup %s: %v %s", b.ID, err, v.Problem)
		}
	}
	var files []string
	entries, err := os.ReadDir(filepath.Join(m.dir, "backups"))
	if err != nil {
		m.t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			files = append(files, e.Name())
		}
	}
	slices.Sort(catalogue)
	if !slices.Equal(files, catalogue) {
		m.t.Errorf("files %v, catalogue %v", files, catalogue)
	}
}

func TestEngineKilledInABackup(t *testing.T) {
	m := newMortal(t)
	for _, after := range killAfter {
		if _, err := m.provider().Inject(t.Context(), fault.Spec{Verb: "slow", Target: "backup-store", Args: map[string]string{"latency": "10s"}}); err != nil {
			t.Fatal(err)
		}
		m.killDuring(func(ctx context.Context, c *api.Client) { _, _ = c.TakeBackup(ctx) }, after)
		m.checkStore()
	}
	if _, err := m.provider().TakeBackup(t.Context()); err != nil {
		t.Errorf("a backup after all that: %v", err)
	}
	m.checkStore()
}

func TestEngineKilledInARestore(t *testing.T) {
	m := newMortal(t)
	kept := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "kept"}, Data: map[string]string{"price": "3.80"}}
	if _, err := m.kube().CoreV1().ConfigMaps("default").Create(t.Context(), kept, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.provider().TakeBackup(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, after := range killAfter {
		m.killDuring(func(ctx context.Context, c *api.Client) { _, _ = c.Restore(ctx, api.RestoreRequest{}) }, after)
		restores, err := m.provider().Restores(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range restores {
			if r.Phase != api.RestoreDone {
				t.Errorf("killed after %s: restore %s is %s: %s", after, r.ID, r.Phase, r.Error)
			}
		}
		got, err := m.kube().CoreV1().ConfigMaps("default").Get(t.Context(), "kept", metav1.GetOptions{})
		if err != nil || got.Data["price"] != "3.80" {
			t.Errorf("killed after %s: what the backup has: %v %v", after, got.Data, err)
		}
		entries, err := os.ReadDir(m.dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if strings.Contains(e.Name(), "restoring") {
				t.Errorf("killed after %s: %s is left", after, e.Name())
			}
		}
	}
	m.checkStore()
}
