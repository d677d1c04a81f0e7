package provider

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

func TestConsentsAreNeeded(t *testing.T) {
	operateNodes(t, newFakeNodes("a", "b"), func(w *nodeWorld) {
		ctx, r := w.t.Context(), w.replicas
		refused := func(node string, words ...string) {
			t.Helper()
			_, err := w.UseConsent(ctx, r, node, "journalctl")
			if !api.HasCode(err, NoConsent) {
				t.Fatalf("node %s: got %v, want %s", node, err, NoConsent)
			}
			for _, word := range append(words, "demarc consent grant "+node+" --for 1h", "explicit, unexpired consent") {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q is not in %q", word, err)
				}
			}
		}
		refused("a", "there never was one")
		c, err := w.Grant(ctx, r, "a", "2601050040001", time.Hour)
		must(t, err)
		for range 2 {
			used, err := w.UseConsent(ctx, r, "a", "journalctl -u kubelet")
			must(t, err)
			if used.ID != c.ID {
				t.Errorf("used %+v, want %s", used, c.ID)
			}
		}
		refused("b", "there never was one")
		if got := w.Consents(r); len(got) != 1 || got[0].Uses != 2 {
			t.Errorf("consents: %+v", got)
		}
		if e := w.noted("used consent"); len(e) != 2 || e[0].Subject != "node/a" || e[0].Actor != timeline.Provider || !strings.Contains(e[0].Message, "journalctl -u kubelet") {
			t.Errorf("uses: %+v", e)
		}
		w.until(59 * time.Minute)
		if _, err := w.UseConsent(ctx, r, "a", "x"); err != nil {
			t.Errorf("before it expires: %v", err)
		}
		w.until(61 * time.Minute)
		refused("a", "the last one, "+c.ID+", expired at "+c.Expires.Format(time.RFC3339))
	})
}

func TestConsentForEveryNodeAndRevoked(t *testing.T) {
	operateNodes(t, newFakeNodes("a", "b"), func(w *nodeWorld) {
		ctx, r := w.t.Context(), w.replicas
		all, err := w.Grant(ctx, r, "*", "", time.Hour)
		must(t, err)
		own, err := w.Grant(ctx, r, "b", "", time.Minute)
		must(t, err)
		if all.ID == own.ID {
			t.Fatalf("two consents with ID %s", all.ID)
		}
		if c, err := w.UseConsent(ctx, r, "b", "x"); err != nil || c.ID != own.ID {
			t.Errorf("used %s, %v; want the node's own, %s", c.ID, err, own.ID)
		}
		if c, err := w.UseConsent(ctx, r, "a", "x"); err != nil || c.ID != all.ID {
			t.Errorf("used %s, %v; want %s", c.ID, err, all.ID)
		}
		must(t, w.Revoke(ctx, r, own.ID))
		if c, err := w.UseConsent(ctx, r, "b", "x"); err != nil || c.ID != all.ID {
			t.Errorf("used %s, %v; want %s", c.ID, err, all.ID)
		}
		must(t, w.Revoke(ctx, r, all.ID))
		if _, err := w.UseConsent(ctx, r, "b", "x"); err == nil || !strings.Contains(err.Error(), "was revoked at") {
			t.Errorf("after it was revoked: %v", err)
		}
		if err := w.Revoke(ctx, r, own.ID); err == nil || !strings.Contains(err.Error(), "already") {
			t.Errorf("revoked twice: %v", err)
		}
		if err := w.Revoke(ctx, r, "x"); !errors.Is(err, ErrUnknownConsent) {
			t.Errorf("revoked what is not there: %v", err)
		}
		w.until(2 * time.Hour)
		if e := w.noted("consent expired"); len(e) != 0 {
			t.Errorf("revoked ones expired: %+v", e)
		}
	})
}

