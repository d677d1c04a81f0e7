//go:build faketime

package controlplane

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"demarc/sim/timeline"

	"go.opentelemetry.io/otel/trace/noop"
	"k8s.io/klog/v2"
)

// program is a program that takes a while to start, and tells if two of it live.
type program struct {
	lives atomic.Int32 // that are launched and not ended
	twice atomic.Bool
}

// programLife is an incarnation of a program.
type programLife struct {
	life
	of   *program
	once sync.Once
}

func (p *program) launch(context.Context) (incarnation, error) {
	if p.lives.Add(1) > 1 {
		p.twice.Store(true)
	}
	time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
	return &programLife{life: newLife(), of: p}, nil
}

func (l *programLife) ready(ctx context.Context) error {
	select {
	case <-time.After(time.Duration(rand.IntN(500)) * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *programLife) healthy(context.Context) error { return nil }

func (l *programLife) kill() { l.once.Do(func() { l.of.lives.Add(-1) }) }

func (l *programLife) stop(context.Context) {
	time.Sleep(100 * time.Millisecond)
	l.kill()
}

func newComponent(launch func(context.Context) (incarnation, error)) *Component {
	return &Component{
		name: "program", launch: launch, tracer: noop.NewTracerProvider().Tracer(""), state: Stopped, gate: &gate{},
		note: func(timeline.Verb, string) {},
	}
}

// TestOneHandStarts has everybody who may start, restart, replace and crash a component
// do so at once: never do two of it live, and what is left serves.
func TestOneHandStarts(t *testing.T) {
	ctx := context.Background()
	for range 20 {
		p := &program{}
		c := newComponent(p.launch)
		var hands sync.WaitGroup
		for _, do := range []func(){
			func() { _ = c.Start(ctx) },
			func() { _ = c.Restart(ctx, c.Life()) },
			func() { _ = c.Replace(ctx) },
			func() { _ = c.Crash() },
			func() { _ = c.Stop(ctx) },
			func() { _ = c.undisturbed(func() error { time.Sleep(200 * time.Millisecond); return nil }) },
		} {
			hands.Go(func() {
				for range 10 {
					time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond)
					do()
				}
			})
		}
		hands.Wait()
		if err := c.Start(ctx); err != nil {
			t.Fatal(err)
		}
		if s := c.Status(); p.twice.Load() || p.lives.Load() != 1 || s.State != Running {
			t.Fatalf("two lives at once: %t; now %d and %s", p.twice.Load(), p.lives.Load(), s.State)
		}
	}
}

func TestRestartLeavesASuccessorAlone(t *testing.T) {
	ctx := context.Background()
	p := &program{}
	c := newComponent(p.launch)
	if err := c.Start(ctx); err != nil {
		t.Fatal(err)
	}
	found := c.Life() // by a watchdog, to be ill
	if err := c.Crash(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = c.Start(ctx) }() // by a restore
	time.Sleep(time.Millisecond)
	if err := c.Restart(ctx, found); err != nil {
		t.Errorf("restart of a life that has a successor: %v", err)
	}
	if s := c.Status(); s.Starts != 2 || s.State != Running {
		t.Errorf("%d starts and %s, want the second life left alone and waited for", s.Starts, s.State)
	}
	if err := c.Restart(ctx, c.Life()); err != nil || c.Life() != 3 {
		t.Errorf("restart: %v, life %d, want 3", err, c.Life())
	}
}

// TestWaitersFollowASuccessor: who waits for a start that does not end waits for the
// one that takes its place.
func TestWaitersFollowASuccessor(t *testing.T) {
	ctx := context.Background()
	p := &program{}
	stuck := true
	c := newComponent(func(ctx context.Context) (incarnation, error) {
		if stuck {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return p.launch(ctx)
	})
	waiter := make(chan error)
	go func() { waiter <- c.Start(ctx) }()
	time.Sleep(time.Minute)
	stuck = false
	if err := c.Restart(ctx, c.Life()); err != nil {
		t.Error(err)
	}
	if err := <-waiter; err != nil {
		t.Errorf("who waited for the first start: %v", err)
	}
	if err := c.Crash(); err != nil {
		t.Error(err)
	}
	short, cancel := context.WithTimeout(ctx, time.Nanosecond)
	defer cancel()
	if err := c.Start(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("start with no time: got %v", err)
	}
	time.Sleep(time.Minute)
	if s := c.Status(); s.State != Running {
		t.Errorf("%s, want that it goes on starting when nobody waits", s.State)
	}
}

// TestAnEndedLifeDoesNotEndItsSuccessor: a program whose context has ended exits, as
// upstream's do, when another life of it runs already.
func TestAnEndedLifeDoesNotEndItsSuccessor(t *testing.T) {
	lives := []life{newLife(), newLife()}
	for _, l := range lives {
		l.run(APIServer, func(ctx context.Context) error {
			go func() {
				<-ctx.Done()
				time.Sleep(time.Second)
				klog.OsExit(255)
			}()
			select {} // as long as the process lives
		})
		time.Sleep(time.Millisecond)
	}
	lives[0].end()
	time.Sleep(time.Minute)
	if lives[0].err() == nil || lives[1].err() != nil {
		t.Errorf("the first exits: got %v for it and %v for its successor", lives[0].err(), lives[1].err())
	}
	lives[1].end()
	time.Sleep(time.Minute)
	if lives[1].err() == nil {
		t.Error("the second has exited, and lives")
	}
}

// forgetful answers the second of two health checks at once with what the last one found,
// as kube-apiserver does of etcd.
type forgetful struct {
	programLife
	under atomic.Int32
	last  error
}

func (f *forgetful) healthy(context.Context) error {
	defer f.under.Add(-1)
	if f.under.Add(1) > 1 {
		return f.last
	}
	time.Sleep(3 * time.Second)
	return nil
}

// TestHealthChecksAreShared has two ask for a component's health in one moment.
func TestHealthChecksAreShared(t *testing.T) {
	f := &forgetful{programLife: programLife{life: newLife(), of: &program{}}, last: errors.New("etcd failed, long ago")}
	c := newComponent(func(context.Context) (incarnation, error) { return f, nil })
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if err := c.Healthy(t.Context()); err != nil {
				t.Errorf("a component that is well: %v", err)
			}
		})
	}
	both.Wait()
	time.Sleep(sharedFor)
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := c.Healthy(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a check that takes longer than the asker has: %v", err)
	}
}

