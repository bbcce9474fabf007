// Service is the gate as a service, for a test that takes heap profiles of it while it works: capture.sh
// starts it. With -leak it forgets no visit.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof"
	"sync"
)

// A visit is there while a request is served.
type visit struct {
	passenger string
	frame     [2 << 10]byte
}

// A desk knows the seats of the flights, which stay, and who is there.
type desk struct {
	seats [64][]byte
	leak  bool

	mutex  sync.Mutex
	here   map[int]*visit
	visits int
}

func newDesk(leak bool) *desk {
	d := &desk{leak: leak, here: make(map[int]*visit)}
	for i := range d.seats {
		d.seats[i] = make([]byte, 32<<10)
	}
	return d
}

func (d *desk) board(w http.ResponseWriter, r *http.Request) {
	id, v := d.enter(r.FormValue("pass"))
	defer d.leave(id)
	fmt.Fprintf(w, "%s may board, %d bytes seen\n", v.passenger, len(v.frame))
}

func (d *desk) enter(passenger string) (int, *visit) {
	v := &visit{passenger: passenger}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.visits++
	d.here[d.visits] = v
	return d.visits, v
}

func (d *desk) leave(id int) {
	if d.leak {
		return
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	delete(d.here, id)
}

func main() {
	address := flag.String("listen", "127.0.0.1:0", "where to listen; port 0 is any that is free")
	leak := flag.Bool("leak", false, "forget no visit")
	flag.Parse()
	http.HandleFunc("/board", newDesk(*leak).board)
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}
