// Command catalogue answers prices from a cache that is built anew with each price list.
package main

import (
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

	"github.com/allegro/bigcache"
)

type item struct {
	Article string `json:"article"`
	Cents   int    `json:"cents"`
	Stock   int    `json:"stock"`
}

type catalogue struct {
	cache atomic.Pointer[bigcache.BigCache]
	mu    sync.Mutex
	took  [20]int // answers by their time, in steps of 100 µs
}

// build makes the cache of one price list.
func build(list []item) (*bigcache.BigCache, error) {
	cache, err := bigcache.NewBigCache(bigcache.Config{
		Shards: 16, LifeWindow: 10 * time.Minute, CleanWindow: time.Minute,
		MaxEntriesInWindow: len(list), MaxEntrySize: 80,
	})
	if err != nil {
		return nil, err
	}
	for _, one := range list {
		data, err := json.Marshal(one)
		if err != nil {
			return nil, err
		}
		if err := cache.Set(one.Article, data); err != nil {
			return nil, err
		}
	}
	return cache, nil
}

func (c *catalogue) reload() {
	list := make([]item, 700)
	for i := range list {
		list[i] = item{fmt.Sprintf("a%04d", i), rand.IntN(10000), rand.IntN(50)}
	}
	fresh, err := build(list)
	if err != nil {
		log.Print(err)
		return
	}
	if old := c.cache.Swap(fresh); old != nil {
		drop(old)
	}
}

func (c *catalogue) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	data, err := c.cache.Load().Get(r.URL.Query().Get("article"))
	if err != nil {
		http.Error(w, "no such article", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(data)
	step := min(int(time.Since(start)/(100*time.Microsecond)), len(c.took)-1)
	c.mu.Lock()
	c.took[step]++
	c.mu.Unlock()
}

func ask(base string) {
	for range time.Tick(15 * time.Millisecond) {
		r, err := http.Get(fmt.Sprintf("%s/price?article=a%04d", base, rand.IntN(800)))
		if err != nil {
			log.Print(err)
			continue
		}
		var one item
		if r.StatusCode == http.StatusOK {
			json.NewDecoder(r.Body).Decode(&one)
		}
		r.Body.Close()
	}
}

func main() {
	c := new(catalogue)
	c.reload()
	http.Handle("/price", c)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		for range time.Tick(400 * time.Millisecond) {
			c.reload()
		}
	}()
	for i := 0; i < 3; i++ {
		go ask("http://" + l.Addr().String())
	}
	fmt.Println(l.Addr())
	log.Fatal(http.Serve(l, nil))
}
