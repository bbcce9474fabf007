// Command reports reads figures from a database, with the ids in the text of the query.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"

	"example.com/reports/internal/report"
	"example.com/reports/internal/store"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "database" {
		database()
		return
	}
	addr, stop, err := startDatabase()
	if err != nil {
		log.Fatal(err)
	}
	defer stop()
	s, err := store.Open(context.Background(), addr)
	if err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(l.Addr())
	r := report.New(s)
	http.Handle("/report", r)
	go r.Ask(90)
	log.Fatal(http.Serve(l, nil))
}
