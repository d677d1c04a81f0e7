// Package state is what a cluster must remember beside etcd's data to be resumed,
// and what of worth its data directory holds.
//
// [Load] finds out what is known of the cluster in a directory, from whichever of
// its records are whole; [Create] and [State.Save] write them. [Look] says what
// would be lost with a directory.
package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"demarc/sim/api"
	"demarc/sim/disk"
	"demarc/sim/traffic"
)

// Interval is how often a running cluster's state is saved, in virtual time.
const Interval = 10 * time.Second

// Names of the records in a data directory.
const (
	file     = "state.json"
	previous = "state.json" + disk.Previous
	origin   = "cluster.json" // what a cluster was made as: its state of the beginning
)

// State is what a cluster remembers.
type State struct {
	// Cluster is what was asked for when the cluster was made.
	Cluster api.ClusterSpec `json:"cluster"`
	// KubernetesVersion is the control plane's.
	KubernetesVersion string `json:"kubernetesVersion,omitempty"`
	// Now is the virtual time at which the state was saved.
	Now time.Time `json:"now"`
	// Starting says that the cluster's first start has not come to its end.
	Starting bool `json:"starting,omitempty"`
	// LastEvent is the number of the timeline's newest event.
	LastEvent int64 `json:"lastEvent,omitempty"`
	// Port is the API server's, so that kubeconfigs stay good.
	Port int `json:"port,omitempty"`
	// SSHPort is that of the nodes' SSH server.
	SSHPort int `json:"sshPort,omitempty"`
	// Fleet is the machines' state.
	Fleet json.RawMessage `json:"fleet,omitempty"`
	// Traffic is what was being sent.
	Traffic []traffic.Spec `json:"traffic,omitempty"`
	// Balancers are the load balancers' addresses.
	Balancers []api.LoadBalancer `json:"balancers,omitempty"`
}

// Create makes a new cluster known, before anything else is made of it: whatever
// ends its first start, the next one goes on with it.
func Create(dir string, cluster api.ClusterSpec, sync bool) (*State, error) {
	s := &State{Cluster: cluster, Now: cluster.Start, Starting: true}
	return s, s.SaveOrigin(dir, sync)
}

// SaveOrigin notes what does not change in a cluster's life.
func (s *State) SaveOrigin(dir string, sync bool) error {
	o := State{Cluster: s.Cluster, Now: s.Now, Starting: s.Starting, LastEvent: s.LastEvent, Port: s.Port, SSHPort: s.SSHPort}
	text, err := encode(o)
	if err != nil {
		return err
	}
	return disk.Replace(filepath.Join(dir, origin), text, sync)
}

// Save replaces the state that was saved last, which is kept as the previous one.
func (s *State) Save(dir string, sync bool) error {
	text, err := encode(*s)
	if err != nil {
		return err
	}
	return disk.ReplaceKeeping(filepath.Join(dir, file), text, sync)
}

// record is a state in its file, with its checksum. Those of earlier versions are
// states without.
type record struct {
	SHA256 string          `json:"sha256"`
	State  json.RawMessage `json:"state"`
}

func encode(s State) ([]byte, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return seal(text)
}

// seal is the content of the file of a state.
func seal(text []byte) ([]byte, error) {
	sum := sha256.Sum256(text)
	sealed, err := json.Marshal(record{hex.EncodeToString(sum[:]), text})
	return append(sealed, '\n'), err
}

func decode(text []byte) (*State, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, errors.New("it is empty")
	}
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, err
	}
	if r.SHA256 == "" && r.State == nil {
		r.State = text
	} else if sealed, err := seal(r.State); err != nil || !bytes.Equal(sealed, text) {
		return nil, errors.New("it does not match its checksum")
	}
	var s State
	if err := json.Unmarshal(r.State, &s); err != nil {
		return nil, err
	}
	if s.Now.IsZero() || s.Cluster.Name == "" {
		return nil, fmt.Errorf("it names no cluster")
	}
	return &s, nil
}
