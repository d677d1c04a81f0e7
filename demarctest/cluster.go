package demarctest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Cluster is a cluster of a test's own. Its methods end the test if they fail, so they are
// for the test's own goroutine, but for those that only tell.
type Cluster struct {
	t      testing.TB
	demarc string
	status status
	config *rest.Config
	rate   string

	process *exec.Cmd
	input   io.Closer // the cluster ends with it
	said    *output
	exited  chan struct{}
	exit    error // of the process; read after exited
	stop    sync.Once
}

// status is what demarc says of a cluster that it has brought up.
type status struct {
	Name       string `json:"name"`
	DataDir    string `json:"dataDir"`
	Kubeconfig string `json:"kubeconfig"`
	Kubernetes string `json:"kubernetesVersion"`
}

// stopTimeout is how long a cluster may take to end, in real time.
const stopTimeout = time.Minute

// Start brings up a cluster, which ends with the test, and ends the test if there is none.
func Start(t testing.TB, with ...Option) *Cluster {
	t.Helper()
	o := options{rate: "1x"}
	for _, option := range with {
		option(&o)
	}
	path, err := Command()
	if err != nil {
		t.Fatal(err)
	}
	c := &Cluster{t: t, demarc: path, rate: o.rate, said: &output{}, exited: make(chan struct{})}
	c.process = exec.Command(path, append([]string{"exec", "--hold", "-o", "json", "--rate", o.rate}, o.flags...)...)
	c.process.Stderr = c.said
	if c.input, err = c.process.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.process.Start(); err != nil {
		t.Fatal(err)
	}
	decodeErr := json.NewDecoder(out).Decode(&c.status)
	go func() {
		_, _ = io.Copy(io.Discard, out) // Wait may only be called when all is read
		c.exit = c.process.Wait()
		close(c.exited)
	}()
	t.Cleanup(func() { c.end(t.Failed()) })
	if decodeErr != nil {
		c.input.Close()
		<-c.exited
		t.Fatalf("demarc has brought up no cluster: %v\n%s", c.exit, c.said)
	}
	if c.config, err = clientcmd.BuildConfigFromFlags("", c.status.Kubeconfig); err != nil {
		t.Fatal(err)
	}
	t.Logf("the cluster %s runs Kubernetes %s; look at it with demarc --name %[1]s status", c.status.Name, c.status.Kubernetes)
	return c
}

// Name is the cluster's name, by which commands of demarc find it while the test runs.
func (c *Cluster) Name() string { return c.status.Name }

// Kubeconfig is the path of a kubeconfig with the customer's admin credentials.
func (c *Cluster) Kubeconfig() string { return c.status.Kubeconfig }

// Config is the configuration of a client with the customer's admin credentials. Each call
// returns another copy.
func (c *Cluster) Config() *rest.Config { return rest.CopyConfig(c.config) }

// Env is an environment in which kubectl, Helm and demarc itself work on the cluster.
func (c *Cluster) Env() []string {
	return append(os.Environ(), "KUBECONFIG="+c.status.Kubeconfig, "DEMARC_HOME="+filepath.Dir(c.status.DataDir), "DEMARC_NAME="+c.status.Name)
}

// Demarc runs a command of demarc on the cluster and returns what it prints, such as
// Demarc("iaas", "nsg", "list").
func (c *Cluster) Demarc(args ...string) string {
	c.t.Helper()
	cmd := exec.Command(c.demarc, args...)
	cmd.Env = c.Env()
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("demarc %s: %v\n%s", strings.Join(args, " "), withOutput(err), out)
	}
	return string(out)
}

// Stop takes the cluster away before the test ends.
func (c *Cluster) Stop() {
	c.t.Helper()
	c.end(c.t.Failed())
}

// end takes the cluster away, and logs what happened in it if the test has failed.
func (c *Cluster) end(failed bool) {
	c.t.Helper()
	c.stop.Do(func() {
		begun := c.status.Name != "" // else it is said already why not
		if failed && begun {
			c.logTimeline()
		}
		c.input.Close()
		select {
		case <-c.exited:
		case <-time.After(stopTimeout):
			_ = c.process.Process.Kill() // its engine ends with it
			<-c.exited
			c.t.Errorf("the cluster %s has not stopped within %s", c.status.Name, stopTimeout)
		}
		if begun && c.exit != nil {
			c.t.Logf("demarc has ended: %v\n%s", c.exit, c.said)
		}
	})
}

// output is what a program says, its end if it is much. The zero value is ready.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// maxOutput bounds what is kept.
const maxOutput = 64 << 10

// Write implements [io.Writer].
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(b)
	if n := o.text.Len() - maxOutput; n > 0 {
		o.text.Next(n)
	}
	return len(b), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return fmt.Sprintf("%s", bytes.TrimSpace(o.text.Bytes()))
}
