// Package api answers payments in JSON.
package api

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"example.com/scoring/internal/rules"
)

// Payment is what a shop asks about.
type Payment struct {
	ID     string `json:"id"`
	Amount int    `json:"amount"`
	Age    int    `json:"age"`
}

type decision struct {
	Payment Payment   `json:"payment"`
	Risk    int       `json:"risk"`
	At      time.Time `json:"at"`
}

// Desk answers and remembers the last decisions.
type Desk struct {
	engine *rules.Engine
	mu     sync.Mutex
	last   [512]*decision
	n      int
}

// New makes a desk.
func New(engine *rules.Engine) *Desk { return &Desk{engine: engine} }

func (d *Desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var payments []Payment
	if err := json.NewDecoder(r.Body).Decode(&payments); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out := make([]*decision, 0, len(payments))
	for _, p := range payments {
		risk, err := d.engine.Score(p.Amount, p.Age)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		one := &decision{p, risk, time.Now()}
		d.remember(one)
		out = append(out, one)
	}
	json.NewEncoder(w).Encode(out)
}

func (d *Desk) remember(one *decision) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last[d.n%len(d.last)] = one
	d.n++
}
