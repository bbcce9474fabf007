// Harbor follows ships that report where they are, and writes its heap and its goroutines while it does.
// Four things happen at once: the logbook keeps every report, the pilot book fills and stays, reports are
// encoded and thrown away, and each ship that is hailed leaves a goroutine behind.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"math/rand"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"time"
)

func write(dir, name, kind string) {
	var packed bytes.Buffer
	if err := pprof.Lookup(kind).WriteTo(&packed, 0); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), packed.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}

func main() {
	dir := flag.String("dir", ".", "where the profiles go")
	seed := flag.Int64("seed", 1, "seed of what the ships do")
	first := flag.Int("first", 0, "number of the first profile")
	rounds := flag.Int("rounds", 12, "how many times the heap is written")
	apart := flag.Duration("apart", 150*time.Millisecond, "time between two of them")
	goroutines := flag.Bool("goroutines", false, "write goroutine profiles as well")
	twice := flag.Bool("twice", false, "write each heap a second time, with no collection in between")
	flag.Parse()

	random := rand.New(rand.NewSource(*seed))
	h := newHarbor()
	// Nothing is written after the first round: what is in sight is complete then.
	for round := *first - 1; round < *first+*rounds; round++ {
		for range 400 {
			h.serve(random)
		}
		if round < *first {
			continue
		}
		time.Sleep(*apart)
		runtime.GC()
		write(*dir, fmt.Sprintf("heap-%02d.pb.gz", round), "heap")
		if *goroutines {
			write(*dir, fmt.Sprintf("goroutine-%02d.pb.gz", round), "goroutine")
		}
		if *twice {
			write(*dir, fmt.Sprintf("heap-%02d-again.pb.gz", round), "heap")
		}
	}
	runtime.KeepAlive(h)
}
