// Package csi is the controller of the CSI drivers of Azure Disks, disk.csi.azure.com, and of
// Azure Files, file.csi.azure.com, with the three programs that upstream puts beside such a
// driver: external-provisioner, external-attacher and external-resizer.
//
// [New] makes it, [Controller.Run] runs it. In AKS it is a part of the control plane that the
// provider runs, so it is here: it is no pod, and ends with no node. All that it does begins
// with an object of the API server's, which three informers watch, and comes to Azure by the
// calls of [cloud.Disks] and [cloud.Shares]:
//
//   - a PersistentVolumeClaim of a class of a driver's gets a disk or a file share, and a
//     PersistentVolume (provision.go), or grows (resize.go);
//   - a PersistentVolume that is released is deleted with what it names (delete.go);
//   - a VolumeAttachment, which Kubernetes' own attach-detach controller makes, attaches a
//     disk, and its end detaches it (attach.go). File shares need none.
//
// What differs between the two is a driver (driver.go, disk.go, file.go).
//
// What is wrong is said where upstream says it, by events and in the objects' status, in the
// driver's words. It is tried again with exponential backoff, and sooner if the object
// changes. When nothing changes, nothing runs. Without an API server nothing is done, and
// nothing is lost: what is attached stays so. It remembers nothing: a restore of etcd brings
// other objects, and it does what these say; what no object names stays.
//
// The words and the order of steps are those of kubernetes-csi/external-provisioner 6,
// external-attacher 4 and external-resizer 2, and kubernetes-sigs/azuredisk-csi-driver 1 and
// azurefile-csi-driver 1.
package csi

import (
	"context"
	"fmt"
	"time"

	"demarc/nodes/cloud"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	storagelisters "k8s.io/client-go/listers/storage/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
)

// ServiceAccount is the one in kube-system by whose rights the controller works; what it may
// do is an add-on's manifest.
const ServiceAccount = "csi-azuredisk-controller-sa"

// watchSeconds is how long a watch lasts. By default informers begin anew every few minutes,
// which costs requests on a day without events.
const watchSeconds int64 = 24 * 60 * 60

// Controller is the controller of both drivers.
type Controller struct {
	client  kubernetes.Interface
	disks   *cloud.Disks
	drivers map[string]*served // by name

	informers   informers.SharedInformerFactory
	claims      corelisters.PersistentVolumeClaimLister
	volumes     corelisters.PersistentVolumeLister
	attachments storagelisters.VolumeAttachmentLister

	provisioning, deleting, attaching, resizing *queue
}

// New makes the controller of a cluster's disks and file shares. The client speaks for
// [ServiceAccount], has no rate limit of its own and lets two events of one instant have two
// names; the name of the cluster makes the
// controller's own.
func New(client kubernetes.Interface, disks *cloud.Disks, shares *cloud.Shares, cluster string) (*Controller, error) {
	c := &Controller{
		client: client, disks: disks,
		informers: informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(slim),
			informers.WithTweakListOptions(func(o *metav1.ListOptions) {
				if o.TimeoutSeconds != nil { // a list has none
					seconds := watchSeconds
					o.TimeoutSeconds = &seconds
				}
			})),
	}
	c.drivers = map[string]*served{
		cloud.DiskDriver: serve(diskDriver{c}, cloud.DiskDriver, "csi-azuredisk-controller", cluster),
		cloud.FileDriver: serve(fileDriver{shares}, cloud.FileDriver, "csi-azurefile-controller", cluster),
	}
	c.provisioning, c.deleting = newQueue(c.provision), newQueue(c.reclaim)
	c.attaching, c.resizing = newQueue(c.syncAttachment), newQueue(c.resize)
	core, attachments := c.informers.Core().V1(), c.informers.Storage().V1().VolumeAttachments()
	c.claims, c.volumes = core.PersistentVolumeClaims().Lister(), core.PersistentVolumes().Lister()
	c.attachments = attachments.Lister()
	for _, w := range []struct {
		informer cache.SharedIndexInformer
		handler  cache.ResourceEventHandlerFuncs
	}{
		{core.PersistentVolumeClaims().Informer(), handler(c.claimChanged)},
		{core.PersistentVolumes().Informer(), handler(c.volumeChanged)},
		{attachments.Informer(), handler(c.attachmentChanged)},
	} {
		if _, err := w.informer.AddEventHandler(w.handler); err != nil {
			return nil, fmt.Errorf("csi: %w", err)
		}
	}
	return c, nil
}

