package cloud

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// TestShareRequests checks what is done past AKS, with shares by their keys and by their
// claims.
func TestShareRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, ctx := testShares(), t.Context()
		account, err := s.Account(ctx, "Standard_LRS", timeline.Provider)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Create(ctx, ShareSpec{Account: account, Name: "pvc-1", QuotaGiB: 4, Tags: map[string]string{TagClaim: "books", TagNamespace: "shop"}}, timeline.Provider); err != nil {
			t.Fatal(err)
		}
		for _, x := range []struct {
			req  api.ShareRequest
			want string // of the share, or of the error
		}{
			{api.ShareRequest{Action: "resize", Share: "claim:shop/books", QuotaGiB: 9}, "pvc-1 9"},
			{api.ShareRequest{Action: "resize", Share: account + "/pvc-1"}, "(InvalidParameter)"},
			{api.ShareRequest{Action: "create", Share: "claim:shop/books"}, "want delete, resize"},
			{api.ShareRequest{Action: "delete", Share: "claim:shop/till"}, "(ResourceNotFound)"},
			{api.ShareRequest{Action: "delete", Share: "claim:shop/books"}, "pvc-1 9"},
			{api.ShareRequest{Action: "delete", Share: account + "/pvc-1"}, "(ShareNotFound)"},
		} {
			got, err := s.Do(ctx, x.req, timeline.Customer)
			text := got.Name + " " + strconv.FormatInt(got.QuotaGiB, 10)
			if err != nil {
				text = err.Error()
			}
			if err == nil && text != x.want || !strings.Contains(text, x.want) {
				t.Errorf("%+v: got %s, want %s", x.req, text, x.want)
			}
		}
		for handle, want := range map[string]string{"mc_a#" + account + "#pvc-1#": account + "/pvc-1", "other#" + account + "#pvc-1#": "", "pvc-1": ""} {
			if got := s.KeyOf(handle); got != want {
				t.Errorf("%s: got %q, want %q", handle, got, want)
			}
		}
	})
}
