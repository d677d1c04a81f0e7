//lint:file-ignore ST1005 Errors are in the words of Kured.

// Package kured is what the program Kured does, as a container of its image runs it:
// it reboots its node when a file asks for that, one node of the cluster at a time,
// after a drain (kubereboot/kured 1.16, cmd/kured).
package kured

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"time"

	"demarc/sim/clock"
	"demarc/sim/drain"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/spf13/pflag"
)

// Node is the node that Kured runs on, as its pod sees it.
type Node interface {
	Name() string
	// HasFile says whether a file is on the machine's own disk.
	HasFile(path string) bool
	// ReachesAPI says whether the pod can reach the API server.
	ReachesAPI() bool
	// Reboot reboots the machine, unless it has been since the pod started.
	Reboot()
}

// Run runs Kured on a node until ctx ends, or the command line is wrong, with a client
// that speaks for its pod. privileged says whether its container can enter the
// namespaces of the machine.
func Run(ctx context.Context, node Node, client kubernetes.Interface, privileged bool, out io.Writer, argv []string) int {
	k := &kured{node: node, client: client, privileged: privileged, out: out}
	return k.main(ctx, argv)
}

// kured is one run of the program.
type kured struct {
	node       Node
	client     kubernetes.Interface
	privileged bool
	out        io.Writer

	// Flags of the command line.
	period                                    time.Duration
	drainTimeout                              time.Duration // 0 is without end
	sentinel, annotation, dsName, dsNamespace string
}

// lock is the annotation of Kured's DaemonSet while a node reboots.
type lock struct {
	NodeID   string    `json:"nodeID"`
	Metadata lockState `json:"metadata"`
	Created  time.Time `json:"created"`
	TTL      int       `json:"TTL"`
}

// lockState is whether the node was cordoned before.
type lockState struct {
	Unschedulable bool `json:"unschedulable"`
}

func (k *kured) main(ctx context.Context, argv []string) int {
	flags := pflag.NewFlagSet("kured", pflag.ContinueOnError)
	flags.SetOutput(k.out)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.DurationVar(&k.period, "period", time.Hour, "sentinel check period")
	flags.DurationVar(&k.drainTimeout, "drain-timeout", 0, "timeout after which the drain is aborted")
	flags.StringVar(&k.sentinel, "reboot-sentinel", "/var/run/reboot-required", "path to the file that asks for a reboot")
	flags.StringVar(&k.annotation, "lock-annotation", "weave.works/kured-node-lock", "annotation in which to record the lock")
	flags.StringVar(&k.dsName, "ds-name", "kured", "name of the DaemonSet on which to place the lock")
	flags.StringVar(&k.dsNamespace, "ds-namespace", "kube-system", "namespace of the DaemonSet")
	if err := flags.Parse(argv[min(1, len(argv)):]); err != nil {
		return 1
	}
	if k.period < time.Second {
		k.log("error", "the period %s is too short", k.period)
		return 1
	}
	k.log("info", "Node ID: %s, lock annotation: %s/%s:%s, reboot sentinel: %s every %v", k.node.Name(), k.dsNamespace, k.dsName, k.annotation, k.sentinel, k.period)
	for !k.settled(ctx) {
		if !clock.Sleep(ctx, drain.Retry) {
			return 0
		}
	}
	for clock.Sleep(ctx, k.untilCheck(time.Now())) {
		if !k.wanted() {
			continue
		}
		if err := k.reboot(ctx); err != nil && ctx.Err() == nil {
			k.log("warning", "%v", err)
		}
	}
	return 0
}

// untilCheck is the time until the next check: each node has its own moment in the
// period.
func (k *kured) untilCheck(now time.Time) time.Duration {
	h := fnv.New32a()
	h.Write([]byte(k.node.Name())) // never fails
	offset := (time.Duration(h.Sum32()) * time.Second % k.period).Truncate(time.Second)
	return now.Add(-offset).Truncate(k.period).Add(k.period + offset).Sub(now)
}

func (k *kured) log(level, format string, args ...any) {
	// A container's log takes everything.
	fmt.Fprintf(k.out, "time=%q level=%s msg=%q\n", time.Now().UTC().Format(time.RFC3339), level, fmt.Sprintf(format, args...))
}

// wanted says whether the sentinel is there. Kured looks from within the machine's own
// namespaces, which only a privileged container with the host's processes can.
func (k *kured) wanted() bool {
	if !k.privileged {
		k.log("error", "nsenter: cannot open /proc/1/ns/mnt: Permission denied")
		return false
	}
	return k.node.HasFile(k.sentinel)
}

// errNoAPI is what a pod hears that cannot reach the API server.
var errNoAPI = errors.New(`Get "https://10.0.0.1:443/": dial tcp 10.0.0.1:443: i/o timeout`)

