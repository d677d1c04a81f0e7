package cloud

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// testDisks are disks with two VMs in zone 1 and one in zone 2.
func testDisks() *Disks {
	vms := map[string]Machine{"vm0": {Size: "Standard_D2s_v5", Zone: "1"}, "vm1": {Size: "Standard_D4s_v5", Zone: "1"}, "vm2": {Size: "Standard_D4s_v5", Zone: "2"}}
	return NewDisks(new(sync.Mutex), timeline.New(), "/subscriptions/x/resourceGroups/MC_a", func(name string) (Machine, bool) {
		m, ok := vms[name]
		return m, ok
	})
}

func TestDiskLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, ctx := testDisks(), t.Context()
		made, err := d.Create(ctx, DiskSpec{Name: "data", SizeGiB: 5, Zone: "1", Tags: map[string]string{TagClaim: "db", TagNamespace: "shop"}}, timeline.Provider)
		if err != nil || made.Tier != "E2" || made.State != api.DiskUnattached || made.Claim != "shop/db" {
			t.Fatalf("create: got %+v, %v", made, err)
		}
		if d.NameOf(made.ID) != "data" || d.NameOf(made.ID+"/x") != "" || d.NameOf("data") != "" {
			t.Errorf("the disk of %s: got %q", made.ID, d.NameOf(made.ID))
		}
		if _, err := d.Create(ctx, DiskSpec{Name: "data", SizeGiB: 6, Zone: "1"}, timeline.Provider); !api.HasCode(err, "Conflict") {
			t.Errorf("the same name, another size: got %v", err)
		}
		began := time.Now()
		if x, err := d.Attach(ctx, "data", "vm0", timeline.Provider); err != nil || x.VM != "vm0" || x.State != api.DiskAttached || time.Since(began) != diskAttachTime {
			t.Errorf("attach: got %+v, %v after %v", x, err, time.Since(began))
		}
		if err := d.Delete(ctx, "data", timeline.Customer); !api.HasCode(err, "OperationNotAllowed") {
			t.Errorf("delete an attached one: got %v", err)
		}
		if _, err := d.Attach(ctx, "data", "vm1", timeline.Provider); !api.HasCode(err, "ConflictingUserInput") {
			t.Errorf("attach it to another VM: got %v", err)
		}
		d.lock.Lock()
		files, ok := d.Files("data", "vm0")
		_, elsewhere := d.Files("data", "vm1")
		d.lock.Unlock()
		if !ok || elsewhere {
			t.Fatalf("its files are on vm0: %v, on vm1: %v", ok, elsewhere)
		}
		if err := files.Write(time.Now(), "/ledger", []byte("kept"), false); err != nil {
			t.Fatal(err)
		}
		if x, err := d.Resize(ctx, "data", 9, timeline.Provider); err != nil || x.Tier != "E3" {
			t.Errorf("resize: got %+v, %v", x, err)
		}
		if _, err := d.Resize(ctx, "data", 8, timeline.Provider); !api.HasCode(err, "BadRequest") {
			t.Errorf("make it smaller: got %v", err)
		}
		saved, err := d.Save()
		if err != nil {
			t.Fatal(err)
		}
		again := testDisks()
		if err := again.Load(saved); err != nil {
			t.Fatal(err)
		}
		if f, ok := again.Files("data", "vm0"); !ok || read(t, f.Read, "/ledger") != "kept" {
			t.Error("after a restart it is not attached to vm0 with its file")
		}
		if err := d.Detach(ctx, "data", "vm0", timeline.Provider); err != nil {
			t.Fatal(err)
		}
		if err := d.Delete(ctx, "data", timeline.Customer); err != nil || len(d.List()) != 0 {
			t.Errorf("delete: %v, left are %v", err, d.List())
		}
		if _, err := d.Get(ctx, "data"); !api.HasCode(err, "ResourceNotFound") {
			t.Errorf("get it: %v", err)
		}
	})
}

