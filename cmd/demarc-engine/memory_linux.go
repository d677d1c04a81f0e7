package main

import (
	"debug/elf"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePages has the kernel give the heap, as far as it grows to a size, huge pages, where it
// may. A start touches that much memory for the first time, and each of its small pages
// is a fault: a sixth of what a start costs. What is allocated here for that is free at
// the next collection, and nothing of it is touched.
func hugePages(size int) {
	heap := make([]byte, size)
	_ = unix.Madvise(heap, unix.MADV_HUGEPAGE) // it is as good without, only slower
}

// forgetProgram unmaps what was read of the program's file, of which a running cluster
// needs a fifth. What is needed again is still in the kernel's cache, and is mapped as
// it is used.
func forgetProgram() {
	path, err := os.Executable()
	if err != nil {
		return
	}
	f, err := elf.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	if f.Type != elf.ET_EXEC { // it is loaded where its file says
		return
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && p.Flags&elf.PF_W == 0 {
			start := uintptr(p.Vaddr)
			_ = unix.Madvise(unsafe.Slice(*(**byte)(unsafe.Pointer(&start)), p.Filesz), unix.MADV_DONTNEED) // then they stay
		}
	}
}
