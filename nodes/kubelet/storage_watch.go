package kubelet

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"
)

// storageFeeds are what kubelets hear of volumes.
func (ks *Kubelets) storageFeeds(ctx context.Context) []feed {
	attachments, nodes, claims := ks.Client.StorageV1().VolumeAttachments(), ks.Client.StorageV1().CSINodes(), ks.Client.CoreV1().PersistentVolumeClaims("")
	return []feed{{
		list:  func(o metav1.ListOptions) (metav1.ListInterface, error) { return attachments.List(ctx, o) },
		begin: func(o metav1.ListOptions) (watch.Interface, error) { return attachments.Watch(ctx, o) },
		told:  ks.attachmentTold,
		eager: true,
	}, {
		list:  func(o metav1.ListOptions) (metav1.ListInterface, error) { return nodes.List(ctx, o) },
		begin: func(o metav1.ListOptions) (watch.Interface, error) { return nodes.Watch(ctx, o) },
		told:  ks.driversTold,
	}, {
		list:  func(o metav1.ListOptions) (metav1.ListInterface, error) { return claims.List(ctx, o) },
		begin: func(o metav1.ListOptions) (watch.Interface, error) { return claims.Watch(ctx, o) },
		told:  ks.claimTold,
	}}
}

// attachmentTold lets pods look again that wait for a volume which is attached now.
func (ks *Kubelets) attachmentTold(kind watch.EventType, o metav1.Object) {
	a, one := o.(*storagev1.VolumeAttachment)
	if one && (kind == watch.Deleted || !a.Status.Attached) {
		return
	}
	ks.Lock.Lock()
	defer ks.Lock.Unlock()
	for k := range ks.Kubelets {
		if one && k.m.Name != a.Spec.NodeName {
			continue
		}
		for _, p := range k.pods {
			if !p.sandbox && !p.over && (one && p.waitsFor(a) || !one && len(claimNames(p.spec)) > 0) {
				p.lookAgain()
			}
		}
	}
}

// waitsFor says whether one of the pod's claims can be for what is attached.
func (p *pod) waitsFor(a *storagev1.VolumeAttachment) bool {
	return slices.ContainsFunc(claimNames(p.spec), func(name string) bool {
		c := p.config.claims[name]
		return c == nil || c.pv == nil || c.pv.Name == ptr.Deref(a.Spec.Source.PersistentVolumeName, "")
	})
}

// claimTold lets pods look again whose volumes a resizer has made larger.
func (ks *Kubelets) claimTold(_ watch.EventType, o metav1.Object) {
	claim, one := o.(*corev1.PersistentVolumeClaim)
	if one && !growing(claim) {
		return
	}
	ks.Lock.Lock()
	defer ks.Lock.Unlock()
	for _, p := range ks.pods {
		if !p.sandbox || p.over {
			continue // it looks before it is started
		}
		names := claimNames(p.spec)
		if one && p.namespace == claim.Namespace && slices.Contains(names, claim.Name) || !one && len(names) > 0 {
			p.lookAgain()
		}
	}
}

// driversTold has kubelets publish their CSI drivers again that are no longer published.
func (ks *Kubelets) driversTold(kind watch.EventType, o metav1.Object) {
	if o != nil && kind != watch.Deleted {
		return
	}
	ks.Lock.Lock()
	defer ks.Lock.Unlock()
	for k := range ks.Kubelets {
		if o == nil || k.m.Name == o.GetName() {
			k.driversDue = true
			ks.Timers.Wake(k.item)
		}
	}
}

// lookAgain has the kubelet ask the API server for what the pod uses, also if it is just
// being told.
func (p *pod) lookAgain() {
	p.want, p.news = true, true
	p.k.ks.Timers.Wake(p)
}
