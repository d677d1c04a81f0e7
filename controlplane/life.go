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

// life is what the incarnations of linked-in programs have in common: a
// context that ends them, and the moment at which they ended.
type life struct {
	ctx  context.Context
	end  context.CancelFunc
	dead chan struct{}
	once *sync.Once
	why  *error
}

func newLife() life {
	ctx, cancel := context.WithCancel(context.Background())
	return life{ctx: ctx, end: cancel, dead: make(chan struct{}), once: new(sync.Once), why: new(error)}
}

func (l life) died() <-chan struct{} { return l.dead }

func (l life) err() error {
	select {
	case <-l.dead:
		return *l.why
	default:
		return nil
	}
}

func (l life) die(err error) {
	l.once.Do(func() {
		*l.why = err
		close(l.dead)
	})
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
