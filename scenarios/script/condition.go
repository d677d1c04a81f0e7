package script

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// condition is what an expectation expects, as it was parsed.
type condition interface {
	// bind makes it ready for one run, whose nodes have names.
	bind(r *run) (bound, error)
}

// bound is a condition in a run.
type bound interface {
	needs() needs
	// eval looks at the world as it is now.
	eval(v *view) outcome
}

// needs is what a condition looks at, and so what can change its outcome.
type needs struct {
	kinds    []schema.GroupVersionKind
	traffic  []string
	timeline bool // or anything else of which the timeline tells
	watches  bool
}

// outcome is whether a condition holds, and why.
type outcome struct {
	ok bool
	// explain says what is there: short if it holds, all that helps if not.
	explain func() string
}

// errUnreachable is why a condition on Kubernetes objects does not hold while
// nobody can ask.
var errUnreachable = errors.New("the API server cannot be reached")

func unreachable(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errUnreachable, err)
}

// failed is the outcome of a condition that cannot be looked at.
func failed(err error) outcome { return outcome{explain: err.Error} }

// view is what conditions see at one moment.
type view struct {
	run *run
	ctx context.Context
	// since is when the window began; traffic is counted from there. Zero
	// means from the beginning.
	since time.Time
	// objects returns the objects of a kind, or why they cannot be had.
	objects func(schema.GroupVersionKind) ([]*unstructured.Unstructured, error)
}
