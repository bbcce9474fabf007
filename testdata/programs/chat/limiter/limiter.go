// Package limiter holds the rate limits of a chat server.
package limiter

import (
	"sync"
	"time"
)

// A Window is what one user sent lately.
type Window struct {
	stamps []int64
	bodies []byte
}

// A Limiter limits each user to a number of messages per window. It never forgets a user, which is
// the first leak of this program.
type Limiter struct {
	mu      sync.Mutex
	windows map[uint64]*Window
}

// New makes a Limiter that knows nobody.
func New() *Limiter {
	return &Limiter{windows: make(map[uint64]*Window)}
}

// Allow notes a message of a user and says whether it is within the limit.
func (l *Limiter) Allow(user uint64, body string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.windowFor(user)
	if len(w.stamps) == cap(w.stamps) {
		w.stamps = w.stamps[:0]
	}
	w.stamps = append(w.stamps, time.Now().UnixNano())
	copy(w.bodies, body)
	return len(w.stamps) < cap(w.stamps)
}

//go:noinline
func (l *Limiter) windowFor(user uint64) *Window {
	w := l.windows[user]
	if w == nil {
		w = &Window{stamps: make([]int64, 0, 128), bodies: make([]byte, 2048)}
		l.windows[user] = w
	}
	return w
}

// A RequestLimiter paces the answers to one request.
type RequestLimiter struct {
	ticker *time.Ticker
	burst  []byte
}

// NewRequestLimiter starts a ticker that nobody ever stops, which is the second leak.
//
//go:noinline
func NewRequestLimiter() *RequestLimiter {
	return &RequestLimiter{ticker: time.NewTicker(time.Hour), burst: make([]byte, 512)}
}

// Wait lets the request through.
func (r *RequestLimiter) Wait() int {
	return len(r.burst)
}
