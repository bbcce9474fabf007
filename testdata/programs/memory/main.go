// Command memory takes memory in a way that its statistics and the kernel's show, for some seconds. It
// samples itself: runtime.MemStats into memstats.json, /proc/self/smaps_rollup into smaps.txt.
//
// Usage: memory [-for 3s] [-o FOLDER] SCENARIO
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

var (
	keep   [][]byte
	mapped [][]byte
	sink   []byte
	length = flag.Duration("for", 3*time.Second, "how long it runs")
	folder = flag.String("o", ".", "where the samples go")
)

const samples = 24

// fill touches every page.
func fill(data []byte) []byte {
	for i := 0; i < len(data); i += 4096 {
		data[i] = 1
	}
	return data
}

func block(kilobytes int) []byte {
	return fill(make([]byte, kilobytes<<10))
}

// set fills what is kept with so many megabytes.
func set(megabytes int) {
	keep = keep[:0]
	for i := 0; i < megabytes; i++ {
		keep = append(keep, block(1024))
	}
}

// A scenario prepares, and then does something again and again, with the share of the time that has
// passed.
type scenario struct {
	prepare func()
	step    func(share float64)
}

var scenarios = map[string]scenario{
	// Keeps some megabytes and replaces them.
	"healthy": {func() { set(60) }, func(share float64) {
		keep[int(share*1e6)%len(keep)] = block(1024)
	}},
	// Replaces many small objects at random: a heap with room between them, as it should be.
	"small": {func() { keep = make([][]byte, 40000) }, func(share float64) {
		for i := 0; i < 2000; i++ {
			at := (int(share*1e7)*7919 + i*104729) % len(keep)
			keep[at] = make([]byte, 500+at%1500)
		}
	}},
	// Needs much for a moment, again and again, and next to nothing in between.
	"idle": {func() {}, func(float64) {
		set(200)
		keep = nil
		runtime.GC()
	}},
	// Keeps one small object in each span.
	"fragmented": {func() {
		var all [][]byte
		for i := 0; i < 200000; i++ {
			all = append(all, make([]byte, 1024))
		}
		for i := 0; i < len(all); i += 8 {
			keep = append(keep, all[i])
		}
		all = nil
		runtime.GC()
		runtime.GC()
	}, func(float64) { sink = block(16) }},
	// Keeps everything.
	"leak": {func() { set(20) }, func(float64) { keep = append(keep, block(256)) }},
	// Maps memory and never unmaps it.
	"mmap": {func() { set(20) }, func(float64) {
		data, err := syscall.Mmap(-1, 0, 256<<10, syscall.PROT_READ|syscall.PROT_WRITE,
			syscall.MAP_ANON|syscall.MAP_PRIVATE)
		if err != nil {
			panic(err)
		}
		mapped = append(mapped, fill(data))
		sink = block(16)
	}},
}

func main() {
	flag.Parse()
	one, ok := scenarios[flag.Arg(0)]
	if !ok {
		fmt.Fprintln(os.Stderr, "no such scenario:", flag.Arg(0))
		os.Exit(2)
	}
	statistics, err := os.Create(filepath.Join(*folder, "memstats.json"))
	check(err)
	maps, err := os.Create(filepath.Join(*folder, "smaps.txt"))
	check(err)
	one.prepare()
	start := time.Now()
	next := start
	for time.Since(start) < *length {
		one.step(float64(time.Since(start)) / float64(*length))
		if !time.Now().Before(next) {
			sample(statistics, maps)
			next = next.Add(*length / samples)
		}
		time.Sleep(5 * time.Millisecond)
	}
	sample(statistics, maps)
	check(statistics.Close())
	check(maps.Close())
	runtime.KeepAlive(keep)
	runtime.KeepAlive(mapped)
}

func sample(statistics, maps *os.File) {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	now := time.Now().UTC()
	line, err := json.Marshal(struct {
		Time time.Time
		runtime.MemStats
	}{now, memory})
	check(err)
	_, err = statistics.Write(append(line, '\n'))
	check(err)
	rollup, err := os.ReadFile("/proc/self/smaps_rollup")
	check(err)
	_, err = fmt.Fprintf(maps, "%s\n%s", now.Format(time.RFC3339Nano), rollup)
	check(err)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
