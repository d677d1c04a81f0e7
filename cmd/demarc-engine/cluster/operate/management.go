// Package operate ties the provider's management plane to the plants that it operates:
// the control plane, the worker nodes and their VMs, the add-ons and the backups.
//
// A [Management] is opened before the machines are there, brings the control plane up,
// and answers what the management API asks of the provider: its exported methods are
// actions of package sim/api. What the plane decides is package controlplane/provider;
// here stands how that is done to this cluster.
package operate

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"demarc/backup"
	"demarc/cmd/demarc-engine/cluster/incident"
	"demarc/controlplane"
	"demarc/controlplane/provider"
	"demarc/nodes"
	"demarc/sim/addon"
	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/disk"
	"demarc/sim/timeline"

	"k8s.io/client-go/kubernetes"
)

// Config is what a [Management] operates, and who is told.
type Config struct {
	// Dir is the cluster's, and Ephemeral says that it need not survive a crash of the
	// machine.
	Dir       string
	Ephemeral bool
	Spec      api.ClusterSpec
	BackupKey []byte
	Log       *timeline.Log
	Dial      *clock.Dial
	Plane     *controlplane.Plane
	Client    kubernetes.Interface // of the API server, as the provider
	Addons    *addon.Reconciler
	Repaired  <-chan addon.Repair // what Addons has done
	Installed <-chan struct{}     // closed when the add-ons are
	Ledger    *incident.Ledger
	// Fleet is the machines. It is set before the loops begin.
	Fleet *nodes.Fleet
	// Desk is the loop of the support desk.
	Desk func(context.Context, *provider.Leadership)
	// Refuse puts a refusal on the timeline, if there is one, and hands it on.
	Refuse func(who timeline.Actor, subject, what string, err error) error
	// Mended is told what was mended, and Phase what the start is busy with. State is the
	// cluster's.
	Mended func(api.Mended)
	Phase  func(string)
	State  func() string
	// Save keeps the cluster's state, and PoolChanged also which machines there are.
	Save        func() error
	PoolChanged func() error
	// Await waits until ok, for as long as the start of a part may take.
	Await func(ctx context.Context, what string, ok func() bool) error
	// Context ends with the cluster.
	Context context.Context
}

// Management is the provider's own plane of a cluster: its replicated memory, the loops
// that its leader runs, and the backups.
type Management struct {
	Config
	Memory   *provider.Replicas
	Operator *provider.Operator
	Store    *backup.Store
	log      *disk.Log
	ended    sync.Once
	gates    gateCache
	updating sync.Mutex // held while the cluster is updated
	deprived deprived
	blocks   blocks
	filled   filled
}

// Open opens the plane. Its loops wait until they are told to begin. Close it also if
// that fails.
func (m *Management) Open() (err error) {
	if m.Store, err = backup.OpenStore(backup.StoreDir(m.Dir), m.Plane.ID(), m.BackupKey); err != nil {
		return err
	}
	m.Store.Sync, m.Store.Rest = !m.Ephemeral, m.Dial.Rest
	if m.log, err = disk.OpenLog(filepath.Join(m.Dir, "logs", "provider.log")); err != nil {
		return err
	}
	m.Operator = provider.NewOperator(provider.OperatorConfig{
		Name: m.Spec.Name, Created: m.Spec.Start, KubernetesVersion: m.Plane.Version, Note: m.Log.Append,
		ControlPlane: managed{m}, Nodes: workers{m}, Cloud: vms{m}, Room: m.room,
		Addons: m.leadAddons, Autoscale: m.autoscale, Desk: m.Desk, Ledger: m.Ledger, Store: m.Store, Policy: m.Spec.Backups,
		Patcher: patcher{m}, VendorFixAge: vendorFixAge[m.Spec.Edition],
	})
	if m.Memory, err = provider.Open(provider.Config{
		Dir: filepath.Join(m.Dir, "provider", "replicas"), Sync: !m.Ephemeral, Log: m.log, Lead: m.Operator.Lead, Note: m.noteReplica,
	}); err != nil {
		return err
	}
	if err := m.Await(m.Context, "the provider's plane", func() bool { _, ok := m.Memory.Leader(); return ok }); err != nil {
		return err
	}
	if late := time.Until(m.Memory.State().Latest()); late > 0 && clock.Virtual {
		time.Sleep(late) // a clock that goes back would order what is to come before what has been
	}
	known := m.Memory.State().Cluster
	first := provider.Command{} // one that is resumed has its own settings
	if known.KubernetesVersion == "" {
		first = provider.SetSettings(api.ClusterSettings{FeatureGates: m.Spec.FeatureGates})
	}
	wanted, err := m.wantedCluster(known)
	if err != nil {
		return err
	}
	if err := m.Memory.Apply(m.Context, provider.Batch(first, provider.SetCluster(wanted))); err != nil {
		return err
	}
	if err := m.Plane.SetVersion(m.Memory.State().ControlPlaneVersion()); err != nil {
		return err
	}
	return m.configure(m.Settings())
}

// noteReplica is told what happens to a replica of the provider's plane.
func (m *Management) noteReplica(replica string, verb timeline.Verb, message string) {
	m.Log.Append(timeline.Event{Actor: timeline.Provider, Verb: verb, Subject: replicaName(replica), Message: message})
	if cost, ok := memoryCosts[verb]; ok {
		m.Mended(api.Mended{Subject: replicaName(replica), Found: message, Remedy: cost})
	}
}

// Close ends the plane, if it was opened and has not ended.
func (m *Management) Close() (err error) {
	m.ended.Do(func() {
		if m.Memory != nil {
			err = m.Memory.Close()
		}
		if m.log != nil {
			err = errors.Join(err, m.log.Close())
		}
	})
	return err
}

// replicaName names a replica in faults, incidents and on the timeline.
func replicaName(replica string) string { return "provider/" + replica }

// Well says whether what the provider runs is well: a replica of the plane runs and
// reaches the others, and components of the control plane say so themselves.
func (m *Management) Well(ctx context.Context, subject string) error {
	if replica, ok := strings.CutPrefix(subject, "provider/"); ok {
		for _, s := range m.Memory.Status() {
			if s.Name == replica && (s.State == "stopped" || s.Network != "up") {
				return fmt.Errorf("replica %s is %s, its network %s", s.Name, s.State, s.Network)
			}
		}
		return nil
	}
	for _, x := range m.Plane.Group(subject) {
		if err := x.Healthy(ctx); err != nil {
			return err
		}
	}
	return nil
}
