//lint:file-ignore ST1005 Errors are in the words of the driver.

package csi

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"demarc/nodes/cloud"
	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
)

// fileDriver is the driver of Azure Files.
type fileDriver struct{ shares *cloud.Shares }

// knownToFiles are the parameters of classes that the driver knows and that nothing depends
// on here (kubernetes-sigs/azurefile-csi-driver, docs/driver-parameters.md).
var knownToFiles = []string{
	"accesstier", "accountaccesstier", "accountquota", "allowblobpublicaccess", "allowsharedkeyaccess", "createaccount",
	"disabledeleteretentionpolicy", "enablelargefileshares", "enablemultichannel", "foldername", "fsgroupchangepolicy",
	"getlatestaccountkey", "location", "matchtags", "mountpermissions", "networkendpointtype", "requireinfraencryption", "rootsquashtype",
	"secretname", "selectrandommatchingaccount", "server", "shareaccesstier", "storageendpointsuffix", "storeaccountkey", "subnetname",
	"subscriptionid", "tagvaluedelimiter", "usedataplaneapi", "usesecretcache", "vnetname", "vnetresourcegroup",
}

// fsTypes and protocols are what the driver accepts as such.
var (
	fsTypes   = []string{"cifs", "smb", "nfs", "ext4", "ext3", "ext2", "xfs"}
	protocols = []string{"smb", "nfs"}
)

// fileParameters are those of a class, as the driver understands them.
type fileParameters struct {
	group, account, share, prefix, sku, secrets string
	nfs                                         bool
	tags                                        map[string]string
}

// parseFile reads the parameters of a class. The error is the driver's.
func parseFile(given map[string]string) (p fileParameters, err error) {
	p.tags = map[string]string{}
	var fsType, protocol string
	for _, k := range slices.Sorted(maps.Keys(given)) { // so that of two mistakes it is always the same that is told
		v := given[k]
		switch key := strings.ToLower(k); key {
		case "skuname", "storageaccounttype":
			p.sku = v
		case "resourcegroup":
			p.group = v
		case "storageaccount":
			p.account = v
		case "sharename":
			p.share = v
		case "sharenameprefix":
			p.prefix = v
		case "secretnamespace":
			p.secrets = v
		case "fstype":
			fsType = v
		case "protocol":
			protocol = v
		case "tags":
			if err := addTags(p.tags, v); err != nil {
				return p, invalid("%v", err)
			}
		default:
			if !slices.Contains(knownToFiles, key) {
				return p, invalid("invalid parameter %q in storage class", k)
			}
		}
	}
	switch {
	case fsType != "" && !slices.Contains(fsTypes, fsType):
		return p, invalid("fsType(%s) is not supported, supported fsType list: %v", fsType, fsTypes)
	case slices.Index(fsTypes, fsType) > slices.Index(fsTypes, "nfs"):
		return p, invalid("fsType storage class parameter enables experimental VDH disk feature which is currently disabled, use --enable-vhd driver option to enable it")
	case protocol != "" && !slices.Contains(protocols, protocol):
		return p, invalid("protocol(%s) is not supported, supported protocol list: %v", protocol, protocols)
	}
	if p.nfs = fsType == "nfs" || protocol == "nfs"; p.nfs {
		if p.sku = cmp.Or(p.sku, "Premium_LRS"); !cloud.PremiumShare(p.sku) {
			return p, invalid("nfs protocol only supports premium storage, current account type: %s", p.sku)
		}
	}
	p.sku = cmp.Or(p.sku, cloud.DefaultShareSKU)
	return p, nil
}

// create is the driver's CreateVolume. The volume is as large as the claim asks for, also if
// Azure has no share as small as that.
func (d fileDriver) create(ctx context.Context, w wanted) (made, error) {
	if mode := w.claim.Spec.VolumeMode; mode != nil && *mode == corev1.PersistentVolumeBlock {
		return made{}, invalid("CreateVolume Volume capabilities not valid: driver does not support block volumes")
	}
	p, err := parseFile(w.parameters)
	if err != nil {
		return made{}, err
	}
	if p.group != "" && !strings.EqualFold(p.group, d.shares.Group()) {
		return made{}, internal("failed to ensure storage account: (ResourceGroupNotFound) Resource group '%s' could not be found.", p.group)
	}
	account := p.account
	if account == "" {
		if account, err = d.shares.Account(ctx, p.sku, timeline.Provider); err != nil {
			return made{}, internal("failed to ensure storage account: %v", err)
		}
	}
	size := max(gib(w.bytes()), cloud.MinShareGiB(p.sku))
	name, unique := w.named(p.share), w.volume
	if name == "" {
		name, unique = w.volume, ""
		switch {
		case p.prefix != "":
			name = p.prefix + "-" + name
		case p.nfs:
			name = strings.Replace(name, "pvc", "pvcn", 1)
		}
	}
	source := ""
	if w.source != "" {
		source = d.shares.KeyOf(w.source)
	}
	share, err := d.shares.Create(ctx, cloud.ShareSpec{Account: account, Name: name, QuotaGiB: size, Tags: w.tagged(p.tags), Source: source}, timeline.Provider)
	switch {
	case err != nil:
		return made{}, internal("failed to create file share(%s) on account(%s) type(%s) subsID() rg(%s) location() size(%d), error: %v", name, account, p.sku, d.shares.Group(), size, err)
	case share.QuotaGiB < size:
		return made{}, exists("request file share(%s) already exists, but its capacity %d is smaller than %d", name, share.QuotaGiB, size)
	}
	attributes, secrets := maps.Clone(w.parameters), cmp.Or(p.secrets, w.claim.Namespace)
	set(attributes, "secretnamespace", secrets)
	if p.nfs {
		set(attributes, "protocol", "nfs")
	}
	return made{
		handle: fmt.Sprintf("%s#%s#%s##%s#%s", d.shares.Group(), account, name, unique, secrets), fsType: w.fsType, bytes: w.bytes(), attributes: attributes,
	}, nil
}

// set gives a parameter a value, whatever the case in which a class has it.
func set(parameters map[string]string, key, value string) {
	for k := range parameters {
		if strings.EqualFold(k, key) {
			key = k
		}
	}
	parameters[key] = value
}

// delete is the driver's DeleteVolume.
func (d fileDriver) delete(ctx context.Context, handle string) error {
	group, account, name, err := cloud.SplitShareHandle(handle)
	if err != nil {
		return nil // names nothing
	}
	if err := d.shares.Delete(ctx, d.shares.KeyOf(handle), timeline.Provider); err != nil && !missing(err) {
		return internal("DeleteFileShare %s under account(%s) rg(%s) failed with error: %v", name, account, group, err)
	}
	return nil
}

// expand is the driver's ControllerExpandVolume. A share that is that large already is left
// as it is.
func (d fileDriver) expand(ctx context.Context, handle string, bytes int64) (int64, bool, error) {
	if _, _, _, err := cloud.SplitShareHandle(handle); err != nil {
		return 0, false, invalid("GetFileShareInfo(%s) failed with error: %v", handle, err)
	}
	share, err := d.shares.Get(ctx, d.shares.KeyOf(handle))
	if err == nil && share.QuotaGiB < gib(bytes) {
		_, err = d.shares.Resize(ctx, d.shares.KeyOf(handle), gib(bytes), timeline.Provider)
	}
	if err != nil {
		return 0, false, internal("expand volume error: %v", err)
	}
	return bytes, false, nil
}
