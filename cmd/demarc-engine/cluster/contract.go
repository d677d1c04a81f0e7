package cluster

import (
	"encoding/json"
	"hash/fnv"
	"net/http"
	"sync"
	"time"

	"demarc/sim/api"
	"demarc/sim/policy"
)

// contract judges what happens in the cluster by the editions of the support
// policy. Judging reads the whole timeline, so a judgement is kept until something
// happens or a second has passed.
type contract struct {
	mu     sync.Mutex
	judges map[string]*judged // by edition
}

// judged is a judge, what it has seen, and what it says of all of it.
type judged struct {
	*policy.Judge
	world    uint64 // the world's fingerprint
	at       time.Time
	contract func() (api.Contract, error)
}

// world is what happened, as the policy judges it.
func (c *Cluster) world(now time.Time) policy.World {
	events, _ := c.log.Since(0)
	w := policy.World{Events: events, Incidents: c.incidents.List(), Now: now}
	if c.Management != nil {
		w.Repairs, w.Consents = c.Repairs(), c.Consents()
	}
	return w
}

// judge judges the cluster by an edition; the cluster's own if it is empty.
func (c *Cluster) judge(edition string) (*judged, error) {
	if edition == "" {
		edition = c.spec.Edition
	}
	e, err := policy.Lookup(edition)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC().Truncate(time.Second)
	w := c.world(now)
	print := fingerprint(w)
	c.contract.mu.Lock()
	defer c.contract.mu.Unlock()
	if j := c.contract.judges[e.ID]; j != nil && j.world == print && j.at.Equal(now) {
		return j, nil
	}
	j := &judged{Judge: e.Judge(w), world: print, at: now}
	j.contract = sync.OnceValues(j.Judge.Contract)
	if c.contract.judges == nil {
		c.contract.judges = map[string]*judged{}
	}
	c.contract.judges[e.ID] = j
	return j, nil
}

// fingerprint tells worlds of one cluster apart. Events never change.
func fingerprint(w policy.World) uint64 {
	h := fnv.New64a()
	// These types always marshal, and a hash takes everything.
	_ = json.NewEncoder(h).Encode([]any{len(w.Events), w.Incidents, w.Repairs, w.Consents})
	return h.Sum64()
}

// Contract implements [run.World].
func (c *Cluster) Contract(edition string) (api.Contract, error) {
	j, err := c.judge(edition)
	if err != nil {
		return api.Contract{}, api.WithStatus(http.StatusNotFound, err)
	}
	k, err := j.contract()
	return k, api.WithStatus(http.StatusNotFound, err)
}

// Explain says why something is as it is: see [policy.Edition.Explain].
func (c *Cluster) Explain(what, edition string) (api.Explanation, error) {
	j, err := c.judge(edition)
	if err != nil {
		return api.Explanation{}, api.WithStatus(http.StatusNotFound, err)
	}
	x, err := j.Explain(what)
	return x, api.WithStatus(http.StatusNotFound, err)
}