// Run runs the controller until ctx ends. It survives any absence of the API server, also
// from the start.
func (c *Controller) Run(ctx context.Context) {
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	defer broadcaster.Shutdown()
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: c.client.CoreV1().Events("")})
	for _, d := range c.drivers {
		d.speak(broadcaster)
	}
	c.informers.Start(ctx.Done())
	defer c.informers.Shutdown()
	if synced := c.informers.WaitForCacheSync(ctx.Done()); ctx.Err() != nil || len(synced) == 0 {
		return
	}
	queues := []*queue{c.provisioning, c.deleting, c.attaching, c.resizing}
	for _, q := range queues {
		q.start(ctx)
	}
	<-ctx.Done()
	for _, q := range queues {
		q.wait()
	}
}

// handler tells of every change: before is nil for what is new, and now for what is gone.
func handler[T any](changed func(before, now *T)) cache.ResourceEventHandlerFuncs {
	of := func(obj any) *T {
		if d, ok := obj.(cache.DeletedFinalStateUnknown); ok {
			obj = d.Obj
		}
		x, _ := obj.(*T)
		return x
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { changed(nil, of(obj)) },
		UpdateFunc: func(old, obj any) { changed(of(old), of(obj)) },
		DeleteFunc: func(obj any) { changed(of(obj), nil) },
	}
}

func (c *Controller) claimChanged(before, now *corev1.PersistentVolumeClaim) {
	if now == nil {
		return
	}
	key := cache.MetaObjectToName(now).String()
	if c.wantsVolume(now) != nil {
		c.provisioning.add(key)
	}
	if now.Spec.VolumeName != "" && (before == nil || resizeChanged(before, now)) {
		c.resizing.add(key)
	}
}

func (c *Controller) volumeChanged(before, now *corev1.PersistentVolume) {
	if now == nil || c.driverOf(now) == nil {
		return
	}
	c.deleting.add(now.Name)
	if ref := now.Spec.ClaimRef; before == nil && ref != nil { // the claim's news may have come first
		c.resizing.add(ref.Namespace + "/" + ref.Name)
	}
}

func (c *Controller) attachmentChanged(before, now *storagev1.VolumeAttachment) {
	x := now
	if now == nil {
		x = before
	}
	if x == nil || x.Spec.Attacher != cloud.DiskDriver {
		return
	}
	switch {
	case now != nil && attachmentMoved(before, now):
		c.attaching.add(now.Name)
	case now == nil && x.Spec.Source.PersistentVolumeName != nil:
		c.deleting.add(*x.Spec.Source.PersistentVolumeName)
	}
}

// slim drops what nobody here reads. It changes a copy: a client may have shared the object
// with somebody else.
func slim(obj any) (any, error) {
	switch o := obj.(type) {
	case *corev1.PersistentVolumeClaim:
		c := *o
		c.ManagedFields = nil
		return &c, nil
	case *corev1.PersistentVolume:
		c := *o
		c.ManagedFields = nil
		return &c, nil
	case *storagev1.VolumeAttachment:
		c := *o
		c.ManagedFields = nil
		return &c, nil
	}
	return obj, nil
}

// driverOf is the driver of a volume; nil if it is another one's.
func (c *Controller) driverOf(v *corev1.PersistentVolume) *served {
	if v.Spec.CSI == nil {
		return nil
	}
	return c.drivers[v.Spec.CSI.Driver]
}

// isDisk says whether a volume is a disk's.
func isDisk(v *corev1.PersistentVolume) bool {
	return v.Spec.CSI != nil && v.Spec.CSI.Driver == cloud.DiskDriver
}

// now is the time, as the API has it.
func now() metav1.Time { return metav1.NewTime(time.Now()) }
