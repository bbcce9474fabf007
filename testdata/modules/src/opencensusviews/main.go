// Command batch runs jobs for accounts, and watches the sizes of each job's chunks.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof"

	"example.com/batch/internal/batch"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(l.Addr())
	q := batch.NewQueue(6)
	http.Handle("/jobs", q)
	go q.Fill(170)
	log.Fatal(http.Serve(l, nil))
}
