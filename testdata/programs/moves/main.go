// Moves is services in which memory moves from one function to another: what one function made when the service started,
// another one makes anew while it works. Some of them do nothing else; in the others something leaks at the same time.
// It writes its heap and its goroutines while it works, and beside it what the verdict has to be.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"time"
)

// Each allocation of a few kilobytes is likely to be recorded, and the files stay small.
func init() { runtime.MemProfileRate = 8 << 10 }

// truth is what a diagnosis has to find.
type truth struct {
	Verdict  string   `json:"verdict"`
	Culprits []string `json:"culprits"`
	Note     string   `json:"note"`
}

func write(dir, name string, content []byte) {
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
		log.Fatal(err)
	}
}

func main() {
	dir := flag.String("dir", ".", "where the profiles go, in a folder for each service")
	name := flag.String("service", "renew", "which service")
	rounds := flag.Int("rounds", 10, "how many times the heap is written")
	flag.Parse()

	service, ok := services[*name]
	if !ok {
		log.Fatalf("there is no service %q", *name)
	}
	folder := filepath.Join(*dir, *name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		log.Fatal(err)
	}
	text, err := json.MarshalIndent(service.truth, "", "  ")
	if err != nil {
		log.Fatal(err)
	}
	write(folder, "truth.json", append(text, '\n'))
	serve := service.start()
	requests := entries * 2 / 3
	for round := range *rounds {
		runtime.GC()
		var heap bytes.Buffer
		if err := pprof.WriteHeapProfile(&heap); err != nil {
			log.Fatal(err)
		}
		write(folder, fmt.Sprintf("heap-%02d.pb.gz", round), heap.Bytes())
		var goroutines bytes.Buffer
		if err := pprof.Lookup("goroutine").WriteTo(&goroutines, 0); err != nil {
			log.Fatal(err)
		}
		write(folder, fmt.Sprintf("goroutine-%02d.pb.gz", round), goroutines.Bytes())
		steps := *rounds - 1
		for request := requests * round / steps; round < steps && request < requests*(round+1)/steps; request++ {
			serve(request, requests)
		}
		time.Sleep(50 * time.Millisecond)
	}
	runtime.KeepAlive(serve)
}
