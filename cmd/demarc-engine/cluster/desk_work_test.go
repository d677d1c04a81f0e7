//go:build faketime

package cluster

import (
	"context"
	"errors"
	"testing"
	"time"

	"demarc/cmd/demarc-engine/cluster/incident"
	"demarc/controlplane/provider"
	"demarc/sim/api"
	"demarc/sim/desk"
)

// TestCustomerDoesNotWaitForTheDesk opens and closes cases while the desk gathers
// evidence for one, for ever. What it finds then changes nothing in a case that the
// customer has changed meanwhile.
func TestCustomerDoesNotWaitForTheDesk(t *testing.T) {
	c, end := clusterOfFaults(t)
	defer end()
	c.spec.Edition = api.DefaultEdition
	led := make(chan *provider.Leadership, 1)
	replicas, err := provider.Open(provider.Config{Dir: t.TempDir(), Lead: func(_ context.Context, l *provider.Leadership) { led <- l }})
	if err != nil {
		t.Fatal(err)
	}
	c.operations = &operations{replicas: replicas}
	defer c.operations.close()
	l := <-led
	x, err := c.OpenCase(t.Context(), api.CaseRequest{Severity: api.SeverityA, Symptom: "Nothing works."})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(desk.AnswersAfter(x.Severity))
	seen, err := c.Case(x.ID)
	if err != nil {
		t.Fatal(err)
	}
	c.health = &incident.Health{Components: func() []incident.Component { select {} }} // does not answer
	go c.workOnCases(t.Context(), l)
	time.Sleep(time.Second)
	done := make(chan error)
	go func() {
		_, err := c.OpenCase(t.Context(), api.CaseRequest{Symptom: "Something else does not work."})
		_, closed := c.CloseCase(t.Context(), api.RoleCustomer, x.ID, api.CaseNote{Text: "It works again."})
		done <- errors.Join(err, closed)
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the customer waits for the desk")
	}
	if err := c.change(l, seen, func() error {
		return errors.New("a case is changed that the desk has seen before the customer closed it")
	}); err != nil {
		t.Error(err)
	}
}
