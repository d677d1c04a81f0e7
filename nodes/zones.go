package nodes

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"demarc/nodes/vm"
	"demarc/sim/api"
	"demarc/sim/timeline"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"
)

// zoneSubject names an availability zone on the timeline.
func zoneSubject(zone string) string { return "zone/" + zone }

// LoseZone takes the power of an availability zone because of an event: every VM in it loses
// its power at that moment. Until [Fleet.RestoreZone] the cloud starts, restarts, reimages,
// redeploys and makes no VM there, and does nothing with the disks that are only there.
//
// The control plane goes on: AKS replicates it over the zones of the region, whatever zones
// the node pools are in (Microsoft, "Availability zones in Azure Kubernetes Service (AKS)
// overview", AKS control plane, 2026). So do load balancers' addresses, which are redundant
// over zones.
func (f *Fleet) LoseZone(zone string, because timeline.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lostZones[zone] = because
	now := time.Now()
	f.watcher.Broke(zoneSubject(zone), because, now)
	for _, m := range f.inZone(zone) {
		m.ZoneLost = true
		if m.On {
			m.Root = because
			m.lose(now, "the machine lost its power with its zone; all its containers died")
		}
	}
	f.tellUnspread(now, zone, because)
}

// RestoreZone gives a zone its power back. Its VMs boot, but for those that somebody has
// stopped, or whose own power is off.
func (f *Fleet) RestoreZone(zone string, by timeline.Actor) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.lostZones, zone)
	now := time.Now()
	f.watcher.Mended(zoneSubject(zone), now)
	for _, m := range f.inZone(zone) {
		m.ZoneLost = false
		if m.Dark || m.Stopped != "" || !m.leaves.IsZero() {
			continue
		}
		m.ActsOn(now, by, "powered-on", "node/"+m.Name, "the machine's zone has power again: it boots", 0)
		m.boot(now, 0)
	}
}

// LostZones are the availability zones without power, with the events that say so.
func (f *Fleet) LostZones() map[string]timeline.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.lostZones)
}

// lost says whether an availability zone has no power. The lock is held.
func (f *scaleSet) lost(zone string) bool {
	_, lost := f.lostZones[zone]
	return lost
}

// inZone are the machines in a zone that were not deleted, also those that are leaving. The
// lock is held.
func (f *scaleSet) inZone(zone string) []*machine {
	r := f.present.Load()
	return slices.DeleteFunc(slices.Concat(r.machines, r.leaving), func(m *machine) bool { return m.deleted() || m.Zone() != zone })
}

// allocationFailed is Azure's refusal to find a host for a VM in a zone (openshift/release#5182,
// 2019; Microsoft, "Troubleshoot allocation failures when you create, restart, or resize VMs
// in Azure").
func allocationFailed() error {
	return api.Coded("ZonalAllocationFailed", "Allocation failed. We do not have sufficient capacity for the requested VM size in this zone. "+
		"Read more about improving likelihood of allocation success at http://aka.ms/allocation-guidance")
}

// allocated says why the machine cannot be run: its zone has no host for it.
func (m *machine) allocated() error {
	if m.ZoneLost {
		return allocationFailed()
	}
	return nil
}

// nextOf is the number of a pool's next instance. AKS's scale sets balance zones as far as
// they can: what a zone cannot take another one does (Microsoft, "Zone balancing in Virtual
// Machine Scale Sets", best-effort zone balance, 2026). The lock is held.
func (f *scaleSet) nextOf(p *pool) (index int, err error) {
	for i := range max(len(p.shape.Zones), 1) {
		if !f.lost(vm.ZoneOf(p.shape, p.next+i)) {
			return p.next + i, nil
		}
	}
	return p.next, allocationFailed()
}

// tellUnspread says which Services have lost all their ready pods with a zone: the pods of
// each were in zones that have no power now, and some in this one. What AKS deploys is not
// the customer's to spread. The lock is held.
func (f *Fleet) tellUnspread(now time.Time, zone string, because timeline.Event) {
	list, _ := f.informers.Discovery().V1().EndpointSlices().Lister().List(labels.Everything()) // never fails
	here, safe := map[string]map[string]bool{}, map[string]bool{}
	for _, s := range list {
		name := s.Labels[discoveryv1.LabelServiceName]
		if name == "" || s.Namespace == metav1.NamespaceSystem {
			continue
		}
		key := s.Namespace + "/" + name
		for _, e := range s.Endpoints {
			m := f.named(ptr.Deref(e.NodeName, ""))
			switch {
			case m == nil || !ptr.Deref(e.Conditions.Ready, true):
			case !m.ZoneLost:
				safe[key] = true
			case m.Zone() == zone:
				if here[key] == nil {
					here[key] = map[string]bool{}
				}
				here[key][e.Addresses[0]] = true
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(here)) {
		if safe[key] {
			continue
		}
		f.log.Append(timeline.Event{
			Time: now, Actor: timeline.Platform, Verb: "is in one zone", Subject: "service/" + key, Cause: because.Seq,
			Message: fmt.Sprintf("all that was ready of it, %d pods, was in zone %s, which is lost", len(here[key]), zone),
		})
	}
}
