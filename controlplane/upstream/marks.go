package upstream

import "unsafe" // also for go:linkname

// setLabels marks the running goroutine. See labels.
//
//go:linkname setLabels runtime/pprof.runtime_setProfLabel
func setLabels(unsafe.Pointer)

// Marks say whose a goroutine is: see [OnExit].
type Marks struct{ labels unsafe.Pointer }

// Marked are the marks of the running goroutine.
func Marked() Marks { return Marks{labels()} }

// Lend gives the running goroutine these marks until it is given its own back. So whoever
// calls another program in its own goroutine leaves none of its marks there.
func (m Marks) Lend() (giveBack func()) {
	own := labels()
	setLabels(m.labels)
	return func() { setLabels(own) }
}
