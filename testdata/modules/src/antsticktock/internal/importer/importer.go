// Package importer takes price lists in CSV.
package importer

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"github.com/panjf2000/ants/v2"
)

// Importer has the last price of each article.
type Importer struct {
	mu     sync.RWMutex
	prices map[string]int
}

// New makes an importer without prices.
func New() *Importer { return &Importer{prices: map[string]int{}} }

func (i *Importer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rows, err := csv.NewReader(r.Body).ReadAll()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	n, err := i.importRows(rows)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(w, "%d imported\n", n)
}

// importRows checks the rows side by side.
func (i *Importer) importRows(rows [][]string) (int, error) {
	pool, err := ants.NewPool(256, ants.WithPreAlloc(true))
	if err != nil {
		return 0, err
	}
	defer pool.Release()
	var (
		wg   sync.WaitGroup
		good sync.Map
	)
	for _, row := range rows {
		wg.Add(1)
		if err := pool.Submit(func() {
			defer wg.Done()
			if price, err := strconv.Atoi(row[1]); err == nil && price > 0 {
				good.Store(row[0], price)
			}
		}); err != nil {
			return 0, err
		}
	}
	wg.Wait()
	n := 0
	i.mu.Lock()
	defer i.mu.Unlock()
	good.Range(func(article, price any) bool {
		i.prices[article.(string)] = price.(int)
		n++
		return true
	})
	return n, nil
}
