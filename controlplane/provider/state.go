package provider

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"demarc/sim/api"
	"demarc/sim/strictjson"
)

// State is what the provider's plane remembers. A State that this package hands
// out never changes, and what it points to is not to be changed.
type State struct {
	Cluster Cluster `json:"cluster,omitzero"`
	// Backups is the catalogue of backups, by ID.
	Backups map[string]api.Backup `json:"backups,omitempty"`
	// LastSlot is the newest slot of the schedule whose backup was made or given
	// up. It never goes back.
	LastSlot time.Time `json:"lastSlot,omitzero"`
	// Restores, Incidents, Repairs, Consents and CVEs are by ID.
	Restores  map[string]api.Restore  `json:"restores,omitempty"`
	Incidents map[string]api.Incident `json:"incidents,omitempty"`
	Repairs   map[string]api.Repair   `json:"repairs,omitempty"`
	Consents  map[string]api.Consent  `json:"consents,omitempty"`
	CVEs      map[string]api.CVE      `json:"cves,omitempty"`
	// Registrations are of preview features in the subscription, by name.
	Registrations map[string]api.Registration `json:"registrations,omitempty"`
	// Settings are what the customer has set of the cluster.
	Settings api.ClusterSettings `json:"settings,omitzero"`
	// Operations are what the customer has asked of the cluster and its pools, by ID.
	Operations map[string]api.Operation `json:"operations,omitempty"`
	// Cases are records by ID, as the JSON that their owner gave.
	Cases map[string]json.RawMessage `json:"cases,omitempty"`
}

// Cluster is what is wanted of the managed cluster.
type Cluster struct {
	KubernetesVersion string `json:"kubernetesVersion,omitempty"`
	EtcdMembers       int    `json:"etcdMembers,omitempty"`
	APIServers        int    `json:"apiServers,omitempty"`
	Pools             []Pool `json:"pools,omitempty"`
	// Stopped is since when the cluster is stopped: its control plane and its VMs are down
	// because the customer wants it so. Zero if it runs.
	Stopped time.Time `json:"stopped,omitzero"`
	// Features are the cluster's switches by name.
	Features map[string]string `json:"features,omitempty"`
}

// Pool is a pool of worker nodes of the same kind.
type Pool struct {
	Name string `json:"name"`
	// Count is the number of its nodes.
	Count int `json:"count"`
	// What an earlier version has not written is as of a cluster's first pool.
	api.PoolShape
	// Autoscaling says whether the cluster autoscaler changes Count.
	api.Autoscaling `json:"autoscaling,omitzero"`
	// KubernetesVersion and NodeImage are the cluster's if empty.
	KubernetesVersion string `json:"kubernetesVersion,omitempty"`
	NodeImage         string `json:"nodeImage,omitempty"`
	// ExpiredImage is the node image of which was said that it is no longer supported.
	ExpiredImage string `json:"expiredImage,omitempty"`
	// MaxSurge, DrainTimeout and NodeSoak are of its upgrades; AKS's defaults if
	// empty or zero.
	MaxSurge     string       `json:"maxSurge,omitempty"`
	DrainTimeout api.Duration `json:"drainTimeout,omitzero"`
	NodeSoak     api.Duration `json:"nodeSoak,omitzero"`
}

// apply is the state after a decoded command.
func (s State) apply(c Command) State {
	for _, ch := range c.changes {
		tables[ch.table].set(&s, ch.key, ch.value)
	}
	return s
}

// snapshotVersion is the version of the encoding of snapshots.
const snapshotVersion = 1

// image is a state and the index of the log's entry that it is the state after.
type image struct {
	Index uint64 `json:"index"`
	State State  `json:"state"`
}

// sealed is an image with its checksum.
type sealed struct {
	Version int             `json:"version"`
	SHA256  string          `json:"sha256"` // of Image's bytes, in hex
	Image   json.RawMessage `json:"image"`
}

// encodeImage is a snapshot. Equal images have equal bytes.
func encodeImage(i image) ([]byte, error) {
	body, err := encodeJSON(i)
	if err != nil {
		return nil, fmt.Errorf("encode a snapshot: %w", err)
	}
	return seal(body)
}

func seal(body json.RawMessage) ([]byte, error) {
	sum := sha256.Sum256(body)
	return encodeJSON(sealed{Version: snapshotVersion, SHA256: hex.EncodeToString(sum[:]), Image: body})
}

// decodeImage reads what encodeImage wrote, and refuses everything else.
func decodeImage(data []byte) (image, error) {
	var box sealed
	if err := strictjson.Decode(data, &box); err != nil {
		return image{}, fmt.Errorf("decode a snapshot: %w", err)
	}
	if box.Version != snapshotVersion {
		return image{}, fmt.Errorf("snapshot of version %d: this replica knows version %d", box.Version, snapshotVersion)
	}
	if sum := sha256.Sum256(box.Image); hex.EncodeToString(sum[:]) != box.SHA256 {
		return image{}, errors.New("snapshot does not match its checksum")
	}
	var i image
	if err := strictjson.Decode(box.Image, &i); err != nil {
		return image{}, fmt.Errorf("decode a snapshot's state: %w", err)
	}
	if err := i.State.check(); err != nil {
		return image{}, fmt.Errorf("snapshot's state: %w", err)
	}
	return i, nil
}

// check refuses keys that no command could have put there, and brings records
// to the form that commands give them.
func (s *State) check() error {
	var errs []error
	for _, t := range tables {
		errs = append(errs, t.check(s))
	}
	return errors.Join(errs...)
}
