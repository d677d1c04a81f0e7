package controlplane

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"

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
	exits.enter(name, l)
	go func() {
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

// exits is who is to die when a linked-in program calls os.Exit by klog: the
// newest life of each.
var exits = &exitTable{lives: map[string]life{}}

type exitTable struct {
	mu    sync.Mutex
	lives map[string]life
}

func (t *exitTable) enter(name string, l life) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lives[name] = l
}

// exit is klog's os.Exit: it ends the program that called it, and no other. The
// caller's stack tells which.
func (t *exitTable) exit(code int) {
	stack := string(debug.Stack())
	name := APIServer
	for _, n := range []string{ControllerManager, Scheduler} {
		if strings.Contains(stack, "cmd/"+n+"/") || strings.Contains(stack, "pkg/scheduler") && n == Scheduler {
			name = n
		}
	}
	t.mu.Lock()
	l, ok := t.lives[name]
	t.mu.Unlock()
	if ok {
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
