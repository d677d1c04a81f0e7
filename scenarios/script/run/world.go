package run

import (
	"demarc/scenarios/script/check"
	"demarc/sim/api"
	"demarc/sim/timeline"

	"k8s.io/client-go/rest"
)

// World is the cluster in which a script runs. The engine implements it; the
// language knows nothing else of the engine.
type World interface {
	check.World
	// Customer is the configuration of a client with the customer's admin
	// credentials, through the front door. It has no rate limit, and a connection of
	// its own each time.
	Customer() *rest.Config
	// As is what a role can ask of the cluster and of its provider: the management API.
	As(role api.Role) *api.Actions
	// Record puts an action of the script on the timeline.
	Record(timeline.Event) timeline.Event
	// Consents are all consents ever given to support.
	Consents() []api.Consent
	// NodeName resolves an index or a vmss suffix to a node's full name.
	NodeName(ref string) (string, bool)
}