func read(t *testing.T, f func(string) ([]byte, error), name string) string {
	t.Helper()
	b, err := f(name)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

func TestWhereDisksCannotBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, ctx := testDisks(), t.Context()
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			if _, err := d.Create(ctx, DiskSpec{Name: name, SizeGiB: 1, Zone: "1"}, timeline.Provider); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := d.Attach(ctx, "a", "vm2", timeline.Provider); !api.HasCode(err, "BadRequest") {
			t.Errorf("into another zone: got %v", err)
		}
		for _, name := range []string{"a", "b", "c", "d"} {
			if _, err := d.Attach(ctx, name, "vm0", timeline.Provider); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := d.Attach(ctx, "e", "vm0", timeline.Provider); !api.HasCode(err, "OperationNotAllowed") {
			t.Errorf("a fifth of four: got %v", err)
		}
		if _, err := d.Attach(ctx, "e", "vm9", timeline.Provider); !api.HasCode(err, "NotFound") {
			t.Errorf("to no VM: got %v", err)
		}
		d.lock.Lock()
		d.VMGone("vm0")
		d.lock.Unlock()
		if _, err := d.Attach(ctx, "a", "vm1", timeline.Provider); err != nil {
			t.Errorf("after its VM is gone: %v", err)
		}
		d.Break(errors.New("down"))
		if _, err := d.Attach(ctx, "b", "vm1", timeline.Provider); err == nil {
			t.Error("a broken cloud attaches")
		}
	})
}

func TestOneCallAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, ctx := testDisks(), t.Context()
		if _, err := d.Create(ctx, DiskSpec{Name: "a", SizeGiB: 1}, timeline.Provider); err != nil {
			t.Fatal(err)
		}
		soon, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		first := make(chan error)
		go func() {
			_, err := d.Attach(soon, "a", "vm0", timeline.Provider)
			first <- err
		}()
		synctest.Wait()
		if err := d.Delete(ctx, "a", timeline.Customer); !api.HasCode(err, "OperationNotAllowed") {
			t.Errorf("delete while it is being attached: got %v", err)
		}
		if err := <-first; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("attach until its deadline: got %v", err)
		}
		if err := d.Delete(ctx, "a", timeline.Customer); err != nil {
			t.Errorf("delete after that: %v", err)
		}
	})
}

func TestDiskSpecs(t *testing.T) {
	for _, x := range []struct {
		spec DiskSpec
		code string
	}{
		{DiskSpec{Name: "../x", SizeGiB: 1}, "InvalidParameter"}, {DiskSpec{Name: "x", SizeGiB: 0}, "InvalidParameter"},
		{DiskSpec{Name: "x", SizeGiB: 40000}, "InvalidParameter"}, {DiskSpec{Name: "x", SizeGiB: 1, SKU: "Premium"}, "InvalidParameter"},
		{DiskSpec{Name: "x", SizeGiB: 1, Zone: "4"}, "InvalidAvailabilityZone"},
	} {
		if err := x.spec.Check(); !api.HasCode(err, x.code) {
			t.Errorf("%+v: got %v, want %s", x.spec, err, x.code)
		}
	}
	for _, x := range []struct {
		sku  string
		gib  int64
		tier string
	}{{"Premium_LRS", 33, "P6"}, {"Standard_LRS", 1, "S4"}, {"UltraSSD_LRS", 1, ""}, {"StandardSSD_ZRS", 32767, "E80"}} {
		if got := diskTier(x.sku, x.gib); got != x.tier {
			t.Errorf("%s of %d GiB: got tier %q, want %q", x.sku, x.gib, got, x.tier)
		}
	}
	for size, want := range map[string]int{"Standard_D4s_v5": 8, "Standard_D16s_v5": 32, "Standard_B2s": 4, "Standard_DS3_v2": 16, "Standard_F8s_v2": 16} {
		if got := MaxDataDisks(size); got != want {
			t.Errorf("%s: got %d data disks, want %d", size, got, want)
		}
	}
}