func TestConsentsHaveBounds(t *testing.T) {
	operateNodes(t, newFakeNodes("a"), func(w *nodeWorld) {
		for _, d := range []time.Duration{-time.Hour, 0, time.Minute - 1, maxConsent + 1} {
			if c, err := w.Grant(w.t.Context(), w.replicas, "a", "", d); err == nil {
				t.Errorf("%s: granted as %+v", d, c)
			}
		}
		if _, err := w.Grant(w.t.Context(), w.replicas, "", "", time.Hour); err == nil {
			t.Error("granted for no node")
		}
		for _, d := range []time.Duration{minConsent, maxConsent} {
			if _, err := w.Grant(w.t.Context(), w.replicas, "a", "", d); err != nil {
				t.Errorf("%s: %v", d, err)
			}
		}
	})
}

// Expiry is noted when it happens, once, whoever leads.
func TestConsentsExpireOnce(t *testing.T) {
	operateNodes(t, newFakeNodes("a"), func(w *nodeWorld) {
		w.until(13 * time.Second)
		c, err := w.Grant(w.t.Context(), w.replicas, "a", "", 10*time.Minute)
		must(t, err)
		w.until(5 * time.Minute)
		w.crash()
		w.until(30 * time.Minute)
		e := w.noted("consent expired")
		if len(e) != 1 || !e[0].Time.Equal(c.Expires) || e[0].Subject != "node/a" {
			t.Errorf("expired: %+v, want once at %s", e, c.Expires)
		}
	})
}

// A consent that has ended stays so, even if the clock goes back: after a loss of the
// engine's state it does.
func TestExpiredConsentsStayExpired(t *testing.T) {
	operateNodes(t, newFakeNodes("a"), func(w *nodeWorld) {
		ctx, r := w.t.Context(), w.replicas
		c, err := w.Grant(ctx, r, "a", "", time.Hour)
		must(t, err)
		w.until(61 * time.Minute)
		if last, ok := consentFor(r.State().Consents, "a", c.Granted.Add(time.Minute)); ok || last.ID != c.ID {
			t.Errorf("at an earlier time again: got %+v, %v", last, ok)
		}
	})
}

// Whoever is refused for want of a consent has seen that it expired, also while nobody
// leads who would note that.
func TestRefusalNotesExpiry(t *testing.T) {
	records := map[string]api.Consent{"c": {ID: "c", Node: "a", Granted: eight, Expires: eight.Add(time.Hour)}}
	var noted []timeline.Event
	o := &Operator{cfg: OperatorConfig{Note: func(e timeline.Event) timeline.Event { noted = append(noted, e); return e }}}
	for range 2 {
		put := func(_ context.Context, commands ...Command) error {
			records["c"] = api.Consent{ID: "c", Node: "a", Granted: eight, Expires: eight.Add(time.Hour), Expired: eight.Add(2 * time.Hour)}
			return nil
		}
		if _, err := o.endExpired(t.Context(), put, records); err != nil {
			t.Fatal(err)
		}
	}
	if len(noted) != 1 || noted[0].Verb != "consent expired" {
		t.Errorf("noted %+v", noted)
	}
}

func TestExpiryLooksOncePerMinute(t *testing.T) {
	at := func(d time.Duration) time.Time { return eight.Add(d) }
	records := map[string]api.Consent{
		"soon":    {ID: "soon", Expires: at(20 * time.Second)},
		"later":   {ID: "later", Expires: at(2 * time.Hour)},
		"over":    {ID: "over", Expires: at(-time.Second)},
		"noted":   {ID: "noted", Expires: at(-time.Hour), Expired: at(-time.Hour)},
		"revoked": {ID: "revoked", Expires: at(-time.Second), Revoked: at(-time.Hour)},
	}
	expired, next := expiry(records, at(0))
	if len(expired) != 1 || expired[0].ID != "over" || !next.Equal(at(20*time.Second)) {
		t.Errorf("got %v and %s", expired, next)
	}
	delete(records, "soon")
	if _, next := expiry(records, at(time.Second)); !next.Equal(at(time.Minute)) {
		t.Errorf("got %s, want the whole minute", next)
	}
}
