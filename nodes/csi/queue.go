package csi

import (
	"context"
	"sync"
	"time"
)

// How long a failure is waited out: at first, and at the most; it doubles with each
// (external-provisioner, external-attacher and external-resizer: --retry-interval-start and
// --retry-interval-max).
const (
	retryStart = time.Second
	retryMax   = 5 * time.Minute
)

// queue does work on keys: on each by one goroutine at a time, all keys side by side. What
// fails is done again after a while. It is client-go's workqueue without the heartbeat that
// this has every ten seconds, and without goroutines that wait.
type queue struct {
	do func(ctx context.Context, key string) error

	mu    sync.Mutex
	ctx   context.Context // of Run; nil before it
	items map[string]*item
	work  sync.WaitGroup
}

// item is a key on which there is something to do.
type item struct {
	running, again bool
	failures       int
	retry          *time.Timer // nil if none is due
}

func newQueue(do func(context.Context, string) error) *queue {
	return &queue{do: do, items: map[string]*item{}}
}

// start begins to work, also on what was added before.
func (q *queue) start(ctx context.Context) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ctx = ctx
	for key, x := range q.items {
		q.run(key, x)
	}
}

// wait returns when nothing runs any more, after the context of start has ended.
func (q *queue) wait() {
	q.mu.Lock()
	for _, x := range q.items {
		if x.retry != nil {
			x.retry.Stop()
		}
	}
	q.mu.Unlock()
	q.work.Wait()
}

// add has a key looked at now, or again if somebody is at it.
func (q *queue) add(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	x := q.items[key]
	switch {
	case x == nil:
		x = &item{}
		q.items[key] = x
	case x.running:
		x.again = true
		return
	}
	q.run(key, x)
}

// run begins to work on a key. The lock is held.
func (q *queue) run(key string, x *item) {
	if q.ctx == nil || q.ctx.Err() != nil || x.running {
		return
	}
	if x.retry != nil {
		x.retry.Stop()
		x.retry = nil
	}
	x.running, x.again = true, false
	q.work.Go(func() {
		err := q.do(q.ctx, key)
		q.mu.Lock()
		defer q.mu.Unlock()
		q.done(key, x, err)
	})
}

// done ends the work on a key. The lock is held.
func (q *queue) done(key string, x *item, err error) {
	x.running = false
	if err == nil {
		x.failures = 0
	}
	switch {
	case q.ctx.Err() != nil:
	case x.again:
		q.run(key, x)
	case err != nil:
		x.retry = time.AfterFunc(backoff(x.failures), func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			q.run(key, x)
		})
		x.failures++
	default:
		delete(q.items, key)
	}
}

// backoff is how long to wait after that many failures and another one.
func backoff(failures int) time.Duration {
	return min(retryStart<<min(failures, 16), retryMax)
}
