// Command quotes asks a price service that is sometimes slow, and waits for at most some milliseconds.
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
	"strings"
	"sync"
	"time"

	"github.com/eapache/go-resiliency/deadline"
)

// backend answers most requests at once; some are slow and fail with a page for people.
func backend(w http.ResponseWriter, r *http.Request) {
	if rand.IntN(100) < 35 {
		time.Sleep(90 * time.Millisecond)
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintf(w, "<html>%s is not available%s</html>", r.URL.Query().Get("symbol"), strings.Repeat(" <br>", 1200))
		return
	}
	fmt.Fprintf(w, `{"symbol":%q,"bid":%d,"ask":%d}`, r.URL.Query().Get("symbol"), rand.IntN(1000), rand.IntN(1000))
}

type quote struct {
	Symbol string `json:"symbol"`
	Bid    int    `json:"bid"`
	Ask    int    `json:"ask"`
	at     time.Time
}

// board has the last quote of each symbol and drops those that are older than two seconds.
type board struct {
	mu     sync.RWMutex
	quotes map[string]quote
}

func (b *board) put(q quote) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.quotes[q.Symbol] = q
}

func (b *board) sweep() {
	for range time.Tick(time.Second) {
		b.mu.Lock()
		for symbol, q := range b.quotes {
			if time.Since(q.at) > 2*time.Second {
				delete(b.quotes, symbol)
			}
		}
		b.mu.Unlock()
	}
}

type prices struct {
	base  string
	limit *deadline.Deadline
	board board
}

func (p *prices) fetch(symbol string) (q quote, err error) {
	r, err := http.Get(p.base + "/price?symbol=" + symbol)
	if err != nil {
		return q, err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return q, err
	}
	if r.StatusCode != http.StatusOK {
		return q, fmt.Errorf("%s: %s", r.Status, body)
	}
	err = json.Unmarshal(body, &q)
	q.at = time.Now()
	return q, err
}

func (p *prices) handle(w http.ResponseWriter, r *http.Request) {
	symbol := r.URL.Query().Get("symbol")
	err := p.limit.Run(func(<-chan struct{}) error {
		q, err := p.fetch(symbol)
		if err == nil {
			p.board.put(q)
		}
		return err
	})
	p.board.mu.RLock()
	q, ok := p.board.quotes[symbol]
	p.board.mu.RUnlock()
	switch {
	case ok:
		json.NewEncoder(w).Encode(q)
	case err != nil:
		http.Error(w, "no price", http.StatusGatewayTimeout)
	}
}

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	base := "http://" + l.Addr().String()
	p := &prices{base: base, limit: deadline.New(30 * time.Millisecond), board: board{quotes: map[string]quote{}}}
	go p.board.sweep()
	http.HandleFunc("/price", backend)
	http.HandleFunc("/quote", p.handle)
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = 16
	for i := 0; i < 4; i++ {
		go func() {
			for range time.Tick(50 * time.Millisecond) {
				r, err := http.Get(fmt.Sprintf("%s/quote?symbol=S%d", base, rand.IntN(300)))
				if err != nil {
					log.Print(err)
					continue
				}
				io.Copy(io.Discard, r.Body)
				r.Body.Close()
			}
		}()
	}
	fmt.Println(l.Addr())
	log.Fatal(http.Serve(l, nil))
}
