// Package web takes pictures over HTTP.
package web

import (
	"encoding/json"
	"hash/fnv"
	"io"
	"net/http"
	"sync"

	"example.com/thumbd/internal/thumbs"
)

// Handler answers with the sums of the thumbnails and keeps those of the last pictures.
type Handler struct {
	maker  *thumbs.Maker
	mu     sync.Mutex
	recent map[uint64][]uint32
	ring   []uint64
	n      int
}

// New makes a handler that keeps the sums of keep pictures.
func New(maker *thumbs.Maker, keep int) *Handler {
	return &Handler{maker: maker, recent: map[uint64][]uint32{}, ring: make([]uint64, keep)}
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	picture, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	made, err := h.maker.Make(picture, []int{16, 64, 128, 256})
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	sums := make([]uint32, len(made))
	for i, one := range made {
		sums[i] = one.Sum
	}
	h.keep(picture, sums)
	json.NewEncoder(w).Encode(sums)
}

func (h *Handler) keep(picture []byte, sums []uint32) {
	id := fnv.New64a()
	id.Write(picture)
	h.mu.Lock()
	defer h.mu.Unlock()
	at := h.n % len(h.ring)
	delete(h.recent, h.ring[at])
	h.ring[at] = id.Sum64()
	h.recent[h.ring[at]] = sums
	h.n++
}
