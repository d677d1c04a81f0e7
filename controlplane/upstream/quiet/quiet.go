// Package quiet keeps client-go's work queues from measuring themselves.
//
// With a metrics provider each of the hundred queues of a control plane has a
// goroutine that wakes up twice in a second to publish how long its work has
// been going on; that is half of what an idle cluster's virtual time costs.
// The provider is set once in a process, by whoever comes first, and this
// package comes first: packages are initialised in the order of their import
// paths as soon as what they import is ready (Go specification, "Program
// initialization"), and this one imports work queues alone.
package quiet

import (
	_ "unsafe" // for go:linkname

	"k8s.io/client-go/util/workqueue"
)

// noop is the provider that client-go starts with. Its type is not exported,
// and queues look for that very type.
//
//go:linkname noop k8s.io/client-go/util/workqueue.globalMetricsProvider
var noop workqueue.MetricsProvider

func init() { workqueue.SetProvider(noop) }
