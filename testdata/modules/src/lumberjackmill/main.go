// Command jobs runs small jobs, each of which writes a log file.
package main

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"path/filepath"
	"sync"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"
)

type runner struct {
	folder string
	common *lumberjack.Logger // nil if each job has its own
	zip    sync.Pool
	mu     sync.Mutex
	done   map[int]int // jobs by result
}

func (r *runner) run(id int) error {
	var out io.Writer = r.common
	if r.common == nil {
		file := &lumberjack.Logger{
			Filename: filepath.Join(r.folder, fmt.Sprintf("job-%d.log", id%50)),
			MaxSize:  10, MaxBackups: 1,
		}
		defer file.Close()
		out = file
	}
	l := log.New(out, fmt.Sprintf("job %d ", id), log.LstdFlags)
	l.Print("starts")
	size, err := r.compress(rand.IntN(64 << 10))
	l.Printf("ends, %d bytes: %v", size, err)
	r.mu.Lock()
	r.done[size/1024]++
	r.mu.Unlock()
	return err
}

func (r *runner) compress(n int) (int, error) {
	var b bytes.Buffer
	z := r.zip.Get().(*gzip.Writer)
	defer r.zip.Put(z)
	z.Reset(&b)
	for i := range n {
		if _, err := z.Write([]byte{byte(i), byte(i >> 8)}); err != nil {
			return 0, err
		}
	}
	err := z.Close()
	return b.Len(), err
}

func main() {
	common := flag.Bool("common", false, "one log file for all jobs")
	flag.Parse()
	folder, err := os.MkdirTemp("", "jobs")
	if err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(l.Addr())
	r := &runner{folder: folder, done: map[int]int{}}
	r.zip.New = func() any { return gzip.NewWriter(io.Discard) }
	if *common {
		r.common = &lumberjack.Logger{Filename: filepath.Join(folder, "jobs.log"), MaxSize: 10, MaxBackups: 1}
	}
	http.HandleFunc("/done", func(w http.ResponseWriter, _ *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		fmt.Fprintln(w, r.done)
	})
	jobs := make(chan int)
	for range 3 {
		go func() {
			for id := range jobs {
				r.run(id)
			}
		}()
	}
	go func() {
		for id := 0; ; id++ {
			jobs <- id
			time.Sleep(12 * time.Millisecond)
		}
	}()
	log.Fatal(http.Serve(l, nil))
}
