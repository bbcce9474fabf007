// Command prober looks at targets, and sends what it sees to statsd on behalf of each target's owner.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof"

	"example.com/prober/internal/probe"
)

func main() {
	sink, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		buf := make([]byte, 64<<10)
		for {
			if _, _, err := sink.ReadFrom(buf); err != nil {
				return
			}
		}
	}()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(l.Addr())
	p := probe.New(sink.LocalAddr().String())
	http.Handle("/state", p)
	go p.Loop(12)
	log.Fatal(http.Serve(l, nil))
}
