// Command thumbd makes small pictures of large ones.
package main

import (
	"bytes"
	"fmt"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	_ "net/http/pprof"
	"time"

	"example.com/thumbd/internal/thumbs"
	"example.com/thumbd/internal/web"
)

// nowhere takes the answers.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}

func upload(to http.Handler) {
	picture := make([]byte, 1200)
	for range time.Tick(18 * time.Millisecond) {
		for i := range picture {
			picture[i] = byte(rand.Uint32())
		}
		r, err := http.NewRequest("POST", "/pictures", bytes.NewReader(picture))
		if err != nil {
			log.Fatal(err)
		}
		to.ServeHTTP(nowhere{}, r)
	}
}

func main() {
	maker := thumbs.New(2)
	maker.CheckAll(22000)
	pictures := web.New(maker, 300)
	http.Handle("/pictures", pictures)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	for i := 0; i < 2; i++ {
		go upload(pictures)
	}
	fmt.Println(l.Addr())
	log.Fatal(http.Serve(l, nil))
}
