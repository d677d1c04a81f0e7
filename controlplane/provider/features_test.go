package provider

import (
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

func TestRegistrationTakesAFewMinutes(t *testing.T) {
	operateNodes(t, newFakeNodes("a"), func(w *nodeWorld) {
		ctx, r, name := w.t.Context(), w.replicas, "AKSAuditLog"
		state := func(want string) {
			t.Helper()
			if got := r.State().Registrations[name]; got.State != want {
				t.Errorf("%+v, want %s", got, want)
			}
		}
		x, err := w.RegisterFeature(ctx, r, name, true)
		must(t, err)
		state(api.FeatureRegistering)
		if d := x.Due.Sub(x.Since); d <= minRegistration-time.Minute || d > maxRegistration {
			t.Errorf("it takes %s, want a few minutes and at most 15", d)
		}
		again, err := w.RegisterFeature(ctx, r, name, true)
		must(t, err)
		if again != x {
			t.Errorf("asked twice: %+v, want %+v", again, x)
		}
		time.Sleep(time.Until(x.Due) - time.Second)
		state(api.FeatureRegistering)
		time.Sleep(2 * time.Second)
		state(api.FeatureRegistered)
		if e := w.noted("registered"); len(e) != 1 || e[0].Actor != timeline.Customer || e[0].Subject != "feature/AKSAuditLog" || e[0].Cause != x.Event {
			t.Errorf("events: %+v", e)
		}
		_, err = w.RegisterFeature(ctx, r, name, false)
		must(t, err)
		state(api.FeatureUnregistering)
		time.Sleep(maxRegistration)
		state(api.FeatureUnregistered)
		if n := len(w.noted("unregistered")); n != 1 {
			t.Errorf("%d events say that it is unregistered, want 1", n)
		}
	})
}

func TestUnregisteringWhatIsNotThereChangesNothing(t *testing.T) {
	for _, state := range []string{api.FeatureNotRegistered, api.FeatureUnregistered, api.FeatureUnregistering} {
		if got := nextState(state, false); got != state {
			t.Errorf("unregister while %s: %s", state, got)
		}
		if got := nextState(state, true); got != api.FeatureRegistering {
			t.Errorf("register while %s: %s", state, got)
		}
	}
}
