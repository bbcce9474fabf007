// Rate1 records every allocation, so that its profiles hold exact numbers: what it keeps is known to
// the byte.
package main

import (
	"flag"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
)

var (
	kept   [][]byte
	linked *node
)

type node struct {
	next *node
	data [56]byte
}

//go:noinline
func keepBlocks(n, size int) {
	for range n {
		kept = append(kept, make([]byte, size))
	}
}

//go:noinline
func keepNodes(n int) {
	for range n {
		linked = &node{next: linked}
	}
}

//go:noinline
func dropNodes(n int) {
	for ; n > 0 && linked != nil; n-- {
		linked = linked.next
	}
}

func write(dir, name string) {
	runtime.GC()
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		log.Fatal(err)
	}
	if err := pprof.Lookup("heap").WriteTo(f, 0); err != nil {
		log.Fatal(err)
	}
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
}

func main() {
	dir := flag.String("dir", ".", "where the profiles go")
	flag.Parse()
	kept = make([][]byte, 0, 1000)
	runtime.MemProfileRate = 1
	keepBlocks(10, 4096)
	keepNodes(100)
	write(*dir, "before.pb.gz")
	keepBlocks(5, 4096)
	keepBlocks(7, 1024)
	dropNodes(40)
	write(*dir, "after.pb.gz")
	runtime.KeepAlive(linked)
}
