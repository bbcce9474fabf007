// Command scoring decides about payments by rules in Lua.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof"

	"example.com/scoring/internal/api"
	"example.com/scoring/internal/rules"
	"example.com/scoring/internal/traffic"
)

func main() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	engine, err := rules.New(ctx, 4)
	if err != nil {
		log.Fatal(err)
	}
	desk := api.New(engine)
	http.Handle("/score", desk)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go traffic.Drive(desk)
	fmt.Println(l.Addr())
	log.Fatal(http.Serve(l, nil))
}
