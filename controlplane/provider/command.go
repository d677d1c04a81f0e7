package provider

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"demarc/sim/api"
	"demarc/sim/strictjson"
)

// MaxCommand is the greatest size of an encoded command, in bytes.
const MaxCommand = 1 << 20

// commandVersion is the version of the encoding of commands. A replica refuses
// newer ones: it would not know what it skips.
const commandVersion = 1

// Command is a batch of changes of the [State] that is applied as a whole or not
// at all. Its changes say what a value is to be, never how it differs: applying a
// command again changes nothing. The zero value changes nothing.
type Command struct {
	changes []change
}

// change puts a value under a key of a table, or deletes it if value is nil.
type change struct {
	table string
	key   string
	value any
}

// Batch is one command that makes all changes of several, in their order.
func Batch(commands ...Command) Command {
	var all Command
	for _, c := range commands {
		all.changes = append(all.changes, c.changes...)
	}
	return all
}

func put(table string, key string, value any) Command {
	return Command{changes: []change{{table, key, value}}}
}

// SetCluster says what is wanted of the managed cluster.
func SetCluster(c Cluster) Command { return put(tableCluster, "", c) }

// SetLastSlot notes that the backup of a slot was made or given up. An earlier
// slot than the one that is known changes nothing.
func SetLastSlot(t time.Time) Command { return put(tableLastSlot, "", t.UTC()) }

// SetSettings notes what the customer has set of the cluster.
func SetSettings(c api.ClusterSettings) Command { return put(tableSettings, "", c) }

// PutCase notes a support case as the JSON that its owner gives, or replaces the one
// of the same ID.
func PutCase(id string, record json.RawMessage) Command { return put(tableCases, id, record) }

// commandJSON is a command on the wire and on disk.
type commandJSON struct {
	Version int          `json:"version"`
	Changes []changeJSON `json:"changes"`
}

type changeJSON struct {
	// Op is put or delete.
	Op    string          `json:"op"`
	Table string          `json:"table"`
	Key   string          `json:"key,omitempty"`
	Value json.RawMessage `json:"value,omitempty"`
}

// Encode is the command as JSON. What it returns can be decoded by every
// replica; a command that could not be is an error here.
func (c Command) Encode() ([]byte, error) {
	wire := commandJSON{Version: commandVersion, Changes: []changeJSON{}}
	for _, ch := range c.changes {
		w := changeJSON{Op: "delete", Table: ch.table, Key: ch.key}
		if ch.value != nil {
			value, err := encodeJSON(ch.value)
			if err != nil {
				return nil, fmt.Errorf("encode %s %q: %w", ch.table, ch.key, err)
			}
			w.Op, w.Value = "put", value
		}
		wire.Changes = append(wire.Changes, w)
	}
	data, err := encodeJSON(wire)
	if err != nil {
		return nil, fmt.Errorf("encode a command: %w", err)
	}
	if _, err := DecodeCommand(data); err != nil {
		return nil, err
	}
	return data, nil
}

// DecodeCommand reads what [Command.Encode] wrote. Everything that it does not
// know exactly is an error: a newer version, an unknown table or field, a value
// that is not what its table holds, trailing data, and more than [MaxCommand].
func DecodeCommand(data []byte) (Command, error) {
	if len(data) > MaxCommand {
		return Command{}, fmt.Errorf("command of %d bytes: at most %d are allowed", len(data), MaxCommand)
	}
	var wire commandJSON
	if err := strictjson.Decode(data, &wire); err != nil {
		return Command{}, fmt.Errorf("decode a command: %w", err)
	}
	if wire.Version != commandVersion {
		return Command{}, fmt.Errorf("command of version %d: this replica knows version %d", wire.Version, commandVersion)
	}
	var c Command
	for i, w := range wire.Changes {
		ch, err := decodeChange(w)
		if err != nil {
			return Command{}, fmt.Errorf("change %d of a command: %w", i+1, err)
		}
		c.changes = append(c.changes, ch)
	}
	return c, nil
}

func decodeChange(w changeJSON) (change, error) {
	ch := change{table: w.Table, key: w.Key}
	t, ok := tables[w.Table]
	switch {
	case !ok:
		return ch, fmt.Errorf("unknown table %q", w.Table)
	case t.single != (w.Key == ""):
		return ch, fmt.Errorf("key %q does not fit table %s", w.Key, w.Table)
	case w.Op == "put":
		var err error
		if ch.value, err = t.decode(w.Key, w.Value); err != nil {
			return ch, fmt.Errorf("put %s %q: %w", w.Table, w.Key, err)
		}
	case w.Op != "delete":
		return ch, fmt.Errorf("unknown op %q", w.Op)
	case t.single:
		return ch, fmt.Errorf("%s cannot be deleted", w.Table)
	case w.Value != nil:
		return ch, fmt.Errorf("delete %s %q has a value", w.Table, w.Key)
	}
	return ch, nil
}

// encodeJSON is compact JSON without HTML's escapes: what is encoded, decoded
// and encoded again has the same bytes.
func encodeJSON(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}
