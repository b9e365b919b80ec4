// SPDX-License-Identifier: GPL-2.0-or-later
// Workload: as chain, from a goroutine. Go's runtime knows the chain by itself.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// The oracle's lines, of which chain.h tells.
func describe(page uintptr) string {
	var text strings.Builder
	pcs := make([]uintptr, 64)
	pcs = pcs[:runtime.Callers(2, pcs)]
	fmt.Fprintf(&text, "stack\t%d\t%d\t%#x\n", os.Getpid(), syscall.Gettid(), page)
	fmt.Fprintf(&text, "frame\t*Syscall*\t-\t-\t-\nsome\t3\n")
	frames := runtime.CallersFrames(pcs)
	for i := 0; ; i++ {
		frame, more := frames.Next()
		// The innermost one calls describe() here, and munmap() there.
		if i == 0 {
			fmt.Fprintf(&text, "frame\t%s\t-\t-\t-\n", frame.Function)
		} else {
			fmt.Fprintf(&text, "frame\t%s|%s.abi0\t%s:%d\t%#x\t-\n", frame.Function, frame.Function, frame.File,
				frame.Line, pcs[i])
		}
		if !more {
			return text.String()
		}
	}
}

//go:noinline
func unmapUntilItFails(base, pages, pageBytes uintptr) {
	for i := uintptr(1); i+1 < pages; i += 2 {
		page := base + i*pageBytes
		_, _, errno := syscall.RawSyscall(syscall.SYS_MUNMAP, page, pageBytes, 0)
		if errno == syscall.ENOMEM {
			fmt.Print(describe(page))
			os.Exit(0)
		}
	}
}

//go:noinline
func work(pages int) {
	region, err := syscall.Mmap(-1, 0, pages*os.Getpagesize(), syscall.PROT_READ, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		panic(err)
	}
	unmapUntilItFails(uintptr(unsafe.Pointer(&region[0])), uintptr(pages), uintptr(os.Getpagesize()))
}

func main() {
	text, err := os.ReadFile("/proc/sys/vm/max_map_count")
	if err != nil {
		panic(err)
	}
	limit, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		panic(err)
	}
	done := make(chan bool)
	go func() {
		work(2*limit + 2)
		done <- true
	}()
	<-done
	fmt.Fprintln(os.Stderr, "chain: munmap() did not fail")
	os.Exit(1)
}
