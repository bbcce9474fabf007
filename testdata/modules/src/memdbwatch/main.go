// Command registry knows the services of a cluster and lets clients wait for changes.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof"

	"example.com/registry/internal/api"
	"example.com/registry/internal/cluster"
	"example.com/registry/internal/state"
)

func main() {
	store, err := state.New()
	if err != nil {
		log.Fatal(err)
	}
	if err := cluster.Fill(store); err != nil {
		log.Fatal(err)
	}
	http.Handle("/wait", api.Wait(store))
	http.Handle("/services", api.List(store))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go cluster.Run(store, "http://"+l.Addr().String())
	fmt.Println(l.Addr())
	log.Fatal(http.Serve(l, nil))
}
