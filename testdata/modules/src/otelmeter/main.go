// Command catalogue serves product pages. Its load comes from itself.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof"

	"example.com/catalogue/internal/web"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(l.Addr())
	shop := web.New(2500)
	http.Handle("/product/", shop)
	go shop.Visit(320)
	log.Fatal(http.Serve(l, nil))
}
