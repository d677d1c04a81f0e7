//go:build !linux

package main

// hugePages and forgetProgram are for Linux.
func hugePages(int)  {}
func forgetProgram() {}
