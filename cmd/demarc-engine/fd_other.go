//go:build !unix

package main

import "os"

func unframed(f *os.File) (*os.File, error) { return f, nil }

func pollable(f *os.File) (*os.File, error) { return f, nil }