// TestQuickRestarts crashes and starts every component twice within two seconds, again
// and again: none dies of what its last life left behind.
func TestQuickRestarts(t *testing.T) {
	ctx := context.Background()
	var mu sync.Mutex
	var ended []string
	p, _ := startPlaneWith(t, Config{Note: func(component string, verb timeline.Verb, message string) {
		mu.Lock()
		defer mu.Unlock()
		if verb == "crashed" {
			ended = append(ended, component+": "+message)
		}
	}})
	for round := range 3 {
		for _, c := range slices.Backward(p.Components()) {
			pause := time.Duration(100+300*round) * time.Millisecond
			for range 2 {
				_ = c.Crash() // it may not have come up again
				go func() { _ = c.Start(ctx) }()
				time.Sleep(pause)
			}
			short, cancel := context.WithTimeout(ctx, 3*time.Minute)
			err := p.Start(short)
			cancel()
			if err != nil {
				t.Fatalf("round %d, %s: %v", round, c.Name(), err)
			}
			time.Sleep(15 * time.Second)
			for _, x := range p.Components() {
				if s := x.Status(); s.State != Running {
					t.Errorf("round %d: after restarts of %s, %s is %s: %s", round, c.Name(), x.Name(), s.State, s.Message)
				}
			}
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(ended) > 0 {
		t.Errorf("ended by themselves: %q", ended)
	}
}
