// Chat is a small chat service without a network: requests are made in the process itself. It leaks in
// two places, shrinks in one and is healthy everywhere else, and writes what its heap looks like early
// and late in its life.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"log"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"

	"chat/limiter"
)

type request struct {
	User uint64 `json:"user"`
	Room int    `json:"room"`
	Text string `json:"text"`
}

// A Session is somebody who is connected now. There are always equally many.
type Session struct {
	user  uint64
	inbox []byte
}

type server struct {
	limits   *limiter.Limiter
	sessions *Ring[*Session]
	requests []*limiter.RequestLimiter
	history  *History
	rooms    []chan Message
	wait     sync.WaitGroup
}

// A Ring keeps the last n values.
type Ring[T any] struct {
	values []T
	next   int
}

func newRing[T any](n int) *Ring[T] {
	return &Ring[T]{values: make([]T, n)}
}

// Put replaces the oldest value.
func (r *Ring[T]) Put(v T) {
	r.values[r.next%len(r.values)] = v
	r.next++
}

func newServer(rooms int) *server {
	s := &server{
		limits:   limiter.New(),
		sessions: newRing[*Session](3000),
		history:  rebuildHistory(300, 60),
	}
	s.openRooms(rooms)
	return s
}

func (s *server) openRooms(n int) {
	for range n {
		inbox := make(chan Message, 16)
		s.rooms = append(s.rooms, inbox)
		s.wait.Add(1)
		go func() {
			defer s.wait.Done()
			broadcast(inbox)
		}()
	}
}

func broadcast(inbox <-chan Message) {
	last := make([]Message, 0, 64)
	for m := range inbox {
		if len(last) == cap(last) {
			last = last[:0]
		}
		last = append(last, m)
	}
}

// ServeHTTP takes one message.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var q request
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	pace := limiter.NewRequestLimiter()
	s.requests = append(s.requests, pace)
	pace.Wait()
	if !s.limits.Allow(q.User, q.Text) {
		http.Error(w, "slow down", http.StatusTooManyRequests)
		return
	}
	s.connect(q.User)
	s.rooms[q.Room%len(s.rooms)] <- Message{User: q.User, Room: q.Room, Text: q.Text}
	w.WriteHeader(http.StatusNoContent)
}

func (s *server) connect(user uint64) {
	s.sessions.Put(&Session{user: user, inbox: make([]byte, 2<<10)})
}

func load(h http.Handler, random *rand.Rand, requests int, users int) {
	for range requests {
		body, err := json.Marshal(request{
			User: uint64(random.Intn(users)),
			Room: random.Intn(64),
			Text: "is anybody there?",
		})
		if err != nil {
			log.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/say", bytes.NewReader(body))
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}

func write(dir, name, kind string) {
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		log.Fatal(err)
	}
	if err := pprof.Lookup(kind).WriteTo(f, 0); err != nil {
		log.Fatal(err)
	}
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
}

func main() {
	dir := flag.String("dir", ".", "where the profiles go")
	seed := flag.Int64("seed", 1, "seed of the load")
	apart := flag.Duration("apart", time.Minute, "time between the two profiles")
	before := flag.String("before", "before.pb.gz", "name of the first profile")
	after := flag.String("after", "after.pb.gz", "name of the second profile; none where empty")
	goroutines := flag.Bool("goroutines", false, "write goroutine profiles as well")
	flag.Parse()

	random := rand.New(rand.NewSource(*seed))
	s := newServer(32)
	mux := http.NewServeMux()
	mux.Handle("POST /say", s)

	load(mux, random, 6000, 4000)
	runtime.GC()
	write(*dir, *before, "heap")
	if *goroutines {
		write(*dir, "goroutine-"+*before, "goroutine")
	}
	if *after == "" {
		return
	}

	start := time.Now()
	s.history = rebuildHistory(110, 60)
	s.openRooms(40)
	load(mux, random, 55000, 42000)
	time.Sleep(*apart - time.Since(start))
	runtime.GC()
	write(*dir, *after, "heap")
	if *goroutines {
		write(*dir, "goroutine-"+*after, "goroutine")
	}
	runtime.KeepAlive(s)
}
