// Verdicts is one small service for each thing a heap can do through time: three of them leak, three only look like it.
// It writes its heap and its goroutines while it works, and beside them what the verdict has to be.
package main

import (
	"bytes"
	"compress/gzip"
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
	Patterns []string `json:"patterns,omitempty"`
	Note     string   `json:"note"`
}

func write(dir, name string, content []byte) {
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
		log.Fatal(err)
	}
}

func profile(kind string, debug int) []byte {
	var out bytes.Buffer
	if err := pprof.Lookup(kind).WriteTo(&out, debug); err != nil {
		log.Fatal(err)
	}
	return out.Bytes()
}

func packed(text []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(text); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	return out.Bytes()
}

func main() {
	dir := flag.String("dir", ".", "where the profiles go, in a folder for each service")
	name := flag.String("service", "slice", "which service")
	rounds := flag.Int("rounds", 12, "how many times the heap is written")
	apart := flag.Duration("apart", 500*time.Millisecond, "time between two of them")
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
	request := 0
	// Nothing is written after the first round: what a service starts with is there then.
	for round := -1; round < *rounds; round++ {
		for range 300 {
			serve(request)
			request++
		}
		if round < 0 {
			continue
		}
		time.Sleep(*apart)
		runtime.GC()
		write(folder, fmt.Sprintf("heap-%02d.pb.gz", round), profile("heap", 0))
		write(folder, fmt.Sprintf("goroutine-%02d.pb.gz", round), profile("goroutine", 0))
	}
	write(folder, "heap-debug1.txt.gz", packed(profile("heap", 1)))
	runtime.KeepAlive(serve)
}
