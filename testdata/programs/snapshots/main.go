// Snapshots takes profiles in each of the ways net/http/pprof offers, with the traps that come with them.
package main

import (
	"flag"
	"log"
	"net/http"
	"net/http/httptest"
	_ "net/http/pprof"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"
)

var kept [][]byte

//go:noinline
func keep(n, size int) {
	for range n {
		kept = append(kept, make([]byte, size))
	}
}

//go:noinline
func drop(n int) {
	kept = append([][]byte(nil), kept[n:]...)
}

//go:noinline
func churn(n int) (sum int) {
	for range n {
		b := make([]byte, 32<<10)
		sum += len(b)
		runtime.KeepAlive(b)
	}
	return sum
}

func get(dir, name, path string) {
	r := httptest.NewRecorder()
	http.DefaultServeMux.ServeHTTP(r, httptest.NewRequest(http.MethodGet, path, nil))
	if r.Code != http.StatusOK {
		log.Fatalf("%s: %d %s", path, r.Code, r.Body)
	}
	if err := os.WriteFile(filepath.Join(dir, name), r.Body.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}

func main() {
	dir := flag.String("dir", ".", "where the folders with profiles go")
	empty := flag.Bool("empty", false, "write only a profile that holds no samples")
	flag.Parse()
	if *empty {
		get(*dir, "empty/heap.pb.gz", "/debug/pprof/heap")
		return
	}
	runtime.MemProfileRate = 64 << 10

	keep(200, 20<<10)
	churn(300)
	get(*dir, "allocs/before.pb.gz", "/debug/pprof/allocs?gc=1")
	get(*dir, "text-heap/before.txt", "/debug/pprof/heap?debug=1")
	keep(100, 20<<10)
	churn(300)
	get(*dir, "allocs/after.pb.gz", "/debug/pprof/allocs?gc=1")
	get(*dir, "text-heap/after.txt", "/debug/pprof/heap?debug=1")

	// What is shown is the state at the last completed collection. Without one between two snapshots
	// they hold the same samples, whatever was allocated meanwhile.
	runtime.GC()
	debug.SetGCPercent(-1)
	get(*dir, "no-gc/before.pb.gz", "/debug/pprof/heap")
	keep(50, 20<<10)
	get(*dir, "no-gc/after.pb.gz", "/debug/pprof/heap")
	debug.SetGCPercent(100)
	runtime.GC()

	// A difference over two seconds, in which more is dropped than is kept.
	go func() {
		time.Sleep(500 * time.Millisecond)
		drop(250)
		keep(40, 8<<10)
		runtime.GC()
		runtime.GC()
		runtime.GC()
	}()
	get(*dir, "seconds-delta/delta.pb.gz", "/debug/pprof/heap?seconds=2")
	get(*dir, "seconds-delta/state.pb.gz", "/debug/pprof/heap?gc=1")
	runtime.KeepAlive(kept)
}
