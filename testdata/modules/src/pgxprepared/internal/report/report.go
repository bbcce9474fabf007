// Package report sums amounts.
package report

import (
	"context"
	"encoding/json"
	"log"
	"math/rand/v2"
	"net/http"
	"time"

	"example.com/reports/internal/store"
)

// Reporter answers with sums.
type Reporter struct {
	store *store.Store
}

func New(s *store.Store) *Reporter { return &Reporter{s} }

type sums struct {
	Rows    []store.Amount `json:"rows"`
	Total   int64          `json:"total"`
	Minutes map[string]int `json:"minutes"`
}

func (r *Reporter) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var ids []int64
	if err := json.NewDecoder(req.Body).Decode(&ids); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s, err := r.report(req.Context(), ids)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	json.NewEncoder(w).Encode(s)
}

func (r *Reporter) report(ctx context.Context, ids []int64) (*sums, error) {
	rows, err := r.store.Amounts(ctx, ids)
	if err != nil {
		return nil, err
	}
	s := &sums{Rows: rows, Minutes: map[string]int{}}
	for _, a := range rows {
		s.Total += a.Amount
		s.Minutes[time.Now().Format("15:04")]++
	}
	return s, nil
}

// Ask asks for so many reports each second.
func (r *Reporter) Ask(perSecond int) {
	for {
		ids := make([]int64, 20+rand.IntN(300))
		for i := range ids {
			ids[i] = rand.Int64N(1e9)
		}
		if s, err := r.report(context.Background(), ids); err != nil {
			log.Fatal(err)
		} else if _, err := json.Marshal(s); err != nil {
			log.Fatal(err)
		}
		time.Sleep(time.Second / time.Duration(perSecond))
	}
}
