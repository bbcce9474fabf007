// Package checkout takes orders, with a fixed number of connections to the payment side.
package checkout

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"example.com/checkout/internal/stats"
)

type line struct {
	Article string `json:"article"`
	Count   int    `json:"count"`
	Cents   int64  `json:"cents"`
}

type payment struct {
	buf [32 << 10]byte
}

// Desk serves customers.
type Desk struct {
	root *stats.Root
	pool chan *payment
}

func NewDesk(root *stats.Root, payments int) *Desk {
	d := &Desk{root, make(chan *payment, payments)}
	for range payments {
		d.pool <- new(payment)
	}
	return d
}

func (d *Desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var lines []line
	if err := json.NewDecoder(r.Body).Decode(&lines); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	d.visit(r.FormValue("customer"), lines)
}

func (d *Desk) visit(customer string, lines []line) {
	s := d.root.Session(customer)
	defer s.End()
	p := <-d.pool
	defer func() { d.pool <- p }()
	for _, l := range lines {
		text, _ := json.Marshal(l)
		copy(p.buf[:], text)
		s.Order(l.Cents * int64(l.Count))
	}
}

// Serve lets so many customers visit each second.
func (d *Desk) Serve(perSecond int) {
	for n := 0; ; n++ {
		lines := make([]line, 1+rand.IntN(5))
		for i := range lines {
			lines[i] = line{fmt.Sprintf("article-%d", rand.IntN(900)), 1, 995}
		}
		d.visit(fmt.Sprintf("customer-%06d", n), lines)
		time.Sleep(time.Second / time.Duration(perSecond))
	}
}
