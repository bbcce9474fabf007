// Package batch runs jobs with a fixed number of workers.
package batch

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"example.com/batch/internal/watch"
)

type result struct {
	ID     int
	Sum    uint32
	Chunks []int
	Ended  time.Time
}

// Queue hands jobs to workers and remembers the last results.
type Queue struct {
	jobs    chan int
	mu      sync.Mutex
	results [256]*result
	ended   int
}

func NewQueue(workers int) *Queue {
	q := &Queue{jobs: make(chan int, 64)}
	for range workers {
		go q.work()
	}
	return q
}

func (q *Queue) work() {
	buf := make([]byte, 64<<10)
	for id := range q.jobs {
		r, err := run(id, buf)
		if err != nil {
			continue
		}
		q.mu.Lock()
		q.results[q.ended%len(q.results)] = r
		q.ended++
		q.mu.Unlock()
	}
}

func run(id int, buf []byte) (*result, error) {
	w, err := watch.Start(id, fmt.Sprintf("account-%d", id%300))
	if err != nil {
		return nil, err
	}
	defer w.Stop()
	r := &result{ID: id}
	for _, stage := range []string{"read", "parse", "store"} {
		n := rand.IntN(len(buf))
		r.Sum = crc32.Update(r.Sum, crc32.IEEETable, buf[:n])
		r.Chunks = append(r.Chunks, n)
		w.Chunk(stage, n)
	}
	r.Ended = time.Now()
	return r, nil
}

func (q *Queue) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	json.NewEncoder(w).Encode(q.results)
}

// Fill adds so many jobs each second.
func (q *Queue) Fill(perSecond int) {
	for id := 0; ; id++ {
		q.jobs <- id
		time.Sleep(time.Second / time.Duration(perSecond))
	}
}
