// Command served is an HTTP service that heapdiff records: it serves net/http/pprof, puts itself under load, and leaks in
// the ways that its arguments name.
//
//	served -addr 127.0.0.1:0 [-every 5ms] [-size 4096] sessions|audit|subscribe|none...
//
// It prints its address.
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"runtime"
	"sync"
	"time"
)

var (
	addr  = flag.String("addr", "127.0.0.1:0", "where to listen")
	every = flag.Duration("every", 5*time.Millisecond, "time between two requests of each kind")
	size  = flag.Int("size", 4096, "bytes that a request of a leaking kind keeps")
	rate  = flag.Int("rate", 16<<10, "runtime.MemProfileRate")
)

// Sessions are kept by a number that never comes back.
var (
	sessionsMutex sync.Mutex
	sessions      = map[int][]byte{}
)

func login(w http.ResponseWriter, _ *http.Request) {
	sessionsMutex.Lock()
	defer sessionsMutex.Unlock()
	sessions[len(sessions)] = make([]byte, *size)
	fmt.Fprintln(w, len(sessions))
}

// The audit log is appended to and never written out.
var (
	auditMutex sync.Mutex
	entries    []*entry
)

type entry struct{ text []byte }

func audit(w http.ResponseWriter, _ *http.Request) {
	auditMutex.Lock()
	defer auditMutex.Unlock()
	entries = append(entries, &entry{make([]byte, *size)})
	fmt.Fprintln(w, len(entries))
}

// Each subscriber has a goroutine that waits for a message that never comes.
func subscribe(w http.ResponseWriter, _ *http.Request) {
	messages := make(chan int)
	buffer := make([]byte, *size)
	go deliver(messages, buffer)
	fmt.Fprintln(w, "subscribed")
}

func deliver(messages chan int, buffer []byte) {
	message := <-messages
	fmt.Println(message, buffer[0])
}

// The cache has a fixed number of places.
var (
	cacheMutex sync.Mutex
	cache      [512][]byte
	turn       int
)

func lookUp(w http.ResponseWriter, _ *http.Request) {
	cacheMutex.Lock()
	defer cacheMutex.Unlock()
	fill()
	fmt.Fprintln(w, turn)
}

//go:noinline
func fill() {
	turn++
	cache[turn%len(cache)] = make([]byte, 2048)
}

// A report needs much memory and keeps none.
func report(w http.ResponseWriter, _ *http.Request) {
	page := make([]byte, 0, 64<<10)
	for len(page) < 64<<10-16 {
		page = append(page, "a line of text\n"...)
	}
	fmt.Fprintln(w, len(page))
}

func load(url string) {
	for range time.Tick(*every) {
		response, err := http.Get(url)
		if err != nil {
			continue
		}
		io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
}

func main() {
	flag.Parse()
	runtime.MemProfileRate = *rate
	http.HandleFunc("/sessions", login)
	http.HandleFunc("/audit", audit)
	http.HandleFunc("/subscribe", subscribe)
	http.HandleFunc("/cache", lookUp)
	http.HandleFunc("/report", report)
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for range cache {
		fill()
	}
	at := "http://" + listener.Addr().String()
	for _, path := range append([]string{"cache", "report"}, flag.Args()...) {
		go load(at + "/" + path)
	}
	fmt.Println(at)
	fmt.Fprintln(os.Stderr, http.Serve(listener, nil))
}
