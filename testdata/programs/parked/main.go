// Command parked leaves goroutines behind, and writes dumps of them: before.txt and after.txt with
// ?debug=2, and the same moments in protobuf. With -quit it logs to standard error, and dies of
// SIGQUIT.
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"sync"
	"syscall"
	"time"
)

// Asks a slow backend and gives up: the answer is never taken.
func ask() {
	answer := make(chan int)
	go func() { answer <- slow() }()
	select {
	case <-answer:
	case <-time.After(time.Millisecond):
	}
}

func slow() int {
	time.Sleep(20 * time.Millisecond)
	return 7
}

// A till that one goroutine holds while it waits for a price.
type till struct {
	mu     sync.Mutex
	prices chan int
	sum    int
}

func (t *till) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum += <-t.prices
}

func (t *till) pay() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum++
}

func watch(ctx context.Context, prices chan int) {
	for {
		select {
		case <-prices:
		case <-ctx.Done():
			return
		}
	}
}

func serve(listener net.Listener) {
	for {
		if _, err := listener.Accept(); err != nil {
			return
		}
	}
}

func main() {
	dir := flag.String("dir", ".", "where the dumps go")
	apart := flag.Duration("apart", 0, "time between the dumps")
	quit := flag.Bool("quit", false, "log, and die of SIGQUIT")
	flag.Parse()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go serve(listener)
	t := &till{prices: make(chan int)}
	for range 5 {
		go watch(context.Background(), t.prices)
	}
	leave(12, nil)
	if *quit {
		log.Println("serving")
		leave(0, t)
		log.Println("overloaded")
		syscall.Kill(os.Getpid(), syscall.SIGQUIT)
		select {}
	}
	write(*dir, "before")
	time.Sleep(*apart)
	leave(28, t)
	write(*dir, "after")
}

// Leaves requests behind, and payments if there is a till.
func leave(requests int, t *till) {
	for range requests {
		ask()
	}
	if t != nil {
		go t.close()
		time.Sleep(20 * time.Millisecond)
		for range 7 {
			go t.pay()
		}
		var none chan int
		go func() { <-none }()
	}
	time.Sleep(200 * time.Millisecond)
	runtime.GC()
}

func write(dir, name string) {
	for extension, debug := range map[string]int{".txt": 2, ".pb.gz": 0} {
		file, err := os.Create(filepath.Join(dir, name+extension))
		if err != nil {
			log.Fatal(err)
		}
		if err := pprof.Lookup("goroutine").WriteTo(file, debug); err != nil {
			log.Fatal(err)
		}
		if err := file.Close(); err != nil {
			log.Fatal(err)
		}
	}
}
