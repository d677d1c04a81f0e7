package cloud

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"demarc/nodes/host"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// The CSI drivers by which Kubernetes has disks and file shares, which AKS installs on its
// nodes (Microsoft, "CSI drivers on AKS").
const (
	DiskDriver = "disk.csi.azure.com"
	FileDriver = "file.csi.azure.com"
)

// DiskZoneLabel is the label with the zone in which a node takes disks, such as
// westeurope-1; it is empty on a node that is in no zone.
const DiskZoneLabel = "topology.disk.csi.azure.com/zone"

// storage is a resource that holds files, as its kind keeps it; A is what the API says of it.
type storage[A any] interface {
	key() string // its name, by which it is found
	tags() map[string]string
	shown() A
	base() *stored
}

// stored is what every such resource has. All is under the lock.
type stored struct {
	files *host.Volume
	busy  string // the call that is under way
}

func (x *stored) base() *stored { return x }

// resources are all of one kind in the node resource group, and how Azure's API is called
// about them.
type resources[A any, X storage[A]] struct {
	lock *sync.Mutex
	log  *timeline.Log
	// noun is what messages call one, and subject what is before its name on the timeline.
	noun, subject string
	absent        func(key string) error

	all    map[string]X
	broken error // why every call fails; nil if none does
	// Changed is called, without the lock, when there is another state to keep; nil for
	// nobody.
	Changed func()
}

// Break has every call fail with an error, until it is called with nil.
func (r *resources[A, X]) Break(err error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.broken = err
}

// List is all of them, by name.
func (r *resources[A, X]) List() []A {
	r.lock.Lock()
	defer r.lock.Unlock()
	out := make([]A, 0, len(r.all))
	for _, key := range slices.Sorted(maps.Keys(r.all)) {
		out = append(out, r.all[key].shown())
	}
	return out
}

// Get is one of them. The error has Azure's code for what does not exist if there is none.
func (r *resources[A, X]) Get(ctx context.Context, key string) (A, error) {
	return r.call(ctx, 0, func() (none A, err error) {
		x, err := r.find(key)
		if err != nil {
			return none, err
		}
		return x.shown(), nil
	})
}

func (r *resources[A, X]) find(key string) (X, error) {
	x, ok := r.all[key]
	if !ok {
		return x, r.absent(key)
	}
	return x, nil
}

// call is one call of Azure's API: it is refused at once, or has its effect after a time.
func (r *resources[A, X]) call(ctx context.Context, takes time.Duration, do func() (A, error)) (none A, _ error) {
	r.lock.Lock()
	err := r.broken
	r.lock.Unlock()
	if err != nil {
		return none, err
	}
	if takes > 0 {
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			return none, ctx.Err()
		}
	}
	r.lock.Lock()
	out, err := do()
	r.lock.Unlock()
	if r.Changed != nil && err == nil && takes > 0 {
		r.Changed()
	}
	return out, err
}

// change is a call that changes a resource, which no other may do meanwhile. check says why
// it cannot be.
func (r *resources[A, X]) change(ctx context.Context, key, what string, takes time.Duration, check func(X) error, do func(X)) (none A, _ error) {
	r.lock.Lock()
	x, err := r.find(key)
	switch {
	case err != nil:
	case x.base().busy != "":
		err = api.Coded("OperationNotAllowed", "Cannot %s %s '%s', because it is the subject of another operation: %s.", what, r.noun, key, x.base().busy)
	default:
		err = check(x)
	}
	if err == nil {
		x.base().busy = what
	}
	r.lock.Unlock()
	if err != nil {
		return none, err
	}
	done := false
	out, err := r.call(ctx, takes, func() (A, error) {
		done, x.base().busy = true, ""
		if err := check(x); err != nil { // the world has gone on
			return none, err
		}
		do(x)
		return x.shown(), nil
	})
	if !done {
		r.lock.Lock()
		x.base().busy = ""
		r.lock.Unlock()
	}
	return out, err
}

// remove takes a resource away with what is on it. The provider does that when a
// PersistentVolume is reclaimed.
func (r *resources[A, X]) remove(by timeline.Actor, x X, name, called string) {
	delete(r.all, x.key())
	if by == timeline.Provider {
		r.tell(by, "reclaimed", name, "the "+called+" is deleted, with what was on it")
	} else {
		r.tell(by, "deleted", name, "the "+called+" is gone, with what was on it")
	}
}

// tell puts on the timeline what was done; past AKS, unless the provider did it.
func (r *resources[A, X]) tell(by timeline.Actor, verb timeline.Verb, key, message string) {
	e := timeline.Event{Time: time.Now(), Actor: by, Verb: verb, Subject: r.subject + key, Message: message}
	if by == timeline.Customer {
		e.Detail = &timeline.Detail{Resource: true}
	}
	r.log.Append(e)
}

// saved are all of them in the form S in which they are kept, with their files, by name.
func saved[S, A any, X storage[A]](r *resources[A, X], form func(X, json.RawMessage) S) (list []S, err error) {
	for _, key := range slices.Sorted(maps.Keys(r.all)) {
		x := r.all[key]
		files, err := x.base().files.Save()
		if err != nil {
			return nil, err
		}
		list = append(list, form(x, files))
	}
	return list, nil
}

// load puts back what was kept in the form S. On an error there is what there was.
func load[S, A any, X storage[A]](r *resources[A, X], list []S, read func(S) (X, json.RawMessage, error)) error {
	all := map[string]X{}
	for _, s := range list {
		x, files, err := read(s)
		if err != nil {
			return err
		}
		if err := x.base().files.Load(files); err != nil {
			return err
		}
		all[x.key()] = x
	}
	r.all = all
	return nil
}
