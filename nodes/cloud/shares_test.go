package cloud

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

func testShares() *Shares {
	return NewShares(new(sync.Mutex), timeline.New(), "/subscriptions/x/resourceGroups/MC_a")
}

func TestShareLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, ctx := testShares(), t.Context()
		began := time.Now()
		account, err := s.Account(ctx, "standard_lrs", timeline.Provider)
		if err != nil || len(account) != 23 || time.Since(began) != accountCreateTime {
			t.Fatalf("account %q, %v after %v", account, err, time.Since(began))
		}
		if again, err := s.Account(ctx, "Standard_LRS", timeline.Provider); again != account || err != nil || time.Since(began) != accountCreateTime {
			t.Errorf("the second time: %q, %v after %v", again, err, time.Since(began))
		}
		spec := ShareSpec{Account: account, Name: "data", QuotaGiB: 5, Tags: map[string]string{TagClaim: "db", TagNamespace: "shop"}}
		made, err := s.Create(ctx, spec, timeline.Provider)
		if err != nil || made.SKU != "Standard_LRS" || made.Claim != "shop/db" {
			t.Fatalf("create: got %+v, %v", made, err)
		}
		spec.QuotaGiB = 9
		if same, err := s.Create(ctx, spec, timeline.Provider); err != nil || same.QuotaGiB != 5 {
			t.Errorf("create it again: got %+v, %v", same, err)
		}
		key := s.Key("mc_A", account, "data")
		if key == "" || s.Key("other", account, "data") != "" {
			t.Errorf("its key is %q", key)
		}
		s.lock.Lock()
		files, ok := s.Files(key)
		s.lock.Unlock()
		if !ok {
			t.Fatal("it has no files")
		}
		if list, err := files.List("/"); err != nil || len(list) > 0 {
			t.Errorf("an empty share has %v, %v", list, err)
		}
		if err := files.Write(time.Now(), "/ledger", []byte("kept"), false); err != nil {
			t.Fatal(err)
		}
		if x, err := s.Resize(ctx, key, 9, timeline.Provider); err != nil || x.QuotaGiB != 9 || files.Size() != 9<<30 {
			t.Errorf("resize: got %+v, %v, %d bytes", x, err, files.Size())
		}
		if _, err := s.Create(ctx, ShareSpec{Account: account, Name: "copy", QuotaGiB: 9, Source: key}, timeline.Provider); err != nil {
			t.Errorf("copy it: %v", err)
		}
		saved, err := s.Save()
		if err != nil {
			t.Fatal(err)
		}
		again := testShares()
		if err := again.Load(saved); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"data", "copy"} {
			if f, ok := again.Files(account + "/" + name); !ok || read(t, f.Read, "/ledger") != "kept" {
				t.Errorf("after a restart, %s has not its file", name)
			}
		}
		s.Break(errors.New("down"))
		if err := s.Delete(ctx, key, timeline.Provider); err == nil {
			t.Error("a broken cloud deletes")
		}
		s.Break(nil)
		if err := s.Delete(ctx, key, timeline.Provider); err != nil || len(s.List()) != 1 {
			t.Errorf("delete: %v, left are %v", err, s.List())
		}
		if _, err := s.Get(ctx, key); !api.HasCode(err, "ShareNotFound") {
			t.Errorf("get it: %v", err)
		}
	})
}

func TestShareSpecs(t *testing.T) {
	for _, x := range []struct {
		sku  string
		gib  int64
		code string
	}{
		{"Premium_LRS", 99, "InvalidParameter"}, {"Premium_LRS", 100, ""}, {"Standard_LRS", 1, ""}, {"Standard_LRS", 0, "InvalidParameter"},
		{"Standard_ZRS", 102401, "InvalidParameter"}, {"Gold_LRS", 1, "InvalidValuesForRequestParameters"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := testShares()
			account, err := s.Account(t.Context(), x.sku, timeline.Provider)
			if err == nil {
				_, err = s.Create(t.Context(), ShareSpec{Account: account, Name: "a", QuotaGiB: x.gib}, timeline.Provider)
			}
			if x.code == "" && err != nil || x.code != "" && !api.HasCode(err, x.code) {
				t.Errorf("%s of %d GiB: got %v, want %q", x.sku, x.gib, err, x.code)
			}
		})
	}
}
