package coredns

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"demarc/nodes/network"
)

// How long answers are kept, and how many, if nobody says it (CoreDNS, plugin cache).
const (
	maxTTL    = time.Hour
	maxDenial = 30 * time.Minute
	minTTL    = 5 * time.Second
	cacheSize = 9984
)

// cache keeps answers, also that there is none.
type cache struct {
	zones           []string
	success, denial keeping
	failure         time.Duration // for how long failures are kept
	stale           time.Duration // for how long an old answer is better than none

	mu   sync.Mutex
	kept map[cacheKey]*cached
}

// keeping is how one of both kinds of answers is kept.
type keeping struct {
	size        int
	most, least time.Duration
	except      []string
}

type cacheKey struct{ name, kind string }

type cached struct {
	reply     network.Reply
	at, until time.Time
}

// caches: cache [TTL] [ZONES…] { … }.
func (b *building) caches(list []directive) error {
	args, body := list[0].lines()
	c := &cache{
		success: keeping{size: cacheSize, most: maxTTL, least: minTTL}, denial: keeping{size: cacheSize, most: maxDenial, least: minTTL},
		failure: minTTL, kept: map[cacheKey]*cached{},
	}
	words := texts(args)
	if len(words) > 0 {
		if ttl, err := strconv.Atoi(words[0]); err == nil {
			if ttl <= 0 {
				return fmt.Errorf("cache TTL can not be zero or negative: %d", ttl)
			}
			c.success.most, c.denial.most = seconds(ttl), seconds(ttl)
			words = words[1:]
		}
	}
	c.zones = b.origins(words)
	for _, line := range body {
		if err := c.property(line); err != nil {
			return err
		}
	}
	b.plugins = append(b.plugins, c)
	return nil
}

func seconds(n int) time.Duration { return time.Duration(min(n, 1<<31)) * time.Second }

// property reads a line of the block.
func (c *cache) property(line []token) (err error) {
	args := texts(line[1:])
	switch name := line[0].text; {
	case name == "success" && len(args) > 0:
		return c.success.read(args)
	case name == "denial" && len(args) > 0:
		return c.denial.read(args)
	case name == "servfail" && len(args) == 1:
		c.failure, err = time.ParseDuration(args[0])
		switch {
		case err == nil && c.failure < 0:
			return errors.New("invalid negative ttl for servfail")
		case err == nil && c.failure > 5*time.Minute:
			return errors.New("caching SERVFAIL responses over 5 minutes is not permitted")
		}
		return err
	case name == "serve_stale" && len(args) <= 2:
		if c.stale = time.Hour; len(args) > 0 {
			if c.stale, err = time.ParseDuration(args[0]); err == nil && c.stale < 0 {
				return errors.New("invalid negative duration for serve_stale")
			}
		}
		if mode := strings.ToLower(strings.Join(args[min(len(args), 1):], "")); mode != "" && mode != "immediate" && mode != "verify" {
			return fmt.Errorf("invalid value for serve_stale refresh mode: %s", mode)
		}
		return err
	case name == "disable" && len(args) > 0:
		return c.disable(args)
	case name == "prefetch" && len(args) > 0 && len(args) <= 3:
		_, err = strconv.Atoi(args[0])
		return err
	case name == "keepttl" && len(args) == 0:
		return nil
	}
	return miscounted(line)
}

// disable has answers about some zones not kept.
func (c *cache) disable(args []string) error {
	zones := []string{""}
	if len(args) > 1 {
		zones = nil
		for _, a := range args[1:] {
			zones = append(zones, normal(a))
		}
	}
	switch args[0] {
	case "success":
		c.success.except = zones
	case "denial":
		c.denial.except = zones
	default:
		return fmt.Errorf("cache type for disable must be %q or %q", "success", "denial")
	}
	return nil
}

// read reads SIZE [TTL] [LEAST].
func (k *keeping) read(args []string) error {
	for i, a := range args[:min(len(args), 3)] {
		n, err := strconv.Atoi(a)
		switch {
		case err != nil:
			return err
		case i == 1 && n <= 0:
			return fmt.Errorf("cache TTL can not be zero or negative: %d", n)
		case i == 2 && n < 0:
			return fmt.Errorf("cache min TTL can not be negative: %d", n)
		}
		switch i {
		case 0:
			k.size = n
		case 1:
			k.most = seconds(n)
		case 2:
			k.least = seconds(n)
		}
	}
	return nil
}

// serve implements [plugin].
func (c *cache) serve(ctx context.Context, q query, next func(context.Context, query) network.Reply) network.Reply {
	if !inZones(q.name, c.zones) {
		return next(ctx, q)
	}
	key, now := cacheKey{q.name, q.kind}, time.Now()
	c.mu.Lock()
	old := c.kept[key]
	c.mu.Unlock()
	switch {
	case old == nil:
	case now.Before(old.until):
		return old.aged(now)
	case old.reply.Code == network.NoError && now.Before(old.until.Add(c.stale)):
		soon, cancel := context.WithTimeout(ctx, time.Millisecond) // the new answer comes behind the old one
		defer cancel()
		if r := next(soon, q); r.Code != network.ServFail {
			return c.keep(key, q.name, r)
		}
		return old.aged(old.until)
	}
	r := next(ctx, q)
	if ctx.Err() != nil {
		return r
	}
	return c.keep(key, q.name, r)
}

// aged is an answer that was kept until now.
func (x *cached) aged(now time.Time) network.Reply {
	age := now.Sub(x.at)
	if age < time.Second {
		return x.reply
	}
	r := x.reply
	r.Records, r.TTL = slices.Clone(r.Records), r.TTL-age
	for i := range r.Records {
		r.Records[i].TTL = max(r.Records[i].TTL-int(age/time.Second), 0)
	}
	return r
}

// keep keeps an answer, and returns it with the time for which it does.
func (c *cache) keep(key cacheKey, name string, r network.Reply) network.Reply {
	k, ttl := c.success, r.TTL
	switch {
	case r.Code == network.ServFail:
		k = keeping{size: c.denial.size, most: c.failure}
		ttl = c.failure
	case r.Code != network.NoError && r.Code != network.NXDomain:
		return r
	case len(r.Records) == 0:
		k = c.denial
	}
	if ttl = max(min(ttl, k.most), min(k.least, k.most)); ttl <= 0 || k.size <= 0 || inZones(name, k.except) {
		return r
	}
	now := time.Now()
	r.TTL, r.Records = ttl, slices.Clone(r.Records)
	for i := range r.Records {
		r.Records[i].TTL = int(ttl / time.Second)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.kept) >= k.size {
		c.makeRoom(now)
	}
	c.kept[key] = &cached{r, now, now.Add(ttl)}
	return r
}

// makeRoom drops what is old, or else anything.
func (c *cache) makeRoom(now time.Time) {
	before := len(c.kept)
	for key, x := range c.kept {
		if now.After(x.until.Add(c.stale)) {
			delete(c.kept, key)
		}
	}
	for key := range c.kept {
		if len(c.kept) < before-before/16 {
			return
		}
		delete(c.kept, key)
	}
}
