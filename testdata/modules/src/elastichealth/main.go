// Command finder answers questions with the help of a search cluster. One node of the cluster hangs: it takes
// connections and requests, and never answers.
package main

import (
	"context"
	"fmt"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	_ "net/http/pprof"
	"os"
	"strings"
	"sync"
	"time"

	elastic "gopkg.in/olivere/elastic.v5"
)

type finder struct {
	client *elastic.Client
	mu     sync.Mutex
	recent [512]string // a ring of answers
	count  int
}

func (f *finder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), time.Second)
	defer cancel()
	text, err := f.find(ctx, r.FormValue("q"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	fmt.Fprint(w, text)
}

func (f *finder) find(ctx context.Context, q string) (string, error) {
	res, err := f.client.Search("books").Query(elastic.NewMatchQuery("title", q)).Size(10).Do(ctx)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, h := range res.Hits.Hits {
		fmt.Fprintf(&b, "%s %s\n", h.Id, *h.Source)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.recent[f.count%len(f.recent)] = b.String()
	f.count++
	return b.String(), nil
}

func connect(urls []string) (*elastic.Client, error) {
	return elastic.NewClient(elastic.SetURL(urls...), elastic.SetSniff(false),
		elastic.SetHealthcheckInterval(80*time.Millisecond), elastic.SetHealthcheckTimeout(120*time.Millisecond))
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "cluster" {
		cluster()
		return
	}
	urls, stop, err := startCluster()
	if err != nil {
		log.Fatal(err)
	}
	defer stop()
	client, err := connect(urls)
	if err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(l.Addr())
	f := &finder{client: client}
	http.Handle("/find", f)
	go func() {
		for {
			f.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", fmt.Sprintf("/find?q=word%d", rand.IntN(1000)), nil))
			time.Sleep(25 * time.Millisecond)
		}
	}()
	log.Fatal(http.Serve(l, nil))
}
