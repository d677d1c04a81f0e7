//go:build unix

package main

import "golang.org/x/sys/unix"

// privateFiles makes every file and folder of the process its owner's alone,
// whatever mode those who make it ask for: etcd's and raft's snapshots would be
// readable by all.
func privateFiles() { unix.Umask(0o077) }
