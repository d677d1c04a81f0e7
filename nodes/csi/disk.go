package csi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"demarc/nodes/cloud"
	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// diskDriver is the driver of Azure Disks. What it does with attachments is in attach.go.
type diskDriver struct{ *Controller }

// create is the driver's CreateVolume.
func (d diskDriver) create(ctx context.Context, w wanted) (made, error) {
	p, err := parse(w.parameters)
	if err != nil {
		return made{}, err
	}
	if err := accessible(w.claim.Spec.AccessModes, w.claim.Spec.VolumeMode); err != nil {
		return made{}, err
	}
	zone, err := d.zoneFor(ctx, w.claim)
	if err != nil {
		return made{}, err
	}
	region, number := split(zone)
	spec := cloud.DiskSpec{Name: w.named(cmp.Or(p.name, w.volume)), SizeGiB: gib(w.bytes()), SKU: p.sku, Tags: w.tagged(p.tags)}
	if w.source != "" { // a clone is where its source is
		spec.Source = d.nameOf(w.source)
		if from, err := d.disks.Get(ctx, spec.Source); err == nil && from.Zone != "" && region != "" {
			number, zone = from.Zone, region+"-"+from.Zone
		}
	}
	zones := []string{zone}
	if strings.HasSuffix(p.sku, "_ZRS") { // in every zone, and outside of zones
		number, zones = "", zonesOf(region)
	}
	spec.Zone = number
	disk, err := d.disks.Create(ctx, spec, timeline.Provider)
	if err != nil {
		return made{}, refused(err)
	}
	p.attributes["requestedsizegib"] = strconv.FormatInt(disk.SizeGiB, 10)
	return made{handle: disk.ID, bytes: disk.SizeGiB << 30, fsType: cmp.Or(w.fsType, p.fsType), attributes: p.attributes, affinity: affinity(zones)}, nil
}

// delete is the driver's DeleteVolume.
func (d diskDriver) delete(ctx context.Context, handle string) error {
	disk, err := d.disks.Get(ctx, d.nameOf(handle))
	switch {
	case missing(err):
		return nil
	case err != nil:
		return unknown(err)
	case disk.VM != "":
		return unknown(fmt.Errorf("disk(%s) already attached to node(%s), could not be deleted", handle, disk.VM))
	}
	if err := d.disks.Delete(ctx, disk.Name, timeline.Provider); err != nil && !missing(err) {
		return unknown(err)
	}
	return nil
}

// expand is the driver's ControllerExpandVolume. A disk that is that large already is left as
// it is.
func (d diskDriver) expand(ctx context.Context, handle string, bytes int64) (int64, bool, error) {
	size := gib(bytes)
	disk, err := d.disks.Get(ctx, d.nameOf(handle))
	if err != nil {
		return 0, false, internal("GetDiskByURI(%s) failed with error(%v)", handle, err)
	}
	if disk.SizeGiB < size {
		if _, err := d.disks.Resize(ctx, disk.Name, size, timeline.Provider); err != nil {
			return 0, false, internal("failed to resize disk(%s) with error(%v)", handle, err)
		}
	}
	return size << 30, true, nil
}

// split is the region and the number of a zone as labels have it: westeurope-1.
func split(zone string) (region, number string) {
	i := strings.LastIndex(zone, "-")
	return zone[:max(i, 0)], zone[i+1:]
}

// zonesOf are the zones of a region, as labels have them, and that of nodes without one.
func zonesOf(region string) (zones []string) {
	for _, z := range cloud.Zones {
		zones = append(zones, region+"-"+z)
	}
	return append(zones, "")
}

// affinity keeps a volume to the nodes of some zones.
func affinity(zones []string) *corev1.VolumeNodeAffinity {
	var terms []corev1.NodeSelectorTerm
	for _, z := range zones {
		terms = append(terms, corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{
			{Key: cloud.DiskZoneLabel, Operator: corev1.NodeSelectorOpIn, Values: []string{z}},
		}})
	}
	return &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: terms}}
}

// errNode is that the node that was selected for a claim is gone.
var errNode = errors.New("selected node is gone")

// zoneFor is the zone in which a claim's disk is to be, as nodes' labels have it: that of the
// node which the scheduler has selected, or of any, by the claim. It is empty for none.
func (d diskDriver) zoneFor(ctx context.Context, claim *corev1.PersistentVolumeClaim) (string, error) {
	if name := claim.Annotations[annSelectedNode]; name != "" {
		node, err := d.client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return "", fmt.Errorf("error generating accessibility requirements: %w: error getting node %q: %w", errNode, name, err)
		case err != nil:
			return "", fmt.Errorf("error generating accessibility requirements: error getting node %q: %w", name, err)
		}
		return node.Labels[cloud.DiskZoneLabel], nil
	}
	nodes, err := d.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", fmt.Errorf("error generating accessibility requirements: error listing nodes: %w", err)
	}
	var zones []string
	for _, n := range nodes.Items {
		zones = append(zones, n.Labels[cloud.DiskZoneLabel])
	}
	slices.Sort(zones)
	if zones = slices.Compact(zones); len(zones) == 0 {
		return "", errors.New("error generating accessibility requirements: no available topology found")
	}
	return zones[spread(string(claim.UID))%len(zones)], nil
}

// nameOf is the disk that a volume handle names; one of another resource group is none of
// the cluster's, and is not found by its whole name.
func (c *Controller) nameOf(handle string) string {
	if name := c.disks.NameOf(handle); name != "" {
		return name
	}
	return handle
}

// spread is a number that a text always makes.
func spread(text string) (n int) {
	for _, r := range text {
		n = (n*31 + int(r)) & 0xffffff
	}
	return n
}
