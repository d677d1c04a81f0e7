package csi

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"strings"

	"demarc/nodes/cloud"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/record"
)

// driver is what a CSI driver does in the cloud. Its errors are what upstream's programs
// beside it get to hear.
type driver interface {
	// create makes what a claim asks for. If it is there already, that is the answer.
	create(context.Context, wanted) (made, error)
	// delete deletes it. So is what is not there.
	delete(ctx context.Context, handle string) error
	// expand makes it larger, and returns how large its volume is now. nodes says that they
	// have to make its filesystem larger then.
	expand(ctx context.Context, handle string, bytes int64) (size int64, nodes bool, err error)
}

// wanted is a volume as it is asked for.
type wanted struct {
	claim  *corev1.PersistentVolumeClaim
	volume string // the name of the PersistentVolume
	// parameters are those of the class, and fsType the one that it has for
	// external-provisioner.
	parameters map[string]string
	fsType     string
	source     string // the handle of the volume that it is to be a clone of; empty for none
}

func (w wanted) bytes() int64 {
	request := w.claim.Spec.Resources.Requests[storage]
	return request.Value()
}

// named is a name in which a class has the claim's and the volume's.
func (w wanted) named(name string) string {
	return strings.NewReplacer("${pvc.metadata.name}", w.claim.Name, "${pvc.metadata.namespace}", w.claim.Namespace, "${pv.metadata.name}", w.volume).Replace(name)
}

// tagged adds to a class's tags those that say whose the volume is.
func (w wanted) tagged(tags map[string]string) map[string]string {
	tags[cloud.TagClaim], tags[cloud.TagNamespace], tags[cloud.TagVolume] = w.claim.Name, w.claim.Namespace, w.volume
	return tags
}

// made is a volume as a driver has made it: what its PersistentVolume says.
type made struct {
	handle, fsType string
	bytes          int64
	attributes     map[string]string
	affinity       *corev1.VolumeNodeAffinity // nil for any node
}

// served is a driver with upstream's programs beside it.
type served struct {
	driver
	name string
	// host is what the provisioner calls itself in events, and identity what its volumes say
	// of it.
	host, identity string
	// provisioner and resizer tell events.
	provisioner, resizer record.EventRecorder
}

// serve puts the programs beside a driver. The cluster's name makes their own.
func serve(d driver, name, program, cluster string) *served {
	h := fnv.New128a()
	h.Write([]byte(cluster)) // never fails
	x := h.Sum(nil)
	return &served{
		driver: d, name: name,
		host:     fmt.Sprintf("%s-%x-%x_%x-%x-%x-%x-%x", program, x[:5], x[5:8], x[:4], x[4:6], x[6:8], x[8:10], x[10:]),
		identity: fmt.Sprintf("%d-%s", binary.BigEndian.Uint16(x), name),
	}
}

// speak lets the programs tell events.
func (s *served) speak(b record.EventBroadcaster) {
	s.provisioner = b.NewRecorder(scheme.Scheme, corev1.EventSource{Component: s.name + "_" + s.host})
	s.resizer = b.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "external-resizer " + s.name})
}
