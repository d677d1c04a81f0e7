// Package upstream holds every place where demarc reaches into Kubernetes and
// etcd past what they export: variables that are set by linkname, overrides of
// hooks, and registries of the process that a component's second life needs
// emptied. Each has a file, which says what breaks without it.
//
// A linkname to a name that is gone is a new variable, in silence: the test
// compares each with the declaration in the module that is linked in.
package upstream

import _ "demarc/controlplane/upstream/quiet" // before any work queue is made
