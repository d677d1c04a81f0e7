package demarctest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// usersTest is a test of somebody else's.
const usersTest = `package shop

import (
	"testing"
	"time"

	"demarc/demarctest"

	"k8s.io/client-go/discovery"
)

func TestShop(t *testing.T) {
	cluster := demarctest.Start(t, demarctest.Nodes(1))
	client, err := discovery.NewDiscoveryClientForConfig(cluster.Config())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.ServerVersion(); err != nil {
		t.Fatal(err)
	}
	cluster.Advance(time.Hour)
	cluster.Check("machines.all(m, m.kubelet == 'running')")
}
`

// TestAnotherModule builds and runs a test of another module, which has one replace. Nothing
// of Kubernetes itself is compiled for it, nor of demarc.
func TestAnotherModule(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a cluster")
	}
	command, err := Command()
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module example.com/shop\n\ngo 1.26.0\n\nreplace demarc/demarctest => "+here+"\n")
	write("shop_test.go", usersTest)
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("go", args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), CommandEnv+"="+command, "GOWORK=off", "GOFLAGS=-mod=mod")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	run("mod", "tidy")
	for _, pkg := range strings.Fields(run("list", "-deps", "-test", "./...")) {
		if strings.HasPrefix(pkg, "k8s.io/kubernetes") || strings.HasPrefix(pkg, "demarc/") && pkg != module {
			t.Errorf("it is built with %s", pkg)
		}
	}
	run("test", "-vet=off", "-count=1", "./...")
}
