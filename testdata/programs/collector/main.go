// Command collector makes Go's collector behave in a way that its trace shows, for some seconds.
//
// Usage: GODEBUG=gctrace=1 collector [-for 3s] [-scale 1] SCENARIO
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"
)

var (
	keep   [][]byte
	sink   []byte
	length = flag.Duration("for", 3*time.Second, "how long it runs")
	scale  = flag.Int("scale", 1, "factor of all sizes")
)

// node has pointers, so that marking it takes time.
type node struct {
	left, right *node
	data        [6]int64
}

func tree(depth int) *node {
	if depth == 0 {
		return &node{}
	}
	return &node{left: tree(depth - 1), right: tree(depth - 1)}
}

// each calls work every millisecond or so until the time is over, with the share of it that has passed.
func each(pause time.Duration, work func(share float64)) {
	start := time.Now()
	for {
		passed := time.Since(start)
		if passed >= *length {
			return
		}
		work(float64(passed) / float64(*length))
		if pause > 0 {
			time.Sleep(pause)
		}
	}
}

// block allocates bytes without pointers.
func block(kilobytes int) []byte {
	return make([]byte, kilobytes<<10**scale)
}

// set fills what is kept with so many megabytes.
func set(megabytes int) {
	keep = keep[:0]
	for i := 0; i < megabytes; i++ {
		keep = append(keep, block(1024))
	}
}

var scenarios = map[string]func(){
	// Keeps some megabytes and replaces them slowly.
	"healthy": func() {
		set(40)
		at := 0
		each(25*time.Millisecond, func(float64) {
			keep[at%len(keep)] = block(1024)
			at++
		})
	},
	// Warms up: fills a cache in the first half.
	"cache": func() {
		each(10*time.Millisecond, func(share float64) {
			for want := int(min(share*2, 1) * 60); len(keep) < want; {
				keep = append(keep, block(1024))
			}
			sink = block(128)
		})
	},
	// Allocates as fast as it can, and keeps next to nothing.
	"churn": func() {
		each(0, func(float64) {
			for i := 0; i < 1000; i++ {
				sink = make([]byte, 4096)
			}
		})
	},
	// The same with a tree that has to be marked each time.
	"churn-tree": func() {
		root := tree(17)
		each(0, func(float64) {
			for i := 0; i < 1000; i++ {
				sink = make([]byte, 4096)
			}
		})
		runtime.KeepAlive(root)
	},
	// Asks for collections.
	"forced": func() {
		set(10)
		each(100*time.Millisecond, func(float64) {
			sink = block(512)
			runtime.GC()
		})
	},
	"free-memory": func() {
		set(10)
		each(200*time.Millisecond, func(float64) {
			sink = block(1024)
			debug.FreeOSMemory()
		})
	},
	// Holds much more for a moment.
	"spike": func() {
		set(20)
		var held [][]byte
		at := 0
		each(5*time.Millisecond, func(share float64) {
			switch {
			case share > 0.45 && share < 0.6:
				if len(held) < 150 {
					for i := 0; i < 6; i++ {
						held = append(held, block(1024))
					}
				}
			default:
				held = nil
			}
			keep[at%len(keep)] = block(1024)
			at++
		})
		runtime.KeepAlive(held)
	},
	// Keeps everything.
	"leak": func() {
		set(5)
		each(5*time.Millisecond, func(float64) {
			keep = append(keep, block(192))
			sink = block(1024)
		})
	},
	"slow-leak": func() {
		set(30)
		each(5*time.Millisecond, func(float64) {
			keep = append(keep, block(48))
			sink = block(512)
		})
	},
	// Grows once, and stays.
	"step": func() {
		set(20)
		at := 0
		each(5*time.Millisecond, func(share float64) {
			if share > 0.5 && len(keep) < 60 {
				set(60)
			}
			keep[at%len(keep)] = block(512)
			at++
		})
	},
	// Has hardly any room below a limit.
	"thrash": func() {
		debug.SetMemoryLimit(int64(*scale) * 70 << 20)
		roots := []*node{}
		for i := 0; i < 15; i++ {
			roots = append(roots, tree(15))
		}
		each(0, func(float64) {
			for i := 0; i < 200; i++ {
				sink = make([]byte, 1024)
			}
		})
		runtime.KeepAlive(roots)
	},
	"thrash-off": func() {
		debug.SetGCPercent(-1)
		debug.SetMemoryLimit(int64(*scale) * 70 << 20)
		roots := []*node{}
		for i := 0; i < 15; i++ {
			roots = append(roots, tree(15))
		}
		each(0, func(float64) {
			for i := 0; i < 200; i++ {
				sink = make([]byte, 1024)
			}
		})
		runtime.KeepAlive(roots)
	},
	// A limit that leaves enough room.
	"limit": func() {
		debug.SetGCPercent(-1)
		debug.SetMemoryLimit(int64(*scale) * 150 << 20)
		set(20)
		at := 0
		each(3*time.Millisecond, func(float64) {
			keep[at%len(keep)] = block(1024)
			at++
		})
	},
	// More and more goroutines wait.
	"stacks": func() {
		each(2*time.Millisecond, func(float64) {
			for i := 0; i < 20; i++ {
				go func() { deep(40); select {} }()
			}
			sink = block(512)
		})
	},
	// Objects wait for their finalizers: the first one blocks.
	"finalizers": func() {
		each(time.Millisecond, func(float64) {
			for i := 0; i < 200; i++ {
				one := &node{}
				runtime.SetFinalizer(one, func(*node) { select {} })
			}
			sink = block(128)
		})
	},
	// Starts, and then has nothing to do.
	"idle": func() {
		set(50)
		time.Sleep(*length)
	},
	// Works hard for a moment, as a command does.
	"command": func() {
		for i := 0; i < 100; i++ {
			keep = append(keep, block(256))
			sink = block(256)
		}
	},
}

//go:noinline
func deep(n int) int {
	var space [64]int
	if n == 0 {
		return space[0]
	}
	return deep(n-1) + space[n%64]
}

func main() {
	flag.Parse()
	scenario, ok := scenarios[flag.Arg(0)]
	if !ok {
		fmt.Fprintf(os.Stderr, "there is no scenario %q\n", flag.Arg(0))
		os.Exit(2)
	}
	scenario()
}
