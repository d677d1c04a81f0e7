package run

import (
	"context"
	"time"

	"demarc/scenarios/script"
	"demarc/scenarios/script/check"
)

// Look looks at a check in a cluster in which no script runs: at once, or if a step's
// opening is Within or Throughout for as long as its window is open. ready is when the
// cluster was ready, and traffic has the names of all that there is. Without an outcome the
// expression has mistakes.
func Look(ctx context.Context, world World, ready time.Time, traffic []string, s script.Step) (*check.Outcome, []check.Mistake, error) {
	e, mistakes := check.Compile(script.ReplaceNodes(s.Expect.Check, world.NodeName))
	if e != nil {
		mistakes = e.Mistakes(check.Known{Traffic: traffic})
	}
	if len(mistakes) > 0 {
		return nil, mistakes, nil
	}
	connect := func() (*kube, error) { return newKube(world.Customer()) }
	k, err := connect()
	if err != nil {
		return nil, nil, err
	}
	defer k.close()
	r := &run{world: world, kube: k, ready: ready, started: traffic, watches: newWatches(ctx, connect)}
	defer r.watches.close()
	cond := e.In(traffic)
	if s.Opens != script.Within && s.Opens != script.Throughout {
		out := cond.Eval(r.instant(ctx, cond))
		return &out, nil, ctx.Err()
	}
	out, err := r.window(ctx, s, cond, nil)
	return &out, nil, err
}
