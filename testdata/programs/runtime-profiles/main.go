// Runtimeprofiles writes pairs of every other kind of profile the Go runtime has: CPU time with labels,
// mutex contention, blocking, goroutines and threads.
package main

import (
	"context"
	"crypto/sha256"
	"flag"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"sync"
	"time"
)

var (
	shared sync.Mutex
	total  int
	gate   = make(chan struct{})
)

//go:noinline
func digest(data []byte, until time.Time) {
	for time.Now().Before(until) {
		sum := sha256.Sum256(data)
		data[0] = sum[0]
	}
}

//go:noinline
func count(until time.Time) (n int) {
	for time.Now().Before(until) {
		for i := range 1000 {
			n += i % 7
		}
	}
	return n
}

//go:noinline
func contend(workers, times int) {
	var wait sync.WaitGroup
	for w := range workers {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for i := range times {
				shared.Lock()
				total += i * w
				time.Sleep(200 * time.Microsecond)
				shared.Unlock()
			}
		}()
	}
	wait.Wait()
}

func waitForGate() { <-gate }

//go:noinline
func park(n int) {
	for range n {
		go waitForGate()
	}
	for i := range n / 3 {
		go pprof.Do(context.Background(), pprof.Labels("shard", strconv.Itoa(i%2)), func(context.Context) {
			waitForGate()
		})
	}
}

func write(dir, name, kind string) {
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		log.Fatal(err)
	}
	if err := pprof.Lookup(kind).WriteTo(f, 0); err != nil {
		log.Fatal(err)
	}
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
}

func cpu(dir, name string, digests, counts time.Duration) {
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		log.Fatal(err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		log.Fatal(err)
	}
	pprof.Do(context.Background(), pprof.Labels("tenant", "acme", "endpoint", "/digest"), func(context.Context) {
		digest(make([]byte, 4096), time.Now().Add(digests))
	})
	pprof.Do(context.Background(), pprof.Labels("tenant", "zenith", "endpoint", "/count"), func(context.Context) {
		total += count(time.Now().Add(counts))
	})
	pprof.StopCPUProfile()
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
}

func main() {
	dir := flag.String("dir", ".", "where the folders with profiles go")
	flag.Parse()
	runtime.SetMutexProfileFraction(1)
	runtime.SetBlockProfileRate(1)

	cpu(*dir, "cpu/before.pb.gz", 300*time.Millisecond, 300*time.Millisecond)
	cpu(*dir, "cpu/after.pb.gz", 900*time.Millisecond, 300*time.Millisecond)

	contend(3, 20)
	write(*dir, "mutex/before.pb.gz", "mutex")
	write(*dir, "block/before.pb.gz", "block")
	contend(4, 40)
	write(*dir, "mutex/after.pb.gz", "mutex")
	write(*dir, "block/after.pb.gz", "block")

	park(12)
	time.Sleep(50 * time.Millisecond)
	write(*dir, "goroutine/before.pb.gz", "goroutine")
	park(60)
	time.Sleep(50 * time.Millisecond)
	write(*dir, "goroutine/after.pb.gz", "goroutine")
	write(*dir, "threadcreate/before.pb.gz", "threadcreate")
	close(gate)
}
