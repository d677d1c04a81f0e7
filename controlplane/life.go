package controlplane

import (
	"context"
	"fmt"
	"runtime/debug"
	"runtime/pprof"
	"sync"
	"unsafe" // also for go:linkname

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
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
		defer exits.leave(exits.enter(l))
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

// labels are what the running goroutine is marked with. A goroutine has the labels
// of the one that started it; two sets of them are never the same.
//
//go:linkname labels runtime/pprof.runtime_getProfLabel
func labels() unsafe.Pointer

// exits is who is to die when a goroutine of a linked-in program calls os.Exit by
// klog: the life whose labels it has. One that ended long ago has goroutines that
// still find out, and its successor must not die of that.
var exits = &exitTable{lives: map[unsafe.Pointer]life{}}

type exitTable struct {
	mu    sync.Mutex
	lives map[unsafe.Pointer]life // by their goroutines' labels
}

// enter enters a life under the labels of the goroutine that calls it.
func (t *exitTable) enter(l life) (labelled unsafe.Pointer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lives[labels()] = l
	return labels()
}

func (t *exitTable) leave(labelled unsafe.Pointer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.lives, labelled)
}

// exit is klog's os.Exit: it ends the life that called it, and no other.
func (t *exitTable) exit(code int) {
	t.mu.Lock()
	l, lives := t.lives[labels()]
	t.mu.Unlock()
	if lives {
		l.die(fmt.Errorf("exit status %d; see its log", code))
	}
	select {} // a program that has exited does nothing more
}

func init() {
	klog.OsExit = exits.exit
	// A panic in one of upstream's goroutines is logged and ends that goroutine:
	// it must not take the other components, and the nodes, with it.
	utilruntime.ReallyCrash = false
}
