package upstream

import (
	"syscall"
	_ "unsafe" // for go:linkname

	_ "k8s.io/kubernetes/pkg/scheduler/backend/cache/debugger" // for go:linkname
)

// compareSignal is the signal at which kube-scheduler dumps its cache. Waiting
// for a signal parks a thread in a system call, which would stop the virtual
// clock for ever; no signal has number -1.
//
//go:linkname compareSignal k8s.io/kubernetes/pkg/scheduler/backend/cache/debugger.compareSignal
var compareSignal syscall.Signal

func init() { compareSignal = -1 }
