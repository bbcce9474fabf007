// Command nameserver answers for an internal zone over TCP and shows what it answered over HTTP.
package main

import (
	"container/list"
	"encoding/json"
	"fmt"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	_ "net/http/pprof"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// answers keeps the last packed answers, at most max of them.
type answers struct {
	mu    sync.Mutex
	max   int
	order *list.List
	byQ   map[string]*list.Element
}

type answer struct {
	question string
	records  []dns.RR
}

func (a *answers) get(question string, make func() []dns.RR) []dns.RR {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e, ok := a.byQ[question]; ok {
		a.order.MoveToFront(e)
		return e.Value.(*answer).records
	}
	one := &answer{question, make()}
	a.byQ[question] = a.order.PushFront(one)
	if a.order.Len() > a.max {
		last := a.order.Back()
		delete(a.byQ, a.order.Remove(last).(*answer).question)
	}
	return one.records
}

type zone struct {
	cache  answers
	served atomic.Int64
}

func (z *zone) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	reply := new(dns.Msg)
	reply.SetReply(q)
	name := q.Question[0].Name
	reply.Answer = z.cache.get(name, func() []dns.RR {
		var records []dns.RR
		for i := 0; i < 4; i++ {
			records = append(records, &dns.A{
				Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60},
				A:   net.IPv4(10, byte(len(name)), byte(i), 7).To4(),
			})
		}
		return records
	})
	z.served.Add(1)
	if err := w.WriteMsg(reply); err != nil {
		log.Print(err)
	}
}

func (z *zone) statistics(w http.ResponseWriter, _ *http.Request) {
	z.cache.mu.Lock()
	kept := z.cache.order.Len()
	z.cache.mu.Unlock()
	json.NewEncoder(w).Encode(map[string]any{"served": z.served.Load(), "kept": kept, "at": time.Now()})
}

func serveZone(z *zone) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := &dns.Server{Listener: l, Handler: z}
	go func() { log.Fatal(server.ActivateAndServe()) }()
	return l.Addr().String()
}

// resolve asks one question on a connection of its own, as resolvers do after a truncated answer.
func resolve(addr string) {
	q := new(dns.Msg)
	q.SetQuestion(fmt.Sprintf("node-%d.internal.", rand.IntN(60000)), dns.TypeA)
	client := dns.Client{Net: "tcp", Timeout: 2 * time.Second}
	if _, _, err := client.Exchange(q, addr); err != nil {
		log.Print(err)
	}
}

// nowhere takes an answer that is asked for only to keep the page warm.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}

func main() {
	z := &zone{cache: answers{max: 20000, order: list.New(), byQ: map[string]*list.Element{}}}
	http.HandleFunc("/statistics", z.statistics)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	addr := serveZone(z)
	for i := 0; i < 2; i++ {
		go func() {
			for range time.Tick(8 * time.Millisecond) {
				resolve(addr)
			}
		}()
	}
	go func() {
		for range time.Tick(50 * time.Millisecond) {
			z.statistics(nowhere{}, nil)
		}
	}()
	fmt.Println(l.Addr())
	log.Fatal(http.Serve(l, nil))
}
