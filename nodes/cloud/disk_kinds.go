package cloud

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"demarc/sim/api"
)

// diskSKUs are the kinds of managed disks, with the letter of their tiers (Microsoft,
// "Azure managed disk types"); one without a letter is billed by what it is set to.
var diskSKUs = []struct{ name, letter string }{
	{"StandardSSD_LRS", "E"}, {"Premium_LRS", "P"}, {"Standard_LRS", "S"}, {"StandardSSD_ZRS", "E"}, {"Premium_ZRS", "P"},
	{"PremiumV2_LRS", ""}, {"UltraSSD_LRS", ""},
}

// DefaultDiskSKU is the kind of a disk of which nothing else is said.
const DefaultDiskSKU = "StandardSSD_LRS"

// DiskSKUs are the kinds of managed disks.
func DiskSKUs() (names []string) {
	for _, s := range diskSKUs {
		names = append(names, s.name)
	}
	return names
}

// DiskSKU looks a kind up, whatever its case.
func DiskSKU(name string) (string, error) {
	names := DiskSKUs()
	if i := slices.IndexFunc(names, func(s string) bool { return strings.EqualFold(s, name) }); i >= 0 {
		return names[i], nil
	}
	return "", api.Coded("InvalidParameter", "azureDisk - %s is not supported sku type. Supported sku type: %s.%s", name, strings.Join(names, ", "), didYouMean(name, names))
}

// zonal says whether a disk of the kind is in one zone, and not in all.
func zonal(sku string) bool { return !strings.HasSuffix(sku, "_ZRS") }

// maxDiskGiB is the size of the largest managed disk (Microsoft, "Azure managed disk
// types").
const maxDiskGiB = 32767

// CheckDiskSize says whether a managed disk can have a size.
func CheckDiskSize(gib int64) error {
	if gib >= 1 && gib <= maxDiskGiB {
		return nil
	}
	return api.Coded("InvalidParameter", "The value %d of parameter 'diskSizeGB' is out of range. Value must be between 1 and %d, inclusive.", gib, maxDiskGiB)
}

// tiers are the sizes by which disks are billed, in GiB, with their numbers.
var tiers = []struct{ gib, number int64 }{
	{4, 1}, {8, 2}, {16, 3}, {32, 4}, {64, 6}, {128, 10}, {256, 15}, {512, 20}, {1024, 30}, {2048, 40}, {4096, 50}, {8192, 60}, {16384, 70}, {32767, 80},
}

// diskTier is the size by which a disk is billed, such as E4: the next larger one. Standard
// HDDs begin with S4.
func diskTier(sku string, gib int64) string {
	i := slices.IndexFunc(diskSKUs, func(s struct{ name, letter string }) bool { return s.name == sku })
	if i < 0 || diskSKUs[i].letter == "" {
		return ""
	}
	for _, t := range tiers {
		if gib <= t.gib && (diskSKUs[i].letter != "S" || t.number >= 4) {
			return diskSKUs[i].letter + strconv.FormatInt(t.number, 10)
		}
	}
	return ""
}

var diskName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,78}[A-Za-z0-9_])?$`)

// Check says what is wrong with what is asked for, and writes the kind as Azure does.
func (s *DiskSpec) Check() (err error) {
	switch {
	case !diskName.MatchString(s.Name):
		return api.Coded("InvalidParameter", "The entity name '%s' is invalid according to its validation rule: %s.", s.Name, diskName)
	case s.Zone != "":
		if err := CheckZones(s.Zone); err != nil {
			return err
		}
	}
	if err := CheckDiskSize(s.SizeGiB); err != nil {
		return err
	}
	if s.SKU == "" {
		s.SKU = DefaultDiskSKU
	}
	s.SKU, err = DiskSKU(s.SKU)
	return err
}

// Zones are the availability zones of a region.
var Zones = []string{"1", "2", "3"}

// CheckZones says which of some zones the region does not have.
func CheckZones(zones ...string) error {
	for _, zone := range zones {
		if !slices.Contains(Zones, zone) {
			return api.Coded("InvalidAvailabilityZone", "The zone '%s' is not supported; the zones of the region are %s.", zone, strings.Join(Zones, ", "))
		}
	}
	return nil
}

// ParseZones reads zones that are separated by commas; an empty text names none.
func ParseZones(text string) (zones []string, err error) {
	if text == "" {
		return nil, nil
	}
	for zone := range strings.SplitSeq(text, ",") {
		if slices.Contains(zones, zone) {
			return nil, fmt.Errorf("the zone %s is given twice", zone)
		}
		zones = append(zones, zone)
	}
	return zones, CheckZones(zones...)
}

func zoneText(zone string) string {
	if zone == "" {
		return "no zone"
	}
	return "zone " + zone
}

// dataDisks is how many a size takes whose name does not say it.
var dataDisks = map[string]int{
	"Standard_B2s": 4, "Standard_B2ms": 4, "Standard_B4ms": 8,
	"Standard_DS2_v2": 8, "Standard_DS3_v2": 16, "Standard_DS4_v2": 32,
}

var cores = regexp.MustCompile(`^Standard_[A-Z]+(\d+)`)

// MaxDataDisks is how many data disks a VM of a size takes: two for each virtual processor,
// 64 at the most (Microsoft, "Sizes for virtual machines in Azure").
func MaxDataDisks(size string) int {
	if n, ok := dataDisks[size]; ok {
		return n
	}
	m := cores.FindStringSubmatch(size)
	if m == nil {
		return 4
	}
	n, _ := strconv.Atoi(m[1]) // digits
	return min(2*n, 64)
}
