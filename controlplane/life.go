package controlplane

import (
	"context"
	"fmt"
	"runtime/debug"
	"runtime/pprof"
	"sync"

	"demarc/controlplane/upstream"

	"k8s.io/klog/v2"
)

// death is when and why a program has ended by itself, if it has.
type death struct {
	dead chan struct{}
	once *sync.Once
	why  *error
}

func newDeath() death { return death{dead: make(chan struct{}), once: new(sync.Once), why: new(error)} }

func (d death) died() <-chan struct{} { return d.dead }

func (d death) err() error {
	select {
	case <-d.dead:
		return *d.why
	default:
		return nil
	}
}

func (d death) die(err error) {
	d.once.Do(func() {
		*d.why = err
		close(d.dead)
	})
}

// life is what the incarnations of linked-in programs have in common: a
// context that ends them, and their death.
type life struct {
	death
	ctx context.Context
	end context.CancelFunc
}

func newLife() life {
	ctx, cancel := context.WithCancel(context.Background())
	return life{death: newDeath(), ctx: ctx, end: cancel}
}

// run starts a program's main function. The life ends when it returns, when it
// panics, and when it calls what would be os.Exit.
func (l life) run(name string, main func(context.Context) error) {
	go func() {
		pprof.SetGoroutineLabels(pprof.WithLabels(l.ctx, pprof.Labels("component", name)))
		defer upstream.OnExit(l.die)()
		err := fmt.Errorf("%s exited", name) // what remains after runtime.Goexit
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
				klog.ErrorS(err, "Program ended", "program", name)
			}
			l.die(err)
		}()
		if err = main(l.ctx); err == nil {
			err = fmt.Errorf("%s returned", name)
		}
	}()
}
