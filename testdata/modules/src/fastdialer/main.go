// Command prober looks whether the nodes of a cluster answer, and serves what it saw.
package main

import (
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

	"github.com/valyala/fasthttp"
)

type sample struct {
	Node  string        `json:"node"`
	Up    bool          `json:"up"`
	Took  time.Duration `json:"took"`
	Bytes int           `json:"bytes"`
}

// history is a ring of samples for each node.
type history struct {
	mu    sync.Mutex
	nodes map[string]*[64]sample
	next  map[string]int
}

func (h *history) add(s sample) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ring := h.nodes[s.Node]
	if ring == nil {
		ring = new([64]sample)
		h.nodes[s.Node] = ring
	}
	ring[h.next[s.Node]%len(ring)] = s
	h.next[s.Node]++
}

func (h *history) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.write(w, r.URL.Query().Get("node"))
}

func (h *history) write(w io.Writer, node string) {
	h.mu.Lock()
	ring := h.nodes[node]
	var out []sample
	if ring != nil {
		out = append(out, ring[:]...)
	}
	h.mu.Unlock()
	json.NewEncoder(w).Encode(out)
}

func newClient() *fasthttp.Client {
	return &fasthttp.Client{
		ReadTimeout: time.Second,
		Dial: func(addr string) (net.Conn, error) {
			d := &fasthttp.TCPDialer{Concurrency: 64, DNSCacheDuration: time.Second}
			return d.DialTimeout(addr, 500*time.Millisecond)
		},
	}
}

func (h *history) probe(c *fasthttp.Client, target, node string) {
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(response)
	request.SetRequestURI("http://" + target + "/health?node=" + node)
	request.SetConnectionClose()
	start := time.Now()
	err := c.Do(request, response)
	h.add(sample{node, err == nil, time.Since(start), len(response.Body())})
}

// node plays the nodes of the cluster.
func node(ctx *fasthttp.RequestCtx) {
	fmt.Fprintf(ctx, "node %s: %d requests", ctx.QueryArgs().Peek("node"), rand.IntN(1<<20))
}

func main() {
	nodes, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(fasthttp.Serve(nodes, node)) }()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	h := &history{nodes: map[string]*[64]sample{}, next: map[string]int{}}
	client := newClient()
	go func() {
		for range time.Tick(9 * time.Millisecond) {
			h.probe(client, nodes.Addr().String(), fmt.Sprintf("n%02d", rand.IntN(40)))
		}
	}()
	go func() {
		for range time.Tick(40 * time.Millisecond) {
			h.write(io.Discard, fmt.Sprintf("n%02d", rand.IntN(40)))
		}
	}()
	http.Handle("/history", h)
	fmt.Println(l.Addr())
	log.Fatal(http.Serve(l, nil))
}
