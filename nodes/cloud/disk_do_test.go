package cloud

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// TestDiskRequests checks what is done past AKS, with disks by their names and by their
// claims.
func TestDiskRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, ctx := testDisks(), t.Context()
		tags := map[string]string{TagClaim: "db", TagNamespace: "shop"}
		if _, err := d.Create(ctx, DiskSpec{Name: "pvc-1", SizeGiB: 4, Tags: tags}, timeline.Provider); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Attach(ctx, "pvc-1", "vm0", timeline.Provider); err != nil {
			t.Fatal(err)
		}
		for _, x := range []struct {
			req  api.DiskRequest
			want string // of the disk, or of the error
		}{
			{api.DiskRequest{Action: "create", Disk: "scratch", SizeGiB: 32, SKU: "premium_lrs", Zone: "2"}, "scratch 32 Premium_LRS 2 Unattached"},
			{api.DiskRequest{Action: "create", Disk: "claim:shop/db", SizeGiB: 32}, "(InvalidParameter)"},
			{api.DiskRequest{Action: "resize", Disk: "claim:shop/db", SizeGiB: 8}, "pvc-1 8 StandardSSD_LRS  Attached"},
			{api.DiskRequest{Action: "resize", Disk: "pvc-1"}, "(BadRequest)"},
			{api.DiskRequest{Action: "delete", Disk: "claim:shop/db"}, "(OperationNotAllowed)"},
			{api.DiskRequest{Action: "detach", Disk: "claim:shop/db"}, "pvc-1 8 StandardSSD_LRS  Unattached"},
			{api.DiskRequest{Action: "detach", Disk: "pvc-1"}, "is not attached to a VM"},
			{api.DiskRequest{Action: "delete", Disk: "claim:shop/db"}, "pvc-1 8 StandardSSD_LRS  Unattached"},
			{api.DiskRequest{Action: "delete", Disk: "claim:shop/db"}, "(ResourceNotFound)"},
			{api.DiskRequest{Action: "delete", Disk: "pvc-1"}, "(ResourceNotFound)"},
			{api.DiskRequest{Action: "destroy", Disk: "scratch"}, "want create, delete, detach, resize"},
		} {
			got, err := d.Do(ctx, x.req, timeline.Customer)
			text := strings.Join([]string{got.Name, strconv.FormatInt(got.SizeGiB, 10), got.SKU, got.Zone, got.State}, " ")
			if err != nil {
				text = err.Error()
			}
			if err == nil && text != x.want || !strings.Contains(text, x.want) {
				t.Errorf("%+v: got %s, want %s", x.req, text, x.want)
			}
		}
		for _, name := range []string{"pvc-2", "pvc-3"} {
			if _, err := d.Create(ctx, DiskSpec{Name: name, SizeGiB: 4, Tags: tags}, timeline.Provider); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := d.Resolve("claim:shop/db"); !api.HasCode(err, "Conflict") || !strings.Contains(err.Error(), "pvc-2, pvc-3") {
			t.Errorf("two disks of a claim: got %v", err)
		}
	})
}
