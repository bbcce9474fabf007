// Command gateway lets tenants' calls through, within limits. Tenants come, call for a while, and go.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof"

	"example.com/gateway/internal/gateway"
)

func main() {
	shared := flag.Bool("shared", false, "keep the windows of all tenants in one cache")
	flag.Parse()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(l.Addr())
	g := gateway.New(*shared)
	http.Handle("/call/", g)
	go g.Simulate(24)
	log.Fatal(http.Serve(l, nil))
}
