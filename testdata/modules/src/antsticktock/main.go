// Command importd imports price lists that shops upload.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof"

	"example.com/importd/internal/importer"
	"example.com/importd/internal/shop"
)

func main() {
	http.Handle("/import", importer.New())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go shop.Upload("http://" + l.Addr().String())
	fmt.Println(l.Addr())
	log.Fatal(http.Serve(l, nil))
}
