package provider

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

var slot = time.Date(2026, 1, 5, 8, 30, 0, 0, time.UTC)

// everything is a command that changes every table.
func everything() Command {
	return Batch(
		SetCluster(Cluster{
			KubernetesVersion: "1.37.2", EtcdMembers: 3, APIServers: 2,
			Pools: []Pool{{Name: "nodepool1", Count: 3}}, Features: map[string]string{"autoupgrade": "patch"},
		}),
		SetLastSlot(slot),
		Backups.Put(api.Backup{ID: "20260105T083000Z", Slot: slot, At: slot, DurationSeconds: 0.25, Keys: 7}),
		Restores.Put(api.Restore{ID: "r1", Reason: "<lost>", Skipped: []api.SkippedBackup{{ID: "x", Reason: "short"}}}),
		Incidents.Put(api.Incident{ID: "i1", Owner: timeline.Provider, Start: slot}),
		Repairs.Put(api.Repair{ID: "n1", Actions: []api.RepairAction{{Action: "reboot", At: slot}}, Broken: slot, Lost: []string{"<x>"}}),
		Consents.Put(api.Consent{ID: "k1", Node: "*", Granted: slot, Expires: slot.Add(time.Hour), Uses: 2}),
		Registrations.Put(api.Registration{Name: "AKSAuditLog", State: api.FeatureRegistering, Since: slot, Due: slot.Add(time.Minute), Event: 9}),
		SetSettings(api.ClusterSettings{FeatureGates: map[string]bool{"SELinuxMount": true}, AuditLog: true, KubeProxyMode: "IPVS", LoadBalancer: api.LoadBalancerProfile{AllocatedOutboundPorts: 8, ManagedOutboundIPs: 2}}),
		PutCase("c1", json.RawMessage(`{ "text": "<\u2028>", "big": 123456789012345678901 }`)),
	)
}

var commands = []cmp.Option{cmp.AllowUnexported(Command{}, change{}), cmpopts.EquateEmpty()}

