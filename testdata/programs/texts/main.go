// Command texts writes each profile of a running program twice, in protobuf and in text, of the same
// moment: heap.pb and heap.txt, and so on.
package main

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"sync"
	"time"
)

var kept []any

type shelf[T any] struct{ items []T }

func (s *shelf[T]) put(item T) { s.items = append(s.items, item) }

type book struct {
	title string
	pages [40]int64
}

//go:noinline
func fill(depth int) {
	if depth > 0 {
		fill(depth - 1)
		return
	}
	s := &shelf[*book]{}
	for range 3000 {
		s.put(newBook())
	}
	words := map[string][]byte{}
	for i := range 2000 {
		words[strings.Repeat("w", i%90)+string(rune('a'+i%26))] = make([]byte, i)
	}
	kept = append(kept, s, words)
	func() { kept = append(kept, bytesOf(1<<20)) }()
}

// newBook is inlined.
func newBook() *book { return &book{title: "t"} }

// bytesOf is inlined.
func bytesOf(n int) []byte { return make([]byte, n) }

func churn() {
	for i := range 5000 {
		buffer := make([]byte, 100+i)
		buffer[0] = 1
	}
}

func wait(stop chan struct{}, started *sync.WaitGroup) {
	started.Done()
	select {
	case <-stop:
	case <-time.After(time.Hour):
	}
}

func write(folder, name string) {
	for debug, extension := range []string{".pb", ".txt"} {
		file, err := os.Create(filepath.Join(folder, name+extension))
		if err != nil {
			panic(err)
		}
		if err := pprof.Lookup(name).WriteTo(file, debug); err != nil {
			panic(err)
		}
		if err := file.Close(); err != nil {
			panic(err)
		}
	}
}

func main() {
	runtime.MemProfileRate = 4096
	runtime.SetBlockProfileRate(1)
	runtime.SetMutexProfileFraction(1)
	fill(3)
	churn()
	stop := make(chan struct{})
	var started sync.WaitGroup
	for i := range 12 {
		started.Add(1)
		labels := pprof.Labels("shard", string(rune('a'+i%3)), "note", "a \"quoted\" one, é")
		go pprof.Do(context.Background(), labels, func(context.Context) { wait(stop, &started) })
	}
	started.Wait()
	var lock sync.Mutex
	lock.Lock()
	go func() { lock.Lock(); lock.Unlock() }()
	time.Sleep(50 * time.Millisecond)
	lock.Unlock()
	time.Sleep(50 * time.Millisecond)
	runtime.GC()
	runtime.GC()
	debug.SetGCPercent(-1)
	for _, name := range []string{"heap", "goroutine", "block", "mutex", "threadcreate"} {
		write(os.Args[1], name)
	}
	close(stop)
	runtime.KeepAlive(kept)
}
