// Command checkout takes orders of customers, and measures them per customer.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof"
	"time"

	"example.com/checkout/internal/checkout"
	"example.com/checkout/internal/stats"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(l.Addr())
	desk := checkout.NewDesk(stats.Start(time.Second), 4)
	http.Handle("/order", desk)
	go desk.Serve(150)
	log.Fatal(http.Serve(l, nil))
}
