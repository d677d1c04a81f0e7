package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"demarc/sim/api"
	"demarc/sim/disk"
	"demarc/sim/traffic"
)

// stateInterval is how often the state is kept, in virtual time.
const stateInterval = 10 * time.Second

// State is what a cluster must remember beside etcd's data to be resumed: a
// small JSON file, replaced as a whole.
type State struct {
	// Cluster is what was asked for when the cluster was made.
	Cluster api.ClusterSpec `json:"cluster"`
	// Now is the virtual time at which the state was kept.
	Now time.Time `json:"now"`
	// Port is the API server's, so that kubeconfigs stay good.
	Port int `json:"port"`
	// SSHPort is that of the nodes' SSH server.
	SSHPort int `json:"sshPort,omitempty"`
	// Fleet is the machines' state.
	Fleet json.RawMessage `json:"fleet,omitempty"`
	// Traffic is what was being sent.
	Traffic []traffic.Spec `json:"traffic,omitempty"`
	// Balancers are the load balancers' addresses.
	Balancers []api.LoadBalancer `json:"balancers,omitempty"`
}

// LoadState reads the state of the cluster in dir. A folder without one gives
// an empty state.
func LoadState(dir string) (*State, error) {
	b, err := os.ReadFile(statePath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return &State{}, nil
	}
	if err != nil {
		return nil, err
	}
	var s State
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", statePath(dir), err)
	}
	return &s, nil
}

// Resume is the time at which a resumed clock starts: it has never been later.
func (s *State) Resume() time.Time { return s.Now.Add(stateInterval) }

func statePath(dir string) string { return filepath.Join(dir, "state.json") }

// keepState keeps the state on every tenth second.
func (c *Cluster) keepState() {
	for {
		if err := c.saveState(); err != nil {
			c.fail(fmt.Errorf("keep the cluster's state: %w", err))
			return
		}
		if !wait(c.ctx, time.Until(time.Now().Truncate(stateInterval).Add(stateInterval))) {
			return
		}
	}
}

func (c *Cluster) saveState() error {
	if c.cfg.Ephemeral {
		return nil
	}
	c.saving.Lock()
	defer c.saving.Unlock()
	s := State{Cluster: c.spec, Now: time.Now().UTC(), Traffic: c.traffic.Running(), Balancers: c.balancers.list()}
	var err error
	if s.Fleet, err = c.fleet.Save(); err != nil {
		return err
	}
	if s.Port, err = portOf(c.plane.URL()); err != nil {
		return err
	}
	if c.ssh != nil {
		s.SSHPort = c.ssh.Port()
	}
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return disk.Replace(statePath(c.dir), b, true)
}

func portOf(address string) (int, error) {
	u, err := url.Parse(address)
	if err != nil {
		return 0, err
	}
	_, port, err := net.SplitHostPort(u.Host)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(port)
}
