// Patterns leaks in a few ways, each in a function that is called after the pattern it shows, and keeps
// apart from them what looks alike and is none. Every allocation is recorded.
package main

import (
	"bufio"
	"bytes"
	"container/list"
	"context"
	"encoding/json"
	"flag"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"time"
)

// Everything that is kept.
var (
	keep  []any
	names sync.Map
	queue = list.New()
	cache = map[int][]byte{}
)

type parent struct{ context.Context }

func (parent) Done() <-chan struct{} { return done }

var done = make(chan struct{})

//go:noinline
func timerTicker() { keep = append(keep, time.NewTicker(time.Hour)) }

//go:noinline
func timerAfterfunc() { keep = append(keep, time.AfterFunc(time.Hour, func() {})) }

//go:noinline
func ctxTimeout() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	keep = append(keep, ctx, cancel)
}

// The parent is of a type of its own, so that each child has a goroutine.
//
//go:noinline
func ctxCancel() {
	ctx, cancel := context.WithCancel(parent{context.Background()})
	keep = append(keep, ctx, cancel)
}

//go:noinline
func netFd() {
	file, err := os.Open(os.DevNull)
	if err != nil {
		log.Fatal(err)
	}
	keep = append(keep, file)
}

//go:noinline
func bufioReader() { keep = append(keep, bufio.NewReader(strings.NewReader("x"))) }

//go:noinline
func bytesBuffer() {
	var buffer bytes.Buffer
	buffer.Write(make([]byte, 100))
	keep = append(keep, buffer.Bytes()[:1])
}

//go:noinline
func syncMap(i int) { names.Store(i, i) }

//go:noinline
func listLru(i int) { queue.PushBack(i) }

//go:noinline
func regexpCompile() { keep = append(keep, regexp.MustCompile("a(b|c)*d")) }

//go:noinline
func jsonChurn() {
	var value map[string]any
	if err := json.Unmarshal([]byte(`{"a": [1, 2, {"b": "c"}]}`), &value); err != nil {
		log.Fatal(err)
	}
}

// None: the program's own line allocates.
//
//go:noinline
func appContainer(i int) { cache[i] = make([]byte, 300) }

// None: a regular expression that is compiled once and used.
var once = regexp.MustCompile("x+")

//go:noinline
func search() { keep = append(keep, once.FindString(strings.Repeat("x", 100))) }

func write(dir, name, profile string) {
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		log.Fatal(err)
	}
	if err := pprof.Lookup(profile).WriteTo(f, 0); err != nil {
		log.Fatal(err)
	}
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
}

func main() {
	dir := flag.String("dir", ".", "where the profiles go")
	others := flag.Bool("more", false, "leak in the other ways, into more.pb.gz")
	flag.Parse()
	if *others {
		more()
		runtime.GC()
		write(*dir, "more.pb.gz", "heap")
		return
	}
	for i := range 50 {
		timerTicker()
		timerAfterfunc()
		ctxTimeout()
		ctxCancel()
		netFd()
		bufioReader()
		bytesBuffer()
		syncMap(i)
		listLru(i)
		regexpCompile()
		jsonChurn()
		appContainer(i)
		search()
	}
	runtime.GC()
	write(*dir, "heap.pb.gz", "heap")
	write(*dir, "goroutine.pb.gz", "goroutine")
}

func init() { runtime.MemProfileRate = 1 }
