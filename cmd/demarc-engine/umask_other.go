//go:build !unix

package main

// privateFiles is for systems that have modes of files.
func privateFiles() {}
