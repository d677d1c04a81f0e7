// Package demarc has no code: it is the root of the module, and says which way
// imports run between its folders.
//
//	cmd            the programs; cmd/demarc-engine/cluster puts a cluster together
//	scenarios      the drills, and the language they are written in
//	controlplane   Kubernetes' control plane and the provider's plane
//	nodes          machines, kubelets, containers and the cloud under them
//	backup         backups of etcd
//	sim            the ground floor: what every other folder may use
//
// A folder imports what stands below it and is needed there, never what stands
// above: the table is in layers_test.go.
package demarc
