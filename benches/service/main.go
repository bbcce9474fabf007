// Service allocates under many stacks and writes heap profiles as it goes: service RATE REQUESTS PROFILES PREFIX. The
// smaller RATE is (runtime.MemProfileRate), the more stacks a profile holds.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
)

// dice are numbers that look random and are the same in every run (splitmix64).
type dice struct{ state uint64 }

func (d *dice) below(n int) int {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int((z ^ z>>31) % uint64(n))
}

var kept [][]byte

//go:noinline
func keep(buffer []byte) { kept = append(kept, buffer) }

//go:noinline
func allocate(dice *dice) []byte {
	sizes := [...]int{16, 64, 112, 288, 1024, 3072, 8192, 40960}
	buffer := make([]byte, sizes[dice.below(len(sizes))])
	if dice.below(4) == 0 {
		keep(buffer)
	}
	return buffer
}

func main() {
	rate, requests, profiles := number(os.Args[1]), number(os.Args[2]), number(os.Args[3])
	runtime.MemProfileRate = rate
	dice := &dice{state: 1}
	for i := range profiles {
		for range requests / profiles {
			calls[dice.below(len(calls))](6+dice.below(36), dice)
		}
		write(fmt.Sprintf("%s%03d.pb.gz", os.Args[4], i))
	}
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	check(err)
	return n
}

func write(path string) {
	// A heap profile shows the heap as of the last completed collection.
	runtime.GC()
	runtime.GC()
	file, err := os.Create(path)
	check(err)
	check(pprof.Lookup("heap").WriteTo(file, 0))
	check(file.Close())
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
