package upstream

import (
	"fmt"
	"sync"
	"unsafe" // also for go:linkname

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/klog/v2"
)

// labels are what the running goroutine is marked with. A goroutine has the labels
// of the one that started it; two sets of them are never the same.
//
//go:linkname labels runtime/pprof.runtime_getProfLabel
func labels() unsafe.Pointer

// exits is who is to die when a goroutine of a linked-in program calls os.Exit by
// klog: the life whose labels it has. One that ended long ago has goroutines that
// still find out, and its successor must not die of that.
var exits = &exitTable{lives: map[unsafe.Pointer]func(error){}}

type exitTable struct {
	mu    sync.Mutex
	lives map[unsafe.Pointer]func(error) // by their goroutines' labels
}

func init() {
	// Without this a component that gives up ends the whole engine.
	klog.OsExit = exits.exit
	// A panic in one of upstream's goroutines is logged and ends that goroutine:
	// it must not take the other components, and the nodes, with it.
	utilruntime.ReallyCrash = false
}

// OnExit has die called when the calling goroutine, or one that it starts, exits
// the program by klog. The goroutine must have pprof labels of its own. What is
// returned ends that.
func OnExit(die func(error)) (stop func()) {
	labelled := labels()
	exits.mu.Lock()
	defer exits.mu.Unlock()
	exits.lives[labelled] = die
	return func() {
		exits.mu.Lock()
		defer exits.mu.Unlock()
		delete(exits.lives, labelled)
	}
}

// exit is klog's os.Exit: it ends the life that called it, and no other.
func (t *exitTable) exit(code int) {
	t.mu.Lock()
	die := t.lives[labels()]
	t.mu.Unlock()
	if die != nil {
		die(fmt.Errorf("exit status %d; see its log", code))
	}
	select {} // a program that has exited does nothing more
}