func mustEncode(t testing.TB, c Command) []byte {
	t.Helper()
	data, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func mustDecode(t testing.TB, data []byte) Command {
	t.Helper()
	c, err := DecodeCommand(data)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCommandChangesState(t *testing.T) {
	before := State{}.apply(mustDecode(t, mustEncode(t, everything())))
	want := State{
		Cluster: Cluster{
			KubernetesVersion: "1.37.2", EtcdMembers: 3, APIServers: 2,
			Pools: []Pool{{Name: "nodepool1", Count: 3}}, Features: map[string]string{"autoupgrade": "patch"},
		},
		LastSlot: slot,
		Backups: map[string]api.Backup{
			"20260105T083000Z": {ID: "20260105T083000Z", Slot: slot, At: slot, DurationSeconds: 0.25, Keys: 7},
		},
		Restores: map[string]api.Restore{
			"r1": {ID: "r1", Reason: "<lost>", Skipped: []api.SkippedBackup{{ID: "x", Reason: "short"}}},
		},
		Incidents: map[string]api.Incident{"i1": {ID: "i1", Owner: timeline.Provider, Start: slot}},
		Repairs: map[string]api.Repair{
			"n1": {ID: "n1", Actions: []api.RepairAction{{Action: "reboot", At: slot}}, Broken: slot, Lost: []string{"<x>"}},
		},
		Consents: map[string]api.Consent{"k1": {ID: "k1", Node: "*", Granted: slot, Expires: slot.Add(time.Hour), Uses: 2}},
		Registrations: map[string]api.Registration{
			"AKSAuditLog": {Name: "AKSAuditLog", State: api.FeatureRegistering, Since: slot, Due: slot.Add(time.Minute), Event: 9},
		},
		Settings: api.ClusterSettings{FeatureGates: map[string]bool{"SELinuxMount": true}, AuditLog: true, KubeProxyMode: "IPVS", LoadBalancer: api.LoadBalancerProfile{AllocatedOutboundPorts: 8, ManagedOutboundIPs: 2}},
		Cases:    map[string]json.RawMessage{"c1": json.RawMessage(`{"text":"<\u2028>","big":123456789012345678901}`)},
	}
	if d := cmp.Diff(want, before); d != "" {
		t.Errorf("after everything (-want +got):\n%s", d)
	}
	if d := cmp.Diff(before, before.apply(mustDecode(t, mustEncode(t, everything())))); d != "" {
		t.Errorf("the second time it changed something:\n%s", d)
	}
	after := before.apply(mustDecode(t, mustEncode(t, Batch(
		Backups.Delete("20260105T083000Z"), Backups.Delete("unknown"), Repairs.Delete("n1"), put(tableCases, "c1", nil),
		SetLastSlot(slot.Add(-time.Hour))))))
	if len(after.Backups)+len(after.Repairs)+len(after.Cases) != 0 || !after.LastSlot.Equal(slot) {
		t.Errorf("after the deletions: %+v", after)
	}
	if d := cmp.Diff(want, before); d != "" {
		t.Errorf("the earlier state was changed (-want +got):\n%s", d)
	}
}

func TestEncodeRefuses(t *testing.T) {
	for name, c := range map[string]Command{
		"no ID":             Backups.Put(api.Backup{}),
		"no key":            Backups.Delete(""),
		"bad JSON":          PutCase("x", json.RawMessage(`{`)),
		"no JSON":           PutCase("x", nil),
		"typed as record":   put(Backups.name, "x", json.RawMessage(`{"id":"y"}`)),
		"unknown table":     put("nodes", "x", json.RawMessage(`1`)),
		"single is deleted": put(tableCluster, "", nil),
		"too large":         PutCase("x", json.RawMessage(`"`+strings.Repeat("x", MaxCommand)+`"`)),
		"year 10000":        SetLastSlot(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)),
	} {
		if data, err := c.Encode(); err == nil {
			t.Errorf("%s: encoded as %.100s", name, data)
		}
	}
}

func TestDecodeCommandRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"empty":           ``,
		"null":            `null`,
		"no version":      `{"changes":[]}`,
		"newer":           `{"version":2,"changes":[]}`,
		"unknown field":   `{"version":1,"changes":[],"x":1}`,
		"trailing":        `{"version":1,"changes":[]} {}`,
		"unknown op":      `{"version":1,"changes":[{"op":"add","table":"backups","key":"a"}]}`,
		"unknown table":   `{"version":1,"changes":[{"op":"delete","table":"nodes","key":"a"}]}`,
		"field of value":  `{"version":1,"changes":[{"op":"put","table":"backups","key":"a","value":{"id":"a","x":1}}]}`,
		"other key":       `{"version":1,"changes":[{"op":"put","table":"backups","key":"a","value":{"id":"b"}}]}`,
		"null backup":     `{"version":1,"changes":[{"op":"put","table":"backups","key":"a","value":null}]}`,
		"no value":        `{"version":1,"changes":[{"op":"put","table":"cases","key":"a"}]}`,
		"value of delete": `{"version":1,"changes":[{"op":"delete","table":"cases","key":"a","value":1}]}`,
		"key of single":   `{"version":1,"changes":[{"op":"put","table":"cluster","key":"a","value":{}}]}`,
		"delete single":   `{"version":1,"changes":[{"op":"delete","table":"lastSlot"}]}`,
		"half a batch":    `{"version":1,"changes":[{"op":"delete","table":"repairs","key":"a"},{}]}`,
		"oversized":       `{"version":1,"changes":[]}` + strings.Repeat(" ", MaxCommand),
	} {
		if c, err := DecodeCommand([]byte(text)); err == nil {
			t.Errorf("%s: decoded as %+v", name, c)
		}
	}
}

// A committed entry that cannot be decoded is skipped, and the sender told.
func TestApplySkipsWhatItCannotDecode(t *testing.T) {
	f := &fsm{log: hclog.NewNullLogger(), memory: newMemory(), waiting: map[ticket]chan<- error{}}
	entry := func(index uint64, data []byte) error {
		tk := ticket{term: 3, seq: index}
		answer := make(chan error, 1)
		f.expect(tk, answer)
		f.Apply(&raft.Log{Index: index, Term: 3, Data: data, Extensions: tk.bytes()})
		return <-answer
	}
	must(t, entry(1, mustEncode(t, SetLastSlot(slot))))
	if err := entry(2, []byte(`{"version":9}`)); err == nil {
		t.Error("no error for a command of a newer version")
	}
	f.Apply(&raft.Log{Index: 3, Term: 3, Data: mustEncode(t, SetLastSlot(slot.Add(time.Hour)))}) // without a ticket
	if d := cmp.Diff(image{Index: 3, State: State{LastSlot: slot}}, f.current()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// What the version before wrote to the log and to snapshots is read, and would be
// written the same.
func TestFilesOfTheVersionBefore(t *testing.T) {
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join("testdata", "version1", name))
		must(t, err)
		return data
	}
	command, snapshot := read("command.json"), read("snapshot.json")
	if again := mustEncode(t, mustDecode(t, command)); string(again) != string(command) {
		t.Errorf("the command is written otherwise:\n%s\n%s", command, again)
	}
	i, err := decodeImage(snapshot)
	must(t, err)
	again, err := encodeImage(i)
	must(t, err)
	if string(again) != string(snapshot) {
		t.Errorf("the snapshot is written otherwise:\n%s\n%s", snapshot, again)
	}
	if d := cmp.Diff(i.State, State{}.apply(mustDecode(t, command))); d != "" {
		t.Errorf("snapshot and log differ (-snapshot +log):\n%s", d)
	}
	if len(tables) != reflect.TypeFor[State]().NumField() {
		t.Errorf("%d tables of %d parts of the state", len(tables), reflect.TypeFor[State]().NumField())
	}
}

