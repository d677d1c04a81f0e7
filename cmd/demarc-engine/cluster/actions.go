package cluster

import (
	"bytes"
	"encoding/json"
	"net/http"
	"runtime/pprof"

	"demarc/cmd/demarc-engine/cluster/server"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// apiService is a cluster as the management API has it: a method for each of
// [api.Actions].
type apiService struct{ *Cluster }

// As implements [run.World].
func (c *Cluster) As(role api.Role) *api.Actions { return c.actions[role] }

// allow refuses a role what it may not ask of the management API.
func (c *Cluster) allow(r *api.Route, role api.Role) error {
	return c.refuse(role.Actor(), r.Subject, r.Action, r.Check(role))
}

// refuse puts a refusal on the timeline, if there is one, and hands it on as one.
func (c *Cluster) refuse(who timeline.Actor, subject, what string, err error) error {
	if err != nil {
		c.refusals.Append(timeline.Event{Actor: who, Verb: "was refused", Subject: subject, Message: what})
	}
	return err
}

// Clock is the virtual clock.
func (s apiService) Clock() api.Clock { return s.dial.Clock() }

// SetClock changes its rate.
func (s apiService) SetClock(r api.ClockRequest) (api.Clock, error) {
	err := s.dial.Set(r.Rate, r.Until)
	return s.dial.Clock(), err
}

// Timeline is what happened after an event.
func (s apiService) Timeline(from int64) []timeline.Event {
	events, _ := s.log.Kept(from)
	return events
}

// Report is the report of the scenario that has ended.
func (s apiService) Report() (*api.Report, error) {
	if r := s.drill.Report(); r != nil {
		return r, nil
	}
	return nil, api.Errorf(http.StatusNotFound, "no scenario has ended in this engine")
}

// OpenAPI describes the management API.
func (s apiService) OpenAPI() (json.RawMessage, error) { return server.OpenAPI() }

// Stop asks the engine to end.
func (s apiService) Stop() {
	select {
	case s.stop <- struct{}{}:
	default: // asked already
	}
}

// Stacks are the stacks of all goroutines.
func (s apiService) Stacks() ([]byte, error) {
	var text bytes.Buffer
	err := pprof.Lookup("goroutine").WriteTo(&text, 2)
	return text.Bytes(), err
}
