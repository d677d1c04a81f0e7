package provider

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"demarc/sim/api"
	"demarc/sim/strictjson"
)

// Records is a table of records by their IDs.
type Records[R any] struct {
	name string
	in   func(*State) *map[string]R
	key  func(R) (id string, at time.Time) // at is what lists are in the order of
}

// The tables of records.
var (
	Backups = Records[api.Backup]{
		"backups", func(s *State) *map[string]api.Backup { return &s.Backups },
		func(b api.Backup) (string, time.Time) { return b.ID, b.At },
	}
	Restores = Records[api.Restore]{
		"restores", func(s *State) *map[string]api.Restore { return &s.Restores },
		func(r api.Restore) (string, time.Time) { return r.ID, r.Decided },
	}
	Incidents = Records[api.Incident]{
		"incidents", func(s *State) *map[string]api.Incident { return &s.Incidents },
		func(i api.Incident) (string, time.Time) { return i.ID, i.Start },
	}
	Repairs = Records[api.Repair]{
		"repairs", func(s *State) *map[string]api.Repair { return &s.Repairs },
		func(r api.Repair) (string, time.Time) { return r.ID, r.Detected },
	}
	Consents = Records[api.Consent]{
		"consents", func(s *State) *map[string]api.Consent { return &s.Consents },
		func(c api.Consent) (string, time.Time) { return c.ID, c.Granted },
	}
	CVEs = Records[api.CVE]{
		"cves", func(s *State) *map[string]api.CVE { return &s.CVEs },
		func(c api.CVE) (string, time.Time) { return c.ID, c.Published },
	}

	Registrations = Records[api.Registration]{
		"registrations", func(s *State) *map[string]api.Registration { return &s.Registrations },
		func(x api.Registration) (string, time.Time) { return x.Name, x.Since },
	}
	Operations = Records[api.Operation]{
		"operations", func(s *State) *map[string]api.Operation { return &s.Operations },
		func(o api.Operation) (string, time.Time) { return o.ID, o.Began },
	}
)

// Put notes a record, or replaces the one of the same ID.
func (t Records[R]) Put(r R) Command {
	id, _ := t.key(r)
	return put(t.name, id, r)
}

// Delete forgets a record.
func (t Records[R]) Delete(id string) Command { return put(t.name, id, nil) }

// List is all records of a state, oldest first.
func (t Records[R]) List(s State) []R { return t.sorted(*t.in(&s)) }

func (t Records[R]) sorted(records map[string]R) []R {
	return slices.SortedFunc(maps.Values(records), func(a, b R) int {
		id, at := t.key(a)
		id2, at2 := t.key(b)
		return cmp.Or(at.Compare(at2), cmp.Compare(id, id2))
	})
}

// first is the oldest record of which something is so, or nil.
func (t Records[R]) first(s State, is func(R) bool) *R {
	list := t.List(s)
	if i := slices.IndexFunc(list, is); i >= 0 {
		return &list[i]
	}
	return nil
}

// forget deletes records of a list but for the last ones.
func (t Records[R]) forget(list []R, keep int) (forget []Command) {
	for _, r := range list[:max(0, len(list)-keep)] {
		id, _ := t.key(r)
		forget = append(forget, t.Delete(id))
	}
	return forget
}

// Names of the tables that are not of [Records].
const (
	tableCluster  = "cluster"
	tableLastSlot = "lastSlot"
	tableSettings = "settings"
	tableCases    = "cases"
)

// table is how one part of the state is read and changed.
type table struct {
	single bool // has one value and no keys
	decode func(key string, value json.RawMessage) (any, error)
	set    func(s *State, key string, value any) // value nil deletes
	// check refuses what no command could have put there.
	check func(*State) error
}

// tables are the parts of the state by their names: those in [State], too.
var tables = map[string]table{
	tableCluster: single(func(s *State, c Cluster) { s.Cluster = c }),
	tableLastSlot: single(func(s *State, t time.Time) {
		if t.After(s.LastSlot) {
			s.LastSlot = t
		}
	}),
	tableSettings: single(func(s *State, x api.ClusterSettings) { s.Settings = x }),
	tableCases: {
		decode: func(_ string, value json.RawMessage) (any, error) { return compact(value) },
		set:    setIn(func(s *State) *map[string]json.RawMessage { return &s.Cases }),
		check:  checkCases,
	},

	Backups.name: Backups.table(), Restores.name: Restores.table(), Incidents.name: Incidents.table(), Repairs.name: Repairs.table(),
	Consents.name: Consents.table(), CVEs.name: CVEs.table(), Registrations.name: Registrations.table(), Operations.name: Operations.table(),
}

func single[V any](set func(*State, V)) table {
	return table{
		single: true,
		decode: func(_ string, value json.RawMessage) (any, error) {
			var v V
			err := strictjson.Decode(value, &v)
			return v, err
		},
		set:   func(s *State, _ string, value any) { set(s, value.(V)) },
		check: func(*State) error { return nil },
	}
}

func (t Records[R]) table() table {
	return table{
		decode: func(key string, value json.RawMessage) (any, error) {
			var r R
			if err := strictjson.Decode(value, &r); err != nil {
				return nil, err
			}
			if id, _ := t.key(r); id != key {
				return nil, fmt.Errorf("its id is %q", id)
			}
			return r, nil
		},
		set: setIn(t.in),
		check: func(s *State) error {
			for key, r := range *t.in(s) {
				if id, _ := t.key(r); key == "" || id != key {
					return fmt.Errorf("%s: key %q has id %q", t.name, key, id)
				}
			}
			return nil
		},
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

// checkCases brings them to the form that commands give them, too.
func checkCases(s *State) error {
	for key, record := range s.Cases {
		if key == "" {
			return errors.New("cases: a key is empty")
		}
		var err error
		if s.Cases[key], err = compact(record); err != nil {
			return fmt.Errorf("cases %q: %w", key, err)
		}
	}
	return nil
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