// online says why the pod cannot reach the API server.
func (k *kured) online() error {
	if !k.node.ReachesAPI() {
		return errNoAPI
	}
	return nil
}

// lockOf is the lock, and whose it is; nil for nobody's.
func (k *kured) lockOf(annotations map[string]string) (*lock, error) {
	text := annotations[k.annotation]
	if text == "" {
		return nil, nil
	}
	var l lock
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return nil, fmt.Errorf("Error in lock annotation %s: %w", k.annotation, err)
	}
	return &l, nil
}

// settled gives the lock back that the node holds from before its reboot, and lets pods
// come again. It is false if that has to be tried again.
func (k *kured) settled(ctx context.Context) bool {
	if err := k.online(); err != nil {
		k.log("warning", "%v", err)
		return false
	}
	ds, err := k.client.AppsV1().DaemonSets(k.dsNamespace).Get(ctx, k.dsName, metav1.GetOptions{})
	if err != nil {
		k.log("warning", "Error testing lock: %v", err)
		return false
	}
	held, err := k.lockOf(ds.Annotations)
	if err != nil || held == nil || held.NodeID != k.node.Name() {
		return err == nil
	}
	k.log("info", "Holding lock")
	if !held.Metadata.Unschedulable {
		k.log("info", "Uncordoning node %s", k.node.Name())
		if err := drain.Cordon(ctx, k.client, k.node.Name(), false); err != nil {
			k.log("warning", "Error uncordoning node %s: %v", k.node.Name(), err)
			return false
		}
	}
	delete(ds.Annotations, k.annotation)
	if _, err := k.client.AppsV1().DaemonSets(k.dsNamespace).Update(ctx, ds, metav1.UpdateOptions{FieldManager: "kured"}); err != nil {
		k.log("warning", "Error releasing lock: %v", err)
		return false
	}
	k.log("info", "Releasing lock")
	return true
}

// acquire takes the lock, if no other node has it.
func (k *kured) acquire(ctx context.Context, unschedulable bool) error {
	sets := k.client.AppsV1().DaemonSets(k.dsNamespace)
	ds, err := sets.Get(ctx, k.dsName, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("Error acquiring lock: %w", err)
	}
	held, err := k.lockOf(ds.Annotations)
	switch {
	case err != nil:
		return err
	case held != nil && held.NodeID != k.node.Name():
		return fmt.Errorf("Lock already held: %s", held.NodeID)
	case held != nil:
		return nil // from a drain that did not come to an end
	}
	text, err := json.Marshal(lock{NodeID: k.node.Name(), Metadata: lockState{unschedulable}, Created: time.Now().UTC()})
	if err != nil {
		return err
	}
	if ds.Annotations == nil {
		ds.Annotations = map[string]string{}
	}
	ds.Annotations[k.annotation] = string(text)
	// Of two nodes that write at once, one gets a conflict.
	if _, err := sets.Update(ctx, ds, metav1.UpdateOptions{FieldManager: "kured"}); err != nil {
		return fmt.Errorf("Error acquiring lock: %w", err)
	}
	k.log("info", "Acquired reboot lock")
	return nil
}

// reboot takes the lock, drains the node and reboots it.
func (k *kured) reboot(ctx context.Context) error {
	k.log("info", "Reboot required")
	if err := k.online(); err != nil {
		return err
	}
	node, err := k.client.CoreV1().Nodes().Get(ctx, k.node.Name(), metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("Error retrieving node object via k8s API: %w", err)
	}
	if err := k.acquire(ctx, node.Spec.Unschedulable); err != nil {
		return err
	}
	k.log("info", "Draining node %s", k.node.Name())
	if err := drain.Cordon(ctx, k.client, k.node.Name(), true); err != nil {
		return fmt.Errorf("Error cordoning %s: %w", k.node.Name(), err)
	}
	if err := k.drain(ctx); err != nil {
		return fmt.Errorf("Error draining %s: %w", k.node.Name(), err)
	}
	k.log("info", "Running command: [/usr/bin/nsenter -m/proc/1/ns/mnt -- /bin/systemctl reboot] for node: %s", k.node.Name())
	k.node.Reboot()
	<-ctx.Done() // the machine goes down, and everything on it
	return nil
}

// drain evicts the node's pods, again and again while budgets forbid it.
func (k *kured) drain(ctx context.Context) error {
	if k.drainTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, k.drainTimeout)
		defer cancel()
	}
	for {
		left, blocked, err := drain.Evict(ctx, k.client, k.node.Name())
		if err == nil && left == 0 {
			return nil
		}
		for _, pod := range blocked {
			k.log("warning", "error when evicting pods (will retry after %s): %s", drain.Retry, pod)
		}
		if err != nil {
			k.log("warning", "%v", err)
		}
		if !clock.Sleep(ctx, drain.Retry) {
			return ctx.Err()
		}
	}
}
