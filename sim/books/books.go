// Package books keeps what is told of a cluster's past beside its timeline: incidents,
// repairs, restores, backups, consents, and what came of its traffic.
//
// A running cluster writes them by [Books.Save]. The next engine goes on with them, and
// by [Books.Actions] who asks about a cluster that is stopped has the answers that it
// would give.
package books

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"demarc/sim/api"
	"demarc/sim/disk"
	"demarc/sim/policy"
	"demarc/sim/timeline"
	"demarc/sim/traffic"
)

// file is the name of the books in a data directory.
const file = "books.json"

// Books are a cluster's books at one time.
type Books struct {
	Cluster api.ClusterSpec `json:"cluster"`
	// Now is the virtual time of the books, and ReadyAt when the cluster was ready.
	Now       time.Time      `json:"now"`
	ReadyAt   time.Time      `json:"readyAt,omitzero"`
	Incidents []api.Incident `json:"incidents"`
	Repairs   []api.Repair   `json:"repairs"`
	Consents  []api.Consent  `json:"consents"`
	Restores  []api.Restore  `json:"restores"`
	Backups   []api.Backup   `json:"backups"`
	Traffic   []api.Traffic  `json:"traffic"`
	// Availability is what the provider's probes have found.
	Availability []api.Availability `json:"availability"`
}

// record is the books in their file, with their checksum.
type record struct {
	SHA256 string          `json:"sha256"`
	Books  json.RawMessage `json:"books"`
}

// Save replaces the books in a data directory. The previous ones are kept beside them.
func (b Books) Save(dir string, sync bool) error {
	text, err := json.Marshal(b)
	if err != nil {
		return err
	}
	sealed, err := json.Marshal(record{sumOf(text), text})
	if err != nil {
		return err
	}
	return disk.ReplaceKeeping(filepath.Join(dir, file), append(sealed, '\n'), sync)
}

func sumOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Load reads the books in a data directory, or the previous ones if these cannot be read.
// Without any they are empty.
func Load(dir string) (Books, error) {
	path := filepath.Join(dir, file)
	b, err := read(path)
	if err != nil {
		if before, err := read(path + disk.Previous); err == nil {
			return before, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return Books{}, nil
	}
	return b, err
}

func read(path string) (b Books, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return b, err
	}
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return b, fmt.Errorf("read %s: %w", path, err)
	}
	if r.SHA256 != sumOf(r.Books) {
		return b, fmt.Errorf("read %s: it does not match its checksum", path)
	}
	if err := json.Unmarshal(r.Books, &b); err != nil {
		return Books{}, fmt.Errorf("read %s: %w", path, err)
	}
	return b, nil
}

// Actions are what can be asked of a cluster that is stopped: how it was judged, what was
// repaired, and what is on its timeline; restores and backups by the provider only. The
// rest answers with the error given.
func (b Books) Actions(events []timeline.Event, role api.Role, stopped error) api.Actions {
	a := api.Refusing(stopped)
	judge := func(edition string) (*policy.Judge, error) {
		if edition == "" {
			edition = b.Cluster.Edition
		}
		e, err := policy.Lookup(edition)
		if err != nil {
			return nil, err
		}
		return e.Judge(policy.World{Events: events, Incidents: b.Incidents, Repairs: b.Repairs, Consents: b.Consents, Now: b.Now}), nil
	}
	a.Status = func(context.Context) (api.Status, error) {
		return api.Status{Name: b.Cluster.Name, State: "stopped", Now: b.Now, Cluster: b.Cluster, ReadyAt: b.ReadyAt, Traffic: b.Traffic, Availability: b.Availability}, nil
	}
	a.Timeline = func(_ context.Context, from int64) ([]timeline.Event, error) {
		i := slices.IndexFunc(events, func(e timeline.Event) bool { return e.Seq > from })
		if i < 0 {
			return []timeline.Event{}, nil
		}
		return events[i:], nil
	}
	a.Contract = func(_ context.Context, edition string) (api.Contract, error) {
		j, err := judge(edition)
		if err != nil {
			return api.Contract{}, err
		}
		return j.Contract()
	}
	a.Explain = func(_ context.Context, what, edition string) (api.Explanation, error) {
		j, err := judge(edition)
		if err != nil {
			return api.Explanation{}, err
		}
		return j.Explain(what)
	}
	a.Repairs = func(context.Context) ([]api.Repair, error) { return b.Repairs, nil }
	a.Consents = func(context.Context) ([]api.Consent, error) { return b.Consents, nil }
	if role != api.RoleCustomer {
		a.Restores = func(context.Context) ([]api.Restore, error) { return b.Restores, nil }
		a.Backups = func(context.Context) ([]api.Backup, error) { return b.Backups, nil }
	}
	return a
}

// Continue is traffic with what came of it before. An outage that was not over then ended
// with the engine.
func (b Books) Continue(now []api.Traffic) []api.Traffic {
	out := slices.Clone(now)
	for _, before := range b.Traffic {
		before.Outages = ended(before.Outages, b.Now)
		before.Failures = ended(before.Failures, b.Now)
		i := slices.IndexFunc(out, func(t api.Traffic) bool { return t.Name == before.Name })
		if i < 0 {
			out = append(out, before)
			continue
		}
		t := &out[i]
		t.Sent, t.Failed = t.Sent+before.Sent, t.Failed+before.Failed
		reasons := maps.Clone(before.Reasons)
		for reason, n := range t.Reasons {
			if reasons == nil {
				reasons = map[string]int64{}
			}
			reasons[reason] += n
		}
		t.Reasons = reasons
		t.Outages = slices.Concat(before.Outages, t.Outages)
		t.Failures = slices.Concat(before.Failures, t.Failures)
		backends := slices.Concat(before.Backends, t.Backends)
		slices.Sort(backends)
		t.Backends = slices.Compact(backends)
	}
	return out
}

func ended(list []traffic.Outage, at time.Time) []traffic.Outage {
	out := slices.Clone(list)
	for i := range out {
		if out[i].To.IsZero() {
			out[i].To = at
		}
	}
	return out
}
