// Command gateway passes requests to a plugin over one multiplexed connection.
package main

import (
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	_ "net/http/pprof"
	"time"

	"example.com/gateway/internal/front"
	"example.com/gateway/internal/peer"
	"example.com/gateway/internal/plugin"
)

func drive(base string) {
	for range time.Tick(12 * time.Millisecond) {
		r, err := http.Get(fmt.Sprintf("%s/render?page=%d", base, rand.IntN(80000)))
		if err != nil {
			log.Print(err)
			continue
		}
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
}

func main() {
	there, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go peer.Serve(there)
	client, err := plugin.Connect(there.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/render", front.New(client, 20000))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	for i := 0; i < 4; i++ {
		go drive("http://" + l.Addr().String())
	}
	fmt.Println(l.Addr())
	log.Fatal(http.Serve(l, nil))
}
