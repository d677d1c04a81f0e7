package controlplane

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.etcd.io/etcd/server/v3/storage/mvcc"
	"go.etcd.io/etcd/server/v3/storage/schema"
	"google.golang.org/protobuf/encoding/protowire"
)

// EtcdUse is what the objects of one resource take of etcd's database in one namespace.
type EtcdUse struct {
	// Resource is as in configmaps; Namespace is empty for what is in none.
	Resource, Namespace string
	// Objects is how many there are. Live is the bytes of them as they are, History those of
	// their older revisions and of objects that were deleted, which compacting frees.
	Objects       int
	Live, History int64
}

// EtcdUses is what takes etcd's space, the most first, by the database of the first member
// that runs and answers. It reads all of that.
func (p *Plane) EtcdUses() ([]EtcdUse, error) {
	for _, seat := range p.seats.list {
		m, err := seat.running()
		if err != nil {
			continue
		}
		var uses []EtcdUse
		read, err := ask(context.Background(), func(context.Context) (err error) {
			uses, err = m.uses()
			return err
		})
		if err == nil && read == nil {
			return uses, nil
		}
	}
	return nil, errors.New("no member of etcd tells what it has")
}

// uses reads every revision that the database has, the oldest first.
func (m *etcdMember) uses() ([]EtcdUse, error) {
	tx := m.etcd.Server.Backend().ConcurrentReadTx()
	tx.RLock()
	defer tx.RUnlock()
	newest, of := map[string]int64{}, map[EtcdUse]*EtcdUse{} // by key; by what their names say
	err := tx.UnsafeForEach(schema.Key, func(revision, value []byte) error {
		key := keyOf(value)
		resource, namespace, ok := registered(key)
		if !ok {
			return nil
		}
		name := EtcdUse{Resource: resource, Namespace: namespace}
		use := of[name]
		if use == nil {
			use = &EtcdUse{Resource: resource, Namespace: namespace}
			of[name] = use
		}
		size := int64(len(revision) + len(value))
		if last, live := newest[string(key)]; live {
			use.Objects, use.Live, use.History = use.Objects-1, use.Live-last, use.History+last
		}
		if mvcc.IsTombstone(revision) {
			delete(newest, string(key))
			use.History += size
			return nil
		}
		newest[string(key)] = size
		use.Objects, use.Live = use.Objects+1, use.Live+size
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the revisions of etcd: %w", err)
	}
	var list []EtcdUse
	for _, use := range of {
		list = append(list, *use)
	}
	slices.SortFunc(list, func(a, b EtcdUse) int {
		return cmp.Or(cmp.Compare(b.Live+b.History, a.Live+a.History), cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Namespace, b.Namespace))
	})
	return list, nil
}

// keyOf is the key of a revision as it is stored, a mvccpb.KeyValue; nil if that is none. The
// value, which may be large, is left where it is.
func keyOf(stored []byte) []byte {
	for len(stored) > 0 {
		field, kind, tag := protowire.ConsumeTag(stored)
		if tag < 0 {
			return nil
		}
		stored = stored[tag:]
		if field == 1 && kind == protowire.BytesType {
			key, _ := protowire.ConsumeBytes(stored)
			return key
		}
		size := protowire.ConsumeFieldValue(field, kind, stored)
		if size < 0 {
			return nil
		}
		stored = stored[size:]
	}
	return nil
}

// objects is where the API server keeps its objects.
var objects = []byte("/registry/")

// folders are the resources whose keys do not begin with their names.
var folders = map[string]string{
	"minions": "nodes", "controllers": "replicationcontrollers", "ingress": "ingresses",
	"services/specs": "services", "services/endpoints": "endpoints",
}

// registered is the resource and the namespace of what the API server keeps under a key:
// /registry/[GROUP/]RESOURCE/[NAMESPACE/]NAME, where only groups with a dot are written.
func registered(key []byte) (resource, namespace string, ok bool) {
	rest, ok := bytes.CutPrefix(key, objects)
	if !ok {
		return "", "", false
	}
	parts := strings.Split(string(rest), "/")
	if strings.Contains(parts[0], ".") || parts[0] == "services" && len(parts) > 3 {
		parts = append([]string{parts[0] + "/" + parts[1]}, parts[2:]...)
	}
	resource, known := folders[parts[0]]
	if !known {
		_, resource, ok = strings.Cut(parts[0], "/") // without its group, as requests have it
		if !ok {
			resource = parts[0]
		}
	}
	if len(parts) == 3 {
		namespace = parts[1]
	}
	return resource, namespace, len(parts) > 1
}