func TestImageRoundTrip(t *testing.T) {
	want := image{Index: 42, State: State{}.apply(mustDecode(t, mustEncode(t, everything())))}
	data, err := encodeImage(want)
	must(t, err)
	got, err := decodeImage(data)
	must(t, err)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	again, err := encodeImage(got)
	must(t, err)
	if string(again) != string(data) {
		t.Errorf("encoded again it differs:\n%s\n%s", data, again)
	}
}

func TestDecodeImageRefuses(t *testing.T) {
	data, err := encodeImage(image{Index: 42, State: State{}.apply(everything())})
	must(t, err)
	for name, text := range map[string]string{
		"another byte": strings.Replace(string(data), "reboot", "robots", 1),
		"newer":        strings.Replace(string(data), `"version":1`, `"version":2`, 1),
		"cut short":    string(data[:len(data)-1]),
		"trailing":     string(data) + "{}",
		"extra field":  strings.Replace(string(data), `{`, `{"x":1,`, 1),
	} {
		if _, err := decodeImage([]byte(text)); err == nil {
			t.Errorf("%s: decoded", name)
		}
	}
	for name, body := range map[string]string{
		"unknown field": `{"index":1,"state":{"nodes":{}}}`,
		"other ID":      `{"index":1,"state":{"backups":{"a":{"id":"b"}}}}`,
		"empty key":     `{"index":1,"state":{"cases":{"":1}}}`,
	} {
		sealed, err := seal(json.RawMessage(body))
		must(t, err)
		if _, err := decodeImage(sealed); err == nil {
			t.Errorf("%s: decoded", name)
		}
	}
}

func FuzzDecodeCommand(f *testing.F) {
	f.Add(mustEncode(f, everything()))
	f.Add(mustEncode(f, Batch(Backups.Delete("a"), put(tableCases, "b", nil))))
	f.Add([]byte(`{"version":1,"changes":[{"op":"put","table":"lastSlot","value":"0000-01-01T00:00:00+23:59"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := DecodeCommand(data)
		if err != nil {
			return
		}
		encoded, err := c.Encode()
		if err != nil {
			if len(data) > MaxCommand/8 { // its JSON may be longer than what was written
				return
			}
			t.Fatalf("what was decoded cannot be encoded: %v", err)
		}
		if d := cmp.Diff(c, mustDecode(t, encoded), commands...); d != "" {
			t.Fatalf("(-decoded +again):\n%s", d)
		}
		// Whatever can be committed can be kept in a snapshot.
		i := image{Index: 1, State: State{}.apply(c)}
		checkImage(t, i)
	})
}

// checkImage fails unless an image comes out of a snapshot as it went in.
func checkImage(t *testing.T, want image) {
	t.Helper()
	data, err := encodeImage(want)
	if err != nil {
		t.Fatalf("a state cannot be encoded: %v", err)
	}
	got, err := decodeImage(data)
	if err != nil {
		t.Fatalf("a snapshot cannot be decoded: %v", err)
	}
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("(-want +got):\n%s", d)
	}
}

// FuzzRestoreState tries snapshots as they are, and with a checksum that fits.
func FuzzRestoreState(f *testing.F) {
	body, err := encodeJSON(image{Index: 42, State: State{}.apply(mustDecode(f, mustEncode(f, everything())))})
	if err != nil {
		f.Fatal(err)
	}
	whole, err := seal(body)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(body))
	f.Add(whole)
	f.Fuzz(func(t *testing.T, data []byte) {
		if i, err := decodeImage(data); err == nil {
			checkImage(t, i)
		}
		var body bytes.Buffer
		if json.Compact(&body, data) != nil {
			return
		}
		sealed, err := seal(body.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if i, err := decodeImage(sealed); err == nil {
			checkImage(t, i)
		}
	})
}
