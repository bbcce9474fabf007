// Command ingest takes events over HTTP/2 without TLS from proxies that keep their connections.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	_ "net/http/pprof"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const maxEvent = 2048

// seen has the sums of the last events, so that one that is sent twice counts once.
type seen struct {
	mu   sync.Mutex
	sums map[[32]byte]int
	ring [][32]byte
	n    int
}

func (s *seen) first(event []byte) bool {
	sum := sha256.Sum256(event)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.sums[sum]; known {
		return false
	}
	at := s.n % len(s.ring)
	delete(s.sums, s.ring[at])
	s.ring[at] = sum
	s.sums[sum] = s.n
	s.n++
	return true
}

type event struct {
	Kind string `json:"kind"`
	User int    `json:"user"`
	Text string `json:"text"`
}

type ingest struct {
	seen  seen
	mu    sync.Mutex
	kinds map[string]int
}

func (i *ingest) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") == "" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxEvent))
	if err != nil {
		return
	}
	var e event
	if json.Unmarshal(body, &e) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if i.seen.first(body) {
		i.mu.Lock()
		i.kinds[e.Kind]++
		i.mu.Unlock()
	}
	w.WriteHeader(http.StatusNoContent)
}

func serve(l net.Listener, handler http.Handler) {
	server := &http2.Server{MaxConcurrentStreams: 100}
	for {
		conn, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go server.ServeConn(conn, &http2.ServeConnOpts{Handler: handler})
	}
}

// proxy sends events on one connection and sends the body even if the answer came before it.
type proxy struct {
	framer *http2.Framer
	mu     sync.Mutex
	ended  chan uint32
	head   bytes.Buffer
	coder  *hpack.Encoder
	stream uint32
}

func dial(addr string) *proxy {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		log.Fatal(err)
	}
	io.WriteString(conn, http2.ClientPreface)
	p := &proxy{framer: http2.NewFramer(conn, conn), ended: make(chan uint32, 16), stream: 1}
	p.coder = hpack.NewEncoder(&p.head)
	p.framer.WriteSettings()
	go p.read()
	return p
}

func (p *proxy) read() {
	for {
		f, err := p.framer.ReadFrame()
		if err != nil {
			log.Fatal(err)
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				p.mu.Lock()
				p.framer.WriteSettingsAck()
				p.mu.Unlock()
			}
		case *http2.HeadersFrame:
			if f.StreamEnded() {
				p.ended <- f.StreamID
			}
		case *http2.GoAwayFrame:
			log.Fatalf("go away: %v", f)
		}
	}
}

func (p *proxy) send(token string) {
	body, _ := json.Marshal(event{Kind: fmt.Sprint("k", rand.IntN(20)), User: rand.IntN(1 << 20), Text: "clicked"})
	p.mu.Lock()
	p.head.Reset()
	for _, h := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":authority", "ingest"}, {":path", "/events"}} {
		p.coder.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]})
	}
	if token != "" {
		p.coder.WriteField(hpack.HeaderField{Name: "authorization", Value: token})
	}
	id := p.stream
	p.stream += 2
	p.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.head.Bytes(), EndHeaders: true})
	if token != "" {
		p.framer.WriteData(id, true, body)
		p.mu.Unlock()
		<-p.ended
		return
	}
	p.mu.Unlock()
	<-p.ended
	time.Sleep(time.Millisecond)
	p.mu.Lock()
	p.framer.WriteData(id, true, body)
	p.mu.Unlock()
}

func main() {
	events, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	i := &ingest{kinds: map[string]int{}}
	i.seen = seen{sums: map[[32]byte]int{}, ring: make([][32]byte, 60000)}
	go serve(events, i)
	for n := 0; n < 24; n++ {
		go func() {
			p := dial(events.Addr().String())
			for range time.Tick(28 * time.Millisecond) {
				p.send("Bearer 1")
				p.send("")
			}
		}()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(l.Addr())
	log.Fatal(http.Serve(l, nil))
}
