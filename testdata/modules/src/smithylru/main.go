// Command signer signs requests with credentials that it keeps per account and renews all the time.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	_ "net/http/pprof"
	"sync"
	"time"

	"github.com/aws/smithy-go/container/private/cache"
	"github.com/aws/smithy-go/container/private/cache/lru"
)

type credentials struct {
	account string
	secret  [32]byte
	token   string
	until   time.Time
}

type provider struct {
	mu    sync.Mutex
	cache cache.Cache
}

func (p *provider) credentials(account string) *credentials {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, ok := p.cache.Get(account); ok && time.Now().Before(c.(*credentials).until) {
		return c.(*credentials)
	}
	c := renew(account)
	p.cache.Put(account, c)
	return c
}

func renew(account string) *credentials {
	token := make([]byte, 400)
	for i := range token {
		token[i] = byte(rand.Int())
	}
	return &credentials{account: account, token: hex.EncodeToString(token), until: time.Now().Add(400 * time.Millisecond)}
}

// journal is a ring of the last signatures.
type journal struct {
	mu   sync.Mutex
	next int
	last [4096]string
}

func (j *journal) add(s string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last[j.next%len(j.last)] = s
	j.next++
}

type signer struct {
	provider provider
	journal  journal
}

func (s *signer) sign(account, request string) string {
	c := s.provider.credentials(account)
	h := hmac.New(sha256.New, c.secret[:])
	h.Write([]byte(c.token + request))
	signature := hex.EncodeToString(h.Sum(nil))
	s.journal.add(signature)
	return signature
}

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(l.Addr())
	s := &signer{provider: provider{cache: lru.New(100)}}
	http.HandleFunc("/sign", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, s.sign(r.FormValue("account"), r.FormValue("request")))
	})
	for range 4 {
		go func() {
			for i := 0; ; i++ {
				s.sign(fmt.Sprintf("account-%d", rand.IntN(60)), fmt.Sprintf("GET /object/%d", i))
				time.Sleep(6 * time.Millisecond)
			}
		}()
	}
	log.Fatal(http.Serve(l, nil))
}
