// Package web answers requests for product pages.
package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"time"

	"example.com/catalogue/internal/pages"
	"example.com/catalogue/internal/telemetry"
)

type product struct {
	Path    string            `json:"path"`
	Title   string            `json:"title"`
	Prices  []int             `json:"prices"`
	Details map[string]string `json:"details"`
}

// Server renders products and remembers the last ones.
type Server struct {
	cache *pages.Cache
}

func New(limit int) *Server { return &Server{pages.New(limit)} }

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	op, err := telemetry.Begin("catalogue.product")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer op.End(r.Context())
	body, ok := s.cache.Get(r.URL.Path)
	if !ok {
		body = render(r.URL.Path)
		s.cache.Put(r.URL.Path, body)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(body)
}

func render(path string) []byte {
	p := product{Path: path, Title: "Product at " + path, Details: map[string]string{}}
	for i := range 24 {
		p.Prices = append(p.Prices, 100+i*i)
		p.Details[fmt.Sprintf("detail %d", i)] = fmt.Sprintf("value %d of %s", i, path)
	}
	var b bytes.Buffer
	json.NewEncoder(&b).Encode(p)
	return bytes.Clone(b.Bytes())
}

// Visit asks the server for pages, so many a second.
func (s *Server) Visit(perSecond int) {
	t := time.NewTicker(time.Second / time.Duration(perSecond))
	for range t.C {
		path := fmt.Sprintf("/product/%d", int(rand.ExpFloat64()*1500))
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
	}
}
