package script

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"demarc/sim/api"
	"demarc/sim/fault"
)

var verbStopTraffic = Verb{
	Name:    "stop-traffic",
	Summary: "ends the clients of a traffic",
	Doc:     "What was recorded stays, and checks can still read it.",
	Example: "stop-traffic shop",
	Args:    []Arg{{Name: "name", Type: ArgWord, Positional: true, Required: true, Doc: "the traffic's name"}},
	check: func(p *parser, c *call) {
		name := c.text("name")
		if _, ok := p.traffic[name]; !ok {
			p.problem(c.cols["name"], fault.Suggest(name, slices.Sorted(maps.Keys(p.traffic))), "no traffic %s was started before this line", name)
		}
	},
	run: func(ctx context.Context, r *run, c *call) error {
		if err := r.world.As(api.RoleCustomer).StopTraffic(ctx, c.text("name")); err != nil {
			return fmt.Errorf("stop-traffic %s: %w", c.text("name"), err)
		}
		return nil
	},
}
