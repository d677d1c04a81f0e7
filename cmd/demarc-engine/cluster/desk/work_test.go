package desk

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"demarc/cmd/demarc-engine/cluster/incident"
	"demarc/controlplane/provider"
	"demarc/sim/api"
	"demarc/sim/desk"
	"demarc/sim/timeline"
)

// TestCustomerDoesNotWaitForTheDesk opens and closes cases while the desk gathers
// evidence for one, for ever. What it finds then changes nothing in a case that the
// customer has changed meanwhile.
func TestCustomerDoesNotWaitForTheDesk(t *testing.T) {
	synctest.Test(t, customerDoesNotWait)
}

func customerDoesNotWait(t *testing.T) {
	led := make(chan *provider.Leadership, 1)
	replicas, err := provider.Open(provider.Config{Dir: t.TempDir(), Lead: func(_ context.Context, l *provider.Leadership) { led <- l }})
	if err != nil {
		t.Fatal(err)
	}
	defer replicas.Close()
	l := <-led
	over := make(chan struct{})
	d := New(Config{Edition: api.DefaultEdition, Log: timeline.New(), Replicas: replicas})
	d.Health = &incident.Health{Components: func() []incident.Component { // does not answer
		<-over
		runtime.Goexit()
		return nil
	}}
	x, err := d.OpenCase(t.Context(), api.CaseRequest{Severity: api.SeverityA, Symptom: "Nothing works."})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(desk.AnswersAfter(x.Severity))
	seen, err := d.Case(x.ID)
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	defer work.Wait()
	defer close(over)
	work.Go(func() { _, _ = d.workOnAll(t.Context(), l) })
	time.Sleep(time.Second)
	done := make(chan error, 1)
	work.Go(func() {
		_, err := d.OpenCase(t.Context(), api.CaseRequest{Symptom: "Something else does not work."})
		_, closed := d.CloseCase(t.Context(), api.RoleCustomer, x.ID, api.CaseNote{Text: "It works again."})
		done <- errors.Join(err, closed)
	})
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the customer waits for the desk")
	}
	if err := d.change(seen, func() error {
		return errors.New("a case is changed that the desk has seen before the customer closed it")
	}); err != nil {
		t.Error(err)
	}
}
