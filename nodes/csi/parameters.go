//lint:file-ignore ST1005 Errors are in the words of the driver.

package csi

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"demarc/nodes/cloud"

	corev1 "k8s.io/api/core/v1"
)

// Parameters that external-provisioner adds, or keeps to itself.
const (
	reserved  = "csi.storage.k8s.io/"
	fsTypeKey = reserved + "fstype"
	pvcName   = reserved + "pvc/name"
	pvcSpace  = reserved + "pvc/namespace"
	pvName    = reserved + "pv/name"
)

// strip takes out of a class's parameters what is external-provisioner's: the filesystem.
func strip(given map[string]string) (parameters map[string]string, fsType string, err error) {
	if _, twice := given["fstype"]; twice && given[fsTypeKey] != "" {
		return nil, "", fmt.Errorf("fstype specified in parameters with both \"fstype\" and \"%s\" keys", fsTypeKey)
	}
	parameters = map[string]string{}
	for _, k := range slices.Sorted(maps.Keys(given)) { // so that of two mistakes it is always the same that is told
		switch {
		case k == fsTypeKey:
			fsType = given[k]
		case strings.HasPrefix(k, reserved):
			return nil, "", fmt.Errorf("failed to strip CSI Parameters of prefixed keys: found unknown parameter key \"%s\" with reserved namespace %s", k, reserved)
		default:
			parameters[k] = given[k]
		}
	}
	return parameters, fsType, nil
}

// defaultFSType is the filesystem of a volume of which nothing else is said.
const defaultFSType = "ext4"

// known are the parameters of classes that the driver knows and that nothing depends on here
// (kubernetes-sigs/azuredisk-csi-driver, docs/driver-parameters.md). Case does not matter.
var known = []string{
	"attachdiskinitialdelay", "diskaccessid", "diskencryptionsetid", "diskencryptiontype", "diskiopsreadwrite", "diskmbpsreadwrite",
	"enableasyncattach", "enablebursting", "enableperformanceplus", "fstype", "kind", "location", "logicalsectorsize", "maxshares",
	"networkaccesspolicy", "perfprofile", "publicnetworkaccess", "resourcegroup", "subscriptionid", "tagvaluedelimiter", "useragent",
	"writeacceleratorenabled", "zoned",
}

// cachingModes are those of a disk.
var cachingModes = []string{"None", "ReadOnly", "ReadWrite"}

// parameters are those of a class, as the driver understands them.
type parameters struct {
	name, sku, fsType string
	tags              map[string]string
	// attributes are what the volume says of them.
	attributes map[string]string
}

// parse reads the parameters of a class, as [strip] leaves them. The error is the driver's.
func parse(given map[string]string) (p parameters, err error) {
	p = parameters{tags: map[string]string{}, attributes: map[string]string{}, fsType: defaultFSType}
	var caching string
	for _, k := range slices.Sorted(maps.Keys(given)) {
		v := given[k]
		switch key := strings.ToLower(k); key {
		case "skuname", "storageaccounttype":
			p.sku = v
		case "diskname":
			p.name = v
		case "cachingmode":
			caching = v
		case "tags":
			if err := addTags(p.tags, v); err != nil {
				return p, invalid("Failed parsing disk parameters: %v", err)
			}
		case "fstype":
			p.fsType = strings.ToLower(v)
		case "maxshares":
			if n, err := strconv.Atoi(v); err != nil {
				return p, invalid("Failed parsing disk parameters: parse %s failed with error: %v", v, err)
			} else if n < 1 {
				return p, invalid("Failed parsing disk parameters: parse %s returned with invalid value: %d", v, n)
			}
		default:
			if !slices.Contains(known, key) && !strings.HasPrefix(key, "device-setting/") {
				return p, invalid("Failed parsing disk parameters: invalid parameter %s in storage class", k)
			}
		}
		p.attributes[k] = v
	}
	if p.sku == "" {
		p.sku = cloud.DefaultDiskSKU
	}
	if !slices.Contains(cloud.DiskSKUs(), p.sku) {
		return p, invalid("azureDisk - %s is not supported sku/storageaccounttype. Supported values are %s", p.sku, cloud.DiskSKUs())
	}
	if caching != "" && !slices.Contains(cachingModes, caching) {
		return p, invalid("azureDisk - %s is not supported cachingmode. Supported values are %s", caching, cachingModes)
	}
	return p, nil
}

// addTags adds tags as a class has them: key1=value1,key2=value2.
func addTags(tags map[string]string, text string) error {
	for _, part := range strings.Split(text, ",") {
		if part == "" {
			continue
		}
		k, v, ok := strings.Cut(part, "=")
		if k = strings.TrimSpace(k); !ok || k == "" {
			return fmt.Errorf("Tags '%s' are invalid, the format should like: 'key1=value1,key2=value2'", text)
		}
		tags[k] = strings.TrimSpace(v)
	}
	return nil
}

// accessible says why a disk cannot be used as a volume with these access modes: it is one
// VM's.
func accessible(modes []corev1.PersistentVolumeAccessMode, mode *corev1.PersistentVolumeMode) error {
	for _, m := range modes {
		name := map[corev1.PersistentVolumeAccessMode]string{
			corev1.ReadWriteMany: "MULTI_NODE_MULTI_WRITER", corev1.ReadOnlyMany: "MULTI_NODE_READER_ONLY",
		}[m]
		switch {
		case name == "":
		case mode != nil && *mode == corev1.PersistentVolumeBlock:
			return invalid("access mode: %s is not supported for non-shared disk", name)
		default:
			return invalid("mountVolume is not supported for access mode: %s", name)
		}
	}
	return nil
}

// gib rounds a number of bytes up.
func gib(bytes int64) int64 { return max(1, (bytes+1<<30-1)>>30) }
