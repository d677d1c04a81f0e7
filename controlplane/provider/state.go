package provider

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"demarc/sim/api"
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
	// Features are the cluster's switches by name.
	Features map[string]string `json:"features,omitempty"`
}

// Pool is a pool of worker nodes of the same kind.
type Pool struct {
	Name string `json:"name"`
	// Count is the number of its nodes.
	Count int `json:"count"`
	// KubernetesVersion and NodeImage are the cluster's if empty.
	KubernetesVersion string `json:"kubernetesVersion,omitempty"`
	NodeImage         string `json:"nodeImage,omitempty"`
	// MaxSurge, DrainTimeout and NodeSoak are of its upgrades; AKS's defaults if
	// empty or zero.
	MaxSurge     string       `json:"maxSurge,omitempty"`
	DrainTimeout api.Duration `json:"drainTimeout,omitzero"`
	NodeSoak     api.Duration `json:"nodeSoak,omitzero"`
}

// Table names a part of the [State].
type Table string

// Tables of records; see [PutRecord].
const (
	Cases Table = "cases"

	tableCluster   Table = "cluster"
	tableLastSlot  Table = "lastSlot"
	tableBackups   Table = "backups"
	tableRestores  Table = "restores"
	tableIncidents Table = "incidents"
	tableRepairs   Table = "repairs"
	tableConsents  Table = "consents"
	tableCVEs      Table = "cves"

	tableRegistrations Table = "registrations"
	tableSettings      Table = "settings"
	tableOperations    Table = "operations"
)

// table is how one part of the state is read and changed.
type table struct {
	single bool // has one value and no keys
	decode func(key string, value json.RawMessage) (any, error)
	set    func(s *State, key string, value any) // value nil deletes
}

var tables = map[Table]table{
	tableCluster: single(func(s *State, c Cluster) { s.Cluster = c }),
	tableLastSlot: single(func(s *State, t time.Time) {
		if t.After(s.LastSlot) {
			s.LastSlot = t
		}
	}),
	tableBackups:   keyed(func(s *State) *map[string]api.Backup { return &s.Backups }, backupID),
	tableRestores:  keyed(func(s *State) *map[string]api.Restore { return &s.Restores }, restoreID),
	tableIncidents: keyed(func(s *State) *map[string]api.Incident { return &s.Incidents }, incidentID),
	tableRepairs:   keyed(func(s *State) *map[string]api.Repair { return &s.Repairs }, repairID),
	tableConsents:  keyed(func(s *State) *map[string]api.Consent { return &s.Consents }, consentID),
	tableCVEs:      keyed(func(s *State) *map[string]api.CVE { return &s.CVEs }, cveID),

	tableRegistrations: keyed(func(s *State) *map[string]api.Registration { return &s.Registrations }, registrationName),
	tableSettings:      single(func(s *State, x api.ClusterSettings) { s.Settings = x }),
	tableOperations:    keyed(func(s *State) *map[string]api.Operation { return &s.Operations }, operationID),

	Cases: records(func(s *State) *map[string]json.RawMessage { return &s.Cases }),
}

func backupID(b api.Backup) string     { return b.ID }
func restoreID(r api.Restore) string   { return r.ID }
func incidentID(i api.Incident) string { return i.ID }
func repairID(r api.Repair) string     { return r.ID }
func consentID(c api.Consent) string   { return c.ID }
func cveID(c api.CVE) string           { return c.ID }

func registrationName(r api.Registration) string { return r.Name }
func operationID(o api.Operation) string         { return o.ID }

func single[V any](set func(*State, V)) table {
	return table{
		single: true,
		decode: func(_ string, value json.RawMessage) (any, error) {
			var v V
			err := decodeJSON(value, &v)
			return v, err
		},
		set: func(s *State, _ string, value any) { set(s, value.(V)) },
	}
}

func keyed[V any](of func(*State) *map[string]V, id func(V) string) table {
	return table{
		decode: func(key string, value json.RawMessage) (any, error) {
			var v V
			if err := decodeJSON(value, &v); err != nil {
				return nil, err
			}
			if id(v) != key {
				return nil, fmt.Errorf("its id is %q", id(v))
			}
			return v, nil
		},
		set: setIn(of),
	}
}

func records(of func(*State) *map[string]json.RawMessage) table {
	return table{
		decode: func(_ string, value json.RawMessage) (any, error) { return compact(value) },
		set:    setIn(of),
	}
}

// setIn replaces the map: whoever holds the state of before keeps seeing that.
func setIn[V any](of func(*State) *map[string]V) func(*State, string, any) {
	return func(s *State, key string, value any) {
		m := maps.Clone(*of(s))
		if value == nil {
			delete(m, key)
		} else {
			if m == nil {
				m = map[string]V{}
			}
			m[key] = value.(V)
		}
		*of(s) = m
	}
}

// compact is a record without white space, so that it keeps its bytes. Null is
// no record.
func compact(record json.RawMessage) (json.RawMessage, error) {
	var buf bytes.Buffer
	if err := json.Compact(&buf, record); err != nil {
		return nil, err
	}
	if buf.String() == "null" {
		return nil, errors.New("the record is null")
	}
	return buf.Bytes(), nil
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
	if err := decodeJSON(data, &box); err != nil {
		return image{}, fmt.Errorf("decode a snapshot: %w", err)
	}
	if box.Version != snapshotVersion {
		return image{}, fmt.Errorf("snapshot of version %d: this replica knows version %d", box.Version, snapshotVersion)
	}
	if sum := sha256.Sum256(box.Image); hex.EncodeToString(sum[:]) != box.SHA256 {
		return image{}, errors.New("snapshot does not match its checksum")
	}
	var i image
	if err := decodeJSON(box.Image, &i); err != nil {
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
	return errors.Join(
		checkIDs(tableBackups, s.Backups, backupID), checkIDs(tableRestores, s.Restores, restoreID),
		checkIDs(tableIncidents, s.Incidents, incidentID), checkIDs(tableRepairs, s.Repairs, repairID),
		checkIDs(tableConsents, s.Consents, consentID), checkIDs(tableRegistrations, s.Registrations, registrationName),
		checkIDs(tableOperations, s.Operations, operationID), checkIDs(tableCVEs, s.CVEs, cveID), compactAll(Cases, s.Cases))
}

func checkIDs[V any](t Table, m map[string]V, id func(V) string) error {
	for key, v := range m {
		if key == "" || id(v) != key {
			return fmt.Errorf("%s: key %q has id %q", t, key, id(v))
		}
	}
	return nil
}

func compactAll(t Table, m map[string]json.RawMessage) error {
	for key, record := range m {
		if key == "" {
			return fmt.Errorf("%s: a key is empty", t)
		}
		var err error
		if m[key], err = compact(record); err != nil {
			return fmt.Errorf("%s %q: %w", t, key, err)
		}
	}
	return nil
}
