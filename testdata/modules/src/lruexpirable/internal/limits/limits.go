// Package limits counts the calls of clients in windows of time.
package limits

import (
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"
)

const window = time.Minute

// Windows counts calls per client in the current window.
type Windows struct {
	calls *expirable.LRU[string, *atomic.Int64]
}

func NewWindows(clients int) *Windows {
	return &Windows{expirable.NewLRU[string, *atomic.Int64](clients, nil, window)}
}

// Allow counts a call and says whether it is within the limit.
func (w *Windows) Allow(client string, limit int64) bool {
	n, ok := w.calls.Get(client)
	if !ok {
		n = new(atomic.Int64)
		w.calls.Add(client, n)
	}
	return n.Add(1) <= limit
}
